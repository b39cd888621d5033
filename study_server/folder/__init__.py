"""A study folder: its settings, making it, checking it."""

"""Two-alternative forced choices: which of two distorted images people find more similar to a reference."""

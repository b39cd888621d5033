"""The tidy response table: read, checked and written."""

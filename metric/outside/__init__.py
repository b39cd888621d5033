"""Metrics that are not of this project: of pyiqa, of other packages, and functions of the user's own."""

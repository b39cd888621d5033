"""Who judges what, and how far everybody is."""

"""Columns of the tidy response table: how one is declared, and how rules look at them."""

"""Metrics against people who chose the more similar of two images: 2AFC scores and rank flips (BAPPS, CLIC)."""

"""Metrics on the features of trained networks."""

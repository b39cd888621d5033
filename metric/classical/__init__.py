"""Metrics in closed form, on the pixels or on a transform of them."""

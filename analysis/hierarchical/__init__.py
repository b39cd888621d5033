"""Models in which participants and photographs differ, by Laplace's approximation."""

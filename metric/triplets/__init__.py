"""Sets of triplets that people judged, a reference and two images, and their distances under metrics."""

"""Trained weights: what a metric needs, where it is found, and that it is what it says.

- `metric.weights.needs`: what a metric needs, as data
- `metric.weights.finding`: where each need is met: a file that the user names, the local cache, an installed
  package, a download
- `metric.weights.checkpoint_files`: reading a file without running code in it
- `metric.weights.strict`: a checkpoint under our names, whole or not at all
"""

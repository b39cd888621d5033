"""Image pairs → distances. Imports neither `study_server` nor `analysis`.

What others may use:

- `metric.registry`: the metrics by name, what each is, and `load_metric`
- `metric.scoring.images.read_image`: a PNG or JPEG file as a tensor
- `metric.scoring.manifest.read_manifest`: the pairs of a study folder
- `metric.scoring.score.score_pairs`: the distances of pairs under several metrics
- `metric.interface.FeatureMetric`: what a metric is, for who writes one
- `metric.learned.lpips`, `metric.classical.baselines`: the metrics themselves, as functions and as torch modules
"""

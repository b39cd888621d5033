"""Metrics in closed form; none has weights."""

from __future__ import annotations

from metric.registry.spec import MetricSpec

SPECS = (
    MetricSpec(
        name="ssim",
        summary="1 − SSIM, Gaussian window of 11 × 11",
        source="Wang et al. 2004, Eq. 13",
        factory="metric.classical.baselines:build_ssim",
        smallest_px=11,
    ),
    MetricSpec(
        name="l2",
        summary="mean squared difference, no root",
        source="closed form",
        factory="metric.classical.baselines:build_l2",
        smallest_px=1,
    ),
)

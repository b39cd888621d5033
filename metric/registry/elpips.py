"""E-LPIPS: LPIPS averaged over random transformations of both images."""

from __future__ import annotations

from metric.registry import lpips
from metric.registry.backbones import VGG16
from metric.registry.spec import MetricSpec
from metric.weights.needs import WeightsNeed

_SOURCE = "Kettunen, Härkönen & Lehtinen 2019, Section 4"
_SCALED = "transformed, then (2x − 1) normalised by LPIPS's channel statistics"
_SMALLEST_PX = 9
"""With the 7 reflected pixels that make room for an offset, VGG-16's four poolings leave one position."""

_LINEAR = WeightsNeed(
    role="linear",
    what="the authors' channel weights of E-LPIPS-VGG",
    licence="BSD-2-Clause",
    cache_name="elpips-vgg-linear.pt",
    published=(
        "fetch elpips/vgg_full_avg.npy of github.com/mkettune/elpips, then run "
        "shift-study convert-weights elpips-vgg vgg_full_avg.npy"
    ),
)
_OF_LPIPS = next(spec.weights for spec in lpips.SPECS if spec.name == "lpips-vgg")

SPECS = (
    MetricSpec(
        name="elpips-vgg",
        summary="E-LPIPS on VGG-16, 50 draws",
        source=_SOURCE,
        factory="metric.learned.elpips:build_average",
        smallest_px=_SMALLEST_PX,
        identical=0.0,
        converts_to=_SCALED,
        weights=(_LINEAR, VGG16),
    ),
    MetricSpec(
        name="elpips-vgg-max",
        summary="LPIPS on VGG-16 over E-LPIPS's 50 draws",
        source=_SOURCE,
        factory="metric.learned.elpips:build_max",
        smallest_px=_SMALLEST_PX,
        identical=0.0,
        converts_to=_SCALED,
        weights=_OF_LPIPS,
    ),
)

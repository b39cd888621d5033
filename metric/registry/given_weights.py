"""Metrics whose weights no installed package carries: they are given as a file, or converted from the authors'."""

from __future__ import annotations

from metric.registry.spec import MetricSpec
from metric.weights.needs import WeightsNeed

_CONVERT = "shift-study convert-weights"

_PIEAPP = WeightsNeed(
    role="all",
    what="the trained weights of PieAPP v0.1",
    licence="none stated by the authors",
    cache_name="pieapp-v0.1.pt",
    published="fetch PieAPPv0.1.pth as github.com/prashnani/PerceptualImageError describes, then run "
    f"{_CONVERT} pieapp-dense PieAPPv0.1.pth (it serves pieapp-sparse too)",
)


def _pieapp(name: str, summary: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        summary=summary,
        source="Prashnani et al. 2018, Section 4",
        factory=f"metric.learned.pieapp:build_{name.removeprefix('pieapp-')}",
        smallest_px=64,
        identical=0.0,
        converts_to="BGR in [0, 255]",
        weights=(_PIEAPP,),
        note="It can be negative, and exchanging reference and image gives another value.",
    )


def _pim(components: int, summary: str, source: str) -> MetricSpec:
    name = f"pim-{components}"
    return MetricSpec(
        name=name,
        summary=summary,
        source=source,
        factory=f"metric.learned.pim:build_pim_{components}",
        smallest_px=1,
        identical=0.0,
        weights=(
            WeightsNeed(
                role="all",
                what=f"the trained weights of {name.upper()}",
                licence="Apache-2.0",
                cache_name=f"{name}.pt",
                published=f"fetch {name}.zip as the loader of github.com/google-research/perceptual-quality does, "
                f"then run {_CONVERT} {name} {name}.zip",
            ),
        ),
    )


_GTI_CNN = MetricSpec(
    name="gti-cnn",
    summary="squared difference of given features",
    source="Ma, Duanmu & Wang 2018",
    factory="metric.learned.gti_cnn:build_gti_cnn",
    smallest_px=1,
    identical=0.0,
    converts_to="RGB in [0, 1], or its luminance where the first layer reads one channel",
    note="The layers that are given set the smallest image.",
    weights=(
        WeightsNeed(
            role="all",
            what="the layers of GTI-CNN and their trained weights",
            licence="its trainer's",
            cache_name="gti-cnn.pt",
            published="its authors' file was not found in public; write one as docs/metrics-given-weights.md says",
        ),
    ),
)

SPECS: tuple[MetricSpec, ...] = (
    _pieapp("pieapp-sparse", "error of patches, every 27 pixels"),
    _pieapp("pieapp-dense", "error of patches, every 6 pixels"),
    _pim(1, "squared difference of multi-scale codes", "Bhardwaj et al. 2020, Section 3"),
    _pim(5, "divergence of mixtures of 5, multi-scale", "Bhardwaj et al. 2020, Section 3"),
    _GTI_CNN,
)

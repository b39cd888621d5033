"""The metrics by name: what each is, where it comes from, and how to build it.

The table is data and light to import; torch is loaded only by `load_metric`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from metric.errors import MetricError
from metric.extra import torch_is_installed
from metric.weights import WeightsFile

if TYPE_CHECKING:
    from metric.interface import FeatureMetric

_PAPER = "Ghildyal & Liu 2022, Section 5"
_OUR_LICENCE = "BSD-3-Clause"


@dataclass(frozen=True)
class MetricSpec:
    """One metric of the table.

    `factory` names a function as `module:function`; it takes this record and returns the metric on the CPU.
    `smallest_px` is the least width and height of an image that the metric can take, pixels.
    """

    name: str
    summary: str
    source: str
    factory: str
    smallest_px: int
    weights: WeightsFile | None = None
    code_licence: str = _OUR_LICENCE
    input_range: str = "RGB in [0, 1]"
    lower_is_more_similar: bool = True
    deterministic: bool = True

    def describe(self) -> dict[str, Any]:
        """What `shift-study metrics --json` says of it; `weights_path` is None where there is no file.

        `available` says whether torch and the weights, if it has any, are installed.
        """
        path = self.weights.locate_if_installed() if self.weights else None
        return {
            "metric": self.name,
            "summary": self.summary,
            "source": self.source,
            "code_licence": self.code_licence,
            "weights_licence": self.weights.licence if self.weights else None,
            "weights_distribution": self.weights.distribution if self.weights else None,
            "weights_path": str(path) if path else None,
            "available": torch_is_installed() and (self.weights is None or path is not None),
            "input_range": self.input_range,
            "smallest_px": self.smallest_px,
            "lower_is_more_similar": self.lower_is_more_similar,
            "deterministic": self.deterministic,
        }


METRICS: dict[str, MetricSpec] = {
    spec.name: spec
    for spec in (
        MetricSpec(
            name="stlpips-alex",
            summary="shift-tolerant LPIPS on AlexNet",
            source=_PAPER,
            factory="metric.stlpips:build_alex",
            smallest_px=21,
            weights=WeightsFile(
                distribution="stlpips_pytorch",
                path="stlpips_pytorch/weights/vST0.0/alex_shift_tolerant.pth",
                sha256="b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee",
                licence="BSD-2-Clause",
            ),
        ),
        MetricSpec(
            name="stlpips-vgg",
            summary="shift-tolerant LPIPS on VGG-16",
            source=_PAPER,
            factory="metric.stlpips:build_vgg",
            smallest_px=18,
            weights=WeightsFile(
                distribution="stlpips_pytorch",
                path="stlpips_pytorch/weights/vST0.0/vgg_shift_tolerant.pth",
                sha256="44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250",
                licence="BSD-2-Clause",
            ),
        ),
        MetricSpec(
            name="ssim",
            summary="1 − structural similarity, mean over RGB",
            source="Wang et al. 2004",
            factory="metric.baselines:build_ssim",
            smallest_px=11,
        ),
        MetricSpec(
            name="l2",
            summary="mean squared difference, no root",
            source="closed form",
            factory="metric.baselines:build_l2",
            smallest_px=1,
        ),
    )
}


def find_spec(name: str) -> MetricSpec:
    """The record of the metric `name`; `MetricError` lists the known names where there is none."""
    if name not in METRICS:
        raise MetricError(f'There is no metric "{name}"; the known ones are {", ".join(METRICS)}.')
    return METRICS[name]


def find_specs(names: Iterable[str]) -> list[MetricSpec]:
    """The records of several metrics, in the given order; `MetricError` for one unknown or named twice."""
    specs: list[MetricSpec] = []
    for name in names:
        spec = find_spec(name)
        if spec in specs:
            raise MetricError(f'The metric "{name}" is named twice; name it once.')
        specs.append(spec)
    if not specs:
        raise MetricError(f"Name at least one metric; the known ones are {', '.join(METRICS)}.")
    return specs


def load_metric(name: str, device: str = "cpu") -> FeatureMetric:
    """The metric `name` with its trained weights, to be evaluated and not trained.

    `device` is `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        MetricError: for an unknown name, an unavailable device, or weights that are not installed or not
            the published ones.
    """
    spec = find_spec(name)
    from metric.device import choose_device

    chosen = choose_device(device)
    module, _, function = spec.factory.partition(":")
    metric: FeatureMetric = getattr(import_module(module), function)(spec)
    metric = metric.to(chosen).eval().requires_grad_(False)
    metric.arrange()
    return metric

"""From a name to a metric: of this project, of another package, or a function of the user's own.

Light to import; torch is loaded only by `load_metric`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from metric.errors import MetricError, MisfitError
from metric.extra import require_torch
from metric.learned.trained_record import describe_trained, is_trained_file
from metric.outside.resolving import find_outside
from metric.registry import METRICS
from metric.registry.spec import MetricSpec
from metric.weights.finding import Weights

if TYPE_CHECKING:
    from metric.device import Precision
    from metric.interface import FeatureMetric


def find_spec(name: str) -> MetricSpec:
    """The record of the metric `name`: of this project, `pyiqa:NAME`, code of the user's own, or of a package.

    A name that ends in `.safetensors` is a file of a metric that was trained here.

    Raises:
        MetricError: lists the known names where there is none; or what is wrong with the file.
    """
    if name in METRICS:
        return METRICS[name]
    if is_trained_file(name):
        return describe_trained(name)
    spec = find_outside(name)
    if spec is None:
        alike = get_close_matches(str(name), METRICS)
        meant = f"do you mean {' or '.join(alike)}? " if alike else ""
        raise MetricError(f'There is no metric "{name}"; {meant}the known ones are {", ".join(METRICS)}.')
    return spec


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


def load_metric(
    name: str,
    device: str = "cpu",
    weights: Mapping[str, Path] | None = None,
    download: bool = False,
    precision: Precision = "float32",
) -> FeatureMetric:
    """The metric `name` with its trained weights, to be evaluated and not trained.

    Args:
        name: as `shift-study metrics` lists it, or another that `find_spec` knows.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        weights: role → file, for weights that are to be taken from there.
        download: whether weights that are nowhere here may be downloaded, where torchvision publishes them.
        precision: `float32`, or `bfloat16` for those that have it (see `metric.networks.fast.arrange`).

    Raises:
        MetricError: for an unknown name or role, an unavailable device or precision, or weights that are not
            installed, not the published ones or of another network.
    """
    spec = find_spec(name)
    require_torch(f'The metric "{name}"')
    from metric.device import Precision, choose_device

    chosen = choose_device(device)
    if precision not in get_args(Precision):
        raise MetricError(f'There is no precision "{precision}"; the known ones are {", ".join(get_args(Precision))}.')
    module, _, function = spec.factory.partition(":")
    found = Weights(name, spec.weights, weights or {}, download)
    try:
        metric: FeatureMetric = getattr(import_module(module), function)(spec, found)
    except MisfitError as error:
        raise found.blame(error) from error
    metric = metric.to(chosen).eval().requires_grad_(False)
    metric.arrange(precision)
    return metric

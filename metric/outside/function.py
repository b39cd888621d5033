"""A function or class of the user's own as a metric: `package.module:name`, `file.py:name` or `file.py`."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from metric.errors import MetricError
from metric.interface import FeatureMetric, Features
from metric.outside.own_code import find_own
from metric.registry.spec import MetricSpec

if TYPE_CHECKING:
    from metric.weights.finding import Weights


class FunctionMetric(FeatureMetric):
    """`function(references, images)`, both (N, 3, H, W) RGB in [0, 1], → distances (N,)."""

    def __init__(self, spec: MetricSpec, function: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__(spec)
        self._function = function

    def features(self, images: Tensor) -> Features:
        return (images,)

    def distance(self, reference: Features, images: Features) -> Tensor:
        """Raises `MetricError`, naming the function, where it fails or gives something else than N numbers."""
        name = self.spec.name
        try:
            distances = self._function(reference[0].expand_as(images[0]), images[0])
        except MetricError:
            raise
        except Exception as error:
            raise MetricError(f"{name} failed with {type(error).__name__}: {error}") from error
        if not isinstance(distances, Tensor):
            raise MetricError(f"{name} gives a {type(distances).__name__} instead of a tensor of distances.")
        count = len(images[0])
        if distances.shape != (count,):
            raise MetricError(f"{name} gives shape {tuple(distances.shape)} for {count} pairs instead of ({count},).")
        if not distances.is_floating_point():
            raise MetricError(f"{name} gives type {distances.dtype} instead of float.")
        if not bool(distances.isfinite().all()):
            raise MetricError(f"{name} gives a distance that is not a finite number.")
        return distances


def describe_function(name: str) -> MetricSpec:
    """The record of a function or class of the user's own; `MetricError` where there is none of that name."""
    found = find_own(name)
    return MetricSpec(
        name=name,
        summary=f"a {'class' if isinstance(found, type) else 'function'} of your own",
        source=name,
        factory=f"{__name__}:build",
        smallest_px=1,
        code_licence="its author's",
        deterministic=False,
        version=_digest(found),
        note="What it computes, and whether always the same, is its author's to say. Lower has to be more similar.",
    )


def _digest(found: Callable[..., Any]) -> str:
    """Of the file that the function or class is in, or "" for one without a file."""
    file = getattr(import_module(found.__module__), "__file__", None) if hasattr(found, "__module__") else None
    return f"SHA-256 {sha256(Path(file).read_bytes()).hexdigest()[:16]}" if file else ""


def build(spec: MetricSpec, weights: Weights) -> FeatureMetric:
    """The metric that the record is named after: a function, or an instance of a class made without arguments.

    A `FeatureMetric` is made with the record, and taken as it is.

    Raises:
        MetricError: where a class cannot be made so, or what it makes cannot be called.
    """
    found = find_own(spec.name)
    if not isinstance(found, type):
        return FunctionMetric(spec, found)
    try:
        made = found(spec) if issubclass(found, FeatureMetric) else found()
    except Exception as error:
        given = "its record" if issubclass(found, FeatureMetric) else "no arguments"
        raise MetricError(f"{spec.name} cannot be made with {given}: {type(error).__name__}: {error}") from error
    if isinstance(made, FeatureMetric):
        return made
    if not callable(made):
        raise MetricError(f"{spec.name} makes what cannot be called with a reference and an image.")
    return FunctionMetric(spec, made)

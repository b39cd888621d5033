"""A function of the user's own as a metric: `package.module:function`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from metric.errors import MetricError
from metric.interface import FeatureMetric, Features
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
    """The record of `package.module:function`; `MetricError` where there is no such function."""
    function = _import(name)
    return MetricSpec(
        name=name,
        summary="a function of your own",
        source=name,
        factory=f"{__name__}:build",
        smallest_px=1,
        code_licence="its author's",
        deterministic=False,
        version=_digest(function),
        note="What it computes, and whether always the same, is its author's to say. Lower has to be more similar.",
    )


def _digest(function: Callable[..., Any]) -> str:
    """Of the file that the function is in, or "" for one without a file."""
    file = getattr(import_module(function.__module__), "__file__", None) if hasattr(function, "__module__") else None
    return f"SHA-256 {sha256(Path(file).read_bytes()).hexdigest()[:16]}" if file else ""


def build(spec: MetricSpec, weights: Weights) -> FunctionMetric:
    """The function that the record is named after."""
    return FunctionMetric(spec, _import(spec.name))


def _import(name: str) -> Callable[[Tensor, Tensor], Any]:
    module_name, _, function_name = name.partition(":")
    folder = str(Path.cwd())
    sys.path.insert(0, folder)  # a file in the current folder is found, as by `python -m`
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise MetricError(f"{name} cannot be imported: there is no module {error.name}.") from error
    except Exception as error:
        raise MetricError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)
    function = getattr(module, function_name, None)
    if function is None:
        raise MetricError(f'The module {module_name} has no "{function_name}".')
    if isinstance(function, type):
        raise MetricError(f"{name} is a class; name a function, or an instance of the class.")
    if not callable(function):
        raise MetricError(f"{name} is not a function of a reference and an image.")
    result: Callable[[Tensor, Tensor], Any] = function
    return result

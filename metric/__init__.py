"""Image pairs → distances. Imports neither `study_server` nor `analysis`.

`load` gives a metric by name. What else others may use:

- `metric.registry`: the metrics by name, and what each is, as data
- `metric.loading`: from a name to a metric
- `metric.interface.FeatureMetric`: what a metric is, for who writes one
- `metric.networks`: networks of features built from their elements
- `metric.scoring`: many pairs of a study under several metrics
- `metric.classical`, `metric.learned`: the metrics themselves, as functions and as torch modules
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from metric.device import Precision
    from metric.interface import FeatureMetric

File: TypeAlias = str | PathLike[str]


def load(
    name: File,
    *,
    device: str = "auto",
    precision: Precision = "float32",
    weights: File | Mapping[str, File] | None = None,
    download: bool = False,
) -> FeatureMetric:
    """The metric `name`, a torch module to be called with references and images: distances of shape (N,).

    A call takes tensors (N, 3, H, W) or (3, H, W) in [0, 1], arrays (H, W, 3), PIL images or paths, or lists of
    these, see `metric.inputs.Pictures`; `.map` takes the same and gives maps (N, H, W). Values are differentiable
    where an image requires a gradient, and have the type of the images (see `metric.interface.FeatureMetric`).

    Args:
        name: as `shift-study metrics` lists it, `pyiqa:NAME`, `package.module:name` or `file.py:name`, or the path of
            a metric that was trained here, which ends in `.safetensors`.
        device: `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:N`.
        precision: `float32`, or `bfloat16` for less exact distances sooner; a processor that has no bfloat16
            computes in float32, which a warning says.
        weights: a file, or a file for each role, where those that are installed are not to be used.
        download: whether weights that are nowhere here may be downloaded.

    Raises:
        MetricError: for an unknown name, device or precision, and weights that are missing or of another network.

    >>> import torch
    >>> metric = load("l2", device="cpu")
    >>> metric(torch.zeros(2, 3, 8, 8), torch.full((2, 3, 8, 8), 0.5))
    tensor([0.2500, 0.2500])
    """
    import warnings
    from os import fspath
    from pathlib import Path

    from metric.errors import MetricError
    from metric.loading import find_spec, load_metric

    name = fspath(name)
    given: dict[str, Path] = {}
    if isinstance(weights, str | PathLike):
        roles = [need.role for need in find_spec(name).weights]
        if not roles:
            raise MetricError(f"{name} needs no weights; leave them out.")
        if len(roles) > 1:
            named = ", ".join(roles)
            raise MetricError(f"{name} needs weights of these roles: {named}; give a file for each by its role.")
        given = {roles[0]: Path(weights)}
    elif weights:
        given = {role: Path(file) for role, file in weights.items()}
    metric = load_metric(name, device, given, download, precision)
    if precision != "float32":
        from metric.device import choose_device
        from metric.networks.fast import computed_in

        arithmetic = computed_in(precision, choose_device(device))
        if arithmetic != precision:
            warnings.warn(f"{name} is computed in {arithmetic}.", stacklevel=2)
    return metric

"""The metric in a file that `shift-study train` has written."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from metric.errors import MetricError, MisfitError
from metric.learned.lpips import LPIPS
from metric.learned.trained_record import read_record
from metric.networks.build import build_network, smallest_image
from metric.weights.strict import rename_strictly

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

_CONSTANTS = ("mean", "deviation")
"""What every LPIPS has: no file need say it."""


def build(spec: MetricSpec, weights: Weights) -> LPIPS:
    """The metric of the file that the record is named after, on the CPU.

    Raises:
        MetricError: where its tensors are not those of its network, or not those that were written.
    """
    path = Path(spec.name)
    record = read_record(path)
    tensors = weights.read("all")
    metric = LPIPS(spec, build_network(record.variant))
    try:
        load_trained(metric, tensors)
    except MisfitError as error:
        raise MetricError(f"{path} is not the metric that it says it is. {error}") from error
    if digest(tensors) != record.tensors_sha256 or smallest_image(record.variant) != record.smallest_px:
        raise MetricError(f"{path} is not as it was written; take the file of the training again.")
    return metric


def load_trained(metric: LPIPS, tensors: Mapping[str, Tensor]) -> None:
    """Takes over tensors by the names that `trained_tensors` gives them.

    Raises:
        MisfitError: names the first tensor that is missing, left over, of another shape or type, or not finite, and
            channel weights that are negative, which would not give a distance.
    """
    state = metric.state_dict()
    names = {name: name for name in state if name not in _CONSTANTS}
    taken = rename_strictly(tensors, names, {name: state[name] for name in names})
    for name, tensor in taken.items():
        if name.startswith("channel_weights.") and bool((tensor < 0).any()):
            raise MisfitError(f'"{name}" has a negative channel weight.')
    metric.load_state_dict(state | taken, strict=True)


def trained_tensors(metric: LPIPS) -> dict[str, Tensor]:
    """What makes a metric this one: `network.…` and `channel_weights.…`, each by itself, dense, on the CPU.

    Numbers of floating point are float32.
    """
    tensors = {}
    for name, tensor in metric.state_dict().items():
        if name not in _CONSTANTS:
            kind = torch.float32 if tensor.is_floating_point() else tensor.dtype
            tensors[name] = tensor.detach().to("cpu", kind).clone(memory_format=torch.contiguous_format)
    return tensors


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of dense tensors on the CPU: their names, shapes, types and numbers, in the order of the names."""
    found = sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        found.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()

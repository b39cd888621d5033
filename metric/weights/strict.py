"""A checkpoint under our names: whole, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metric.errors import MisfitError

if TYPE_CHECKING:
    from torch import Tensor


def rename_strictly(
    checkpoint: Mapping[str, Tensor], published_names: Mapping[str, str], expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """A checkpoint under our names and in our types, if it has exactly the tensors that a network expects.

    Args:
        checkpoint: tensors under the names of the implementation that trained them.
        published_names: our name → that implementation's name, for every tensor of the network.
        expected: our name → a tensor of the shape and type wanted, in the network's order; where it is of floating
            point, other such types are cast to it.

    Raises:
        MisfitError: names the first tensor that is missing, left over, of another shape, not dense, of a type that
            the network has no use for, or not finite.
    """
    import torch

    floating = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    renamed: dict[str, Tensor] = {}
    for ours, tensor in expected.items():
        published = published_names[ours]
        if published not in checkpoint:
            raise MisfitError(f'The checkpoint has no "{published}".')
        found = checkpoint[published]
        if found.shape != tensor.shape:
            raise MisfitError(
                f'"{published}" in the checkpoint has shape {tuple(found.shape)} instead of {tuple(tensor.shape)}.'
            )
        if not is_dense(found):
            raise MisfitError(f'"{published}" in the checkpoint is not stored as a dense tensor.')
        if found.dtype not in (floating if tensor.is_floating_point() else (tensor.dtype,)):
            raise MisfitError(f'"{published}" in the checkpoint is of {found.dtype} instead of {tensor.dtype}.')
        renamed[ours] = found.to(tensor.dtype)
        if not bool(renamed[ours].isfinite().all()):
            raise MisfitError(f'"{published}" in the checkpoint has values that are not finite.')
    taken = {published_names[ours] for ours in expected}
    for published in checkpoint:
        if published not in taken:
            raise MisfitError(f'The checkpoint has "{published}", which this network does not.')
    return renamed


def is_dense(tensor: Tensor) -> bool:
    """Whether the tensor has a number of its own for each element: it is not sparse, quantized, or without data."""
    import torch

    return tensor.layout is torch.strided and not (tensor.is_quantized or tensor.is_meta)

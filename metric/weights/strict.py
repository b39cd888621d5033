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
    """A checkpoint under our names, if it has exactly the tensors that a network expects.

    Args:
        checkpoint: tensors under the names of the implementation that trained them.
        published_names: our name → that implementation's name, for every tensor of the network.
        expected: our name → a tensor of the shape wanted, in the network's order.

    Raises:
        MisfitError: names the first tensor that is missing, left over, of another shape or not finite.
    """
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
        if found.is_floating_point() and not bool(found.isfinite().all()):
            raise MisfitError(f'"{published}" in the checkpoint has values that are not finite.')
        renamed[ours] = found
    taken = {published_names[ours] for ours in expected}
    for published in checkpoint:
        if published not in taken:
            raise MisfitError(f'The checkpoint has "{published}", which this network does not.')
    return renamed

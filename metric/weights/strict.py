"""A checkpoint under our names: whole, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metric.errors import MetricError

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
        MetricError: names the first tensor that is missing, left over or of another shape.
    """
    renamed: dict[str, Tensor] = {}
    for ours, tensor in expected.items():
        published = published_names[ours]
        if published not in checkpoint:
            raise MetricError(f'The checkpoint has no "{published}"; it is not for this network.')
        found = checkpoint[published]
        if found.shape != tensor.shape:
            raise MetricError(
                f'"{published}" in the checkpoint has shape {tuple(found.shape)} instead of '
                f"{tuple(tensor.shape)}; it is not for this network."
            )
        renamed[ours] = found
    taken = {published_names[ours] for ours in expected}
    for published in checkpoint:
        if published not in taken:
            raise MetricError(f'The checkpoint has "{published}", which this network does not; it is for another.')
    return renamed

"""How far features of two images are apart, channel by channel, with a gradient that is found in few passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

_NO_LENGTH = 1e-10
"""Added to the length of a feature vector, as the metric does (`metric.learned.lpips`)."""


def mean_differences(maps: Tensor, kept: Tensor | None = None) -> Tensor:
    """Means over positions of the squared differences of unit vectors: (N, 2, C), of both images from the reference.

    Weighed by channel and summed, these are LPIPS at one level (Zhang et al. 2018, Eq. 1).

    Args:
        maps: features (3N, C, h, w) of N references, then of N first and of N second images.
        kept: (N, 2, C, h, w), what squares are multiplied with, see `kept_differences`.
    """
    found: Tensor = _MeanDifferences.apply(maps, kept)
    return found


class _MeanDifferences(torch.autograd.Function):
    """By hand, since left to autograd these differences took half of a step's time."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, kept: Tensor | None) -> Tensor:
        length = torch.linalg.vector_norm(maps, dim=1, keepdim=True).add_(_NO_LENGTH)
        unit = maps / length
        reference, *compared = unit.chunk(3)
        means = []
        for image, other in enumerate(compared):
            squares = (reference - other).square_()
            if kept is not None:
                squares.mul_(kept[:, image])
            means.append(squares.mean(dim=(2, 3)))
        ctx.save_for_backward(unit, length, kept)
        return torch.stack(means, dim=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        unit, length, kept = ctx.saved_tensors
        reference, *compared = unit.chunk(3)
        positions = unit.shape[2] * unit.shape[3]
        of_unit = torch.empty_like(unit)
        of_reference, *of_compared = of_unit.chunk(3)
        for image, other in enumerate(compared):
            towards = torch.sub(other, reference, out=of_compared[image])
            towards.mul_((2 / positions * gradients[0][:, image])[..., None, None])
            if kept is not None:
                towards.mul_(kept[:, image])
        torch.add(*of_compared, out=of_reference).neg_()
        # Of a vector's change, what is along it does not change its direction.
        along = (unit * of_unit).sum(dim=1, keepdim=True)
        return of_unit.addcmul_(unit, along, value=-1).div_(length), None


def kept_differences(
    shapes: Sequence[torch.Size], keys: Sequence[int], dropout: float, device: torch.device
) -> list[Tensor]:
    """What dropout multiplies squared differences with, (N, 2, C, h, w) a level: 0, or 1 / (1 − dropout).

    It depends on the triplet's key alone, and so not on how triplets are spread over processes.

    Args:
        shapes: (C, h, w) of the features of each level.
        keys: of each of N triplets, see `dropout_key`.
        dropout: the chance of 0.
        device: where they are wanted.
    """
    # Channels last, as the features are.
    kept = [torch.empty(len(keys), 2, h, w, channels, device=device) for channels, h, w in shapes]
    generator = torch.Generator(device)
    for number, key in enumerate(keys):
        generator.manual_seed(key)
        for level in kept:
            level[number].bernoulli_(1 - dropout, generator=generator)
    return [level.div_(1 - dropout).permute(0, 1, 4, 2, 3) for level in kept]


def dropout_key(seed: int, epoch: int, sample: int) -> int:
    """The seed of a triplet's dropout in an epoch.

    >>> dropout_key(0, 0, 1) == dropout_key(0, 1, 0)
    False
    """
    return int(np.random.SeedSequence([seed, epoch, sample]).generate_state(1, np.uint64)[0]) >> 1

"""How far a shift of a few pixels moves a network's features, in units of how far another photograph does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metric.device import exact_float32
from metric.errors import MetricError
from metric.networks.build import smallest_image
from metric.networks.network import FeatureNetwork
from metric.networks.statistics import normalise_images
from metric.pixels import Pixels, to_tensor

SHIFTS_PX = (1, 2, 3)
_NO_LENGTH = 1e-10
"""Least length that a feature is divided by, so that one of zeros stays one."""


@dataclass(frozen=True)
class ShiftError:
    """Measured shift error of one network.

    Attributes:
        shifts_px: the shifts.
        overall: error of each shift, mean over levels and photographs.
        standard_error: of each, over the photographs.
        by_level: error of each shift (row) and level (column), mean over photographs.
        by_photograph: error of each shift (row) and photograph (column), mean over levels. Networks are measured on
            the same photographs, so two of them are to be compared photograph by photograph.
        size_px: of the crops.
    """

    shifts_px: tuple[int, ...]
    overall: tuple[float, ...]
    standard_error: tuple[float, ...]
    by_level: tuple[tuple[float, ...], ...]
    by_photograph: tuple[tuple[float, ...], ...]
    size_px: int


def measure_shift_error(
    network: FeatureNetwork,
    photographs: Mapping[str, Pixels],
    *,
    shifts_px: Sequence[int] = SHIFTS_PX,
    size_px: int = 256,
    advance: Callable[[], object] = lambda: None,
) -> ShiftError:
    """The shift error of a network's features.

    Let u(x) be the features of crop x at one level, each scaled to unit length over channels, and d(x, y) the mean
    over positions of the squared length of u(x) − u(y) at the same position: LPIPS without channel weights. The
    error of photograph i, shift s and level is d(x_i, x_i shifted by s) divided by the mean of d(x_i, x_j) over all
    other photographs j. So 0 is a feature that does not see the shift, and 1 one to which the shifted crop is
    as different as another photograph. Levels are averaged, then photographs.

    It measures invariance, not equivariance: features are compared at the same positions, as a metric does (Ghildyal
    & Liu 2022, Section 5, Figure 3). A window of `size_px` from the middle of each photograph is the reference, and
    the shifted one has its content that many pixels further left.

    Args:
        network: with weights, on any device.
        photographs: 8-bit RGB (H, W, 3) by name; at least two.
        shifts_px: horizontal shifts, pixels.
        size_px: width and height of the crops.
        advance: called after each photograph.

    Raises:
        MetricError: for fewer than two photographs, one that is too small for the crops, and crops too small for
            the network.
    """
    if len(photographs) < 2:
        raise MetricError("The shift error needs at least two photographs, to know how far apart different ones are.")
    crops = [cut_crops(name, pixels, (0, *shifts_px), size_px) for name, pixels in photographs.items()]
    references: list[list[Tensor]] = []
    moved: list[Tensor] = []
    for images in crops:
        levels = level_features(network, images)
        references.append([level[:1] for level in levels])
        moved.append(torch.stack([_difference(level[:1], level[1:]) for level in levels], dim=1))
        advance()
    errors = np.stack(
        [
            (moved[i] / _to_others(references, i)).cpu().double().numpy()  # (shifts, levels)
            for i in range(len(references))
        ]
    )
    per_photograph = errors.mean(axis=2)
    spread = per_photograph.std(axis=0, ddof=1) / np.sqrt(len(errors))
    return ShiftError(
        tuple(shifts_px),
        tuple(per_photograph.mean(axis=0).tolist()),
        tuple(spread.tolist()),
        tuple(tuple(row) for row in errors.mean(axis=0).tolist()),
        tuple(tuple(row) for row in per_photograph.T.tolist()),
        size_px,
    )


def cut_crops(name: str, pixels: Pixels, shifts_px: Sequence[int], size_px: int | None) -> Tensor:
    """Windows of an image, each moved right by one of the shifts, (N, 3, h, w) in [0, 1].

    Args:
        name: of the image, for the sentence of an error.
        pixels: 8-bit RGB, (H, W, 3).
        shifts_px: none negative.
        size_px: width and height of windows from the middle; None for the largest that there are.

    Raises:
        MetricError: where the image is too small for them.
    """
    height, width = pixels.shape[:2]
    farthest = max(shifts_px)
    window_height, window_width = (height, width - farthest) if size_px is None else (size_px, size_px)
    if not 0 < window_height <= height or not 0 < window_width <= width - farthest:
        size = f"a window of {size_px}" if size_px else "an image"
        needed = f"{(size_px or 1) + farthest} × {size_px or 1}"
        raise MetricError(
            f"{name} has {width} × {height} pixels; {size} shifted by {farthest} pixels needs at least {needed}."
        )
    top, left = (height - window_height) // 2, (width - window_width - farthest) // 2
    starts = [left + shift for shift in shifts_px]
    windows = [pixels[top : top + window_height, start : start + window_width] for start in starts]
    return torch.cat([to_tensor(np.ascontiguousarray(window)) for window in windows])


def level_features(network: FeatureNetwork, images: Tensor) -> list[Tensor]:
    """Features of images (N, 3, H, W), RGB in [0, 1], at each level, of unit length over channels.

    Raises:
        MetricError: where the images are too small for the network.
    """
    smallest = smallest_image(network.variant)
    height, width = images.shape[2:]
    if min(height, width) < smallest:
        raise MetricError(
            f"The image has {width} × {height} pixels; the network needs at least {smallest} × {smallest}."
        )
    where = next(network.parameters())
    images = images.to(where.device, where.dtype)
    if where.device.type == "cpu":
        images = images.contiguous(memory_format=torch.channels_last)  # max pooling is about ten times as fast
    with torch.inference_mode(), exact_float32():
        levels = network(normalise_images(images))
    return [maps / torch.linalg.vector_norm(maps, dim=1, keepdim=True).clamp_min(_NO_LENGTH) for maps in levels]


def difference_maps(network: FeatureNetwork, images: Tensor) -> list[Tensor]:
    """Squared length of the difference of the unit features of two images (2, 3, H, W), each level (h, w), CPU.

    What an unweighted LPIPS averages over positions (Figure 3).
    """
    return [(level[0] - level[1]).square().sum(dim=0).float().cpu() for level in level_features(network, images)]


def _difference(reference: Tensor, images: Tensor) -> Tensor:
    return (images - reference).square().sum(dim=1).mean(dim=(1, 2))


def _to_others(references: list[list[Tensor]], number: int) -> Tensor:
    """Mean over all other photographs of the difference from one, (levels,)."""
    own = references[number]
    others = [
        torch.stack([_difference(mine, theirs).squeeze(0) for mine, theirs in zip(own, other, strict=True)])
        for place, other in enumerate(references)
        if place != number
    ]
    return torch.stack(others).mean(dim=0)

"""SSIM's maps and their means, of large images strip by strip, so that what that takes does not grow with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from metric.classical.ssim_windows import Window, compare
from metric.device import is_recorded

_AT_ONCE = 2**19
"""Pixels of one channel that are compared at a time."""

Kept: TypeAlias = tuple[Tensor, ...]
"""Images (N, C, H, W) in float64 with their local means and variances; or, of large images, these alone as they are."""


def is_large(images: Tensor) -> bool:
    """Whether images (N, C, H, W) are compared strip by strip."""
    return not is_recorded() and images.shape[2] * images.shape[3] > _AT_ONCE


def keep(images: Tensor, window: Window) -> Kept:
    """What is kept of images to compare them."""
    return (images,) if is_large(images) else _with_moments(images, window)


def mean_similarity(reference: Kept, images: Kept, window: Window) -> tuple[Tensor, Tensor]:
    """Means over all windows of SSIM's map and of its contrast-structure map, each (N, C).

    One reference may meet N images. Of large images the gradient itself is not differentiable.
    """
    if len(images) > 1:
        whole, structure = _maps(reference, images, window)
        return whole.mean(dim=(2, 3)), structure.mean(dim=(2, 3))
    height, width = (size - len(window.taps) + 1 for size in images[0].shape[2:])
    sums: Tensor = _SumsOfStrips.apply(reference[0], images[0], window)
    return sums[0] / (height * width), sums[1] / (height * width)


def similarity_map(reference: Kept, images: Kept, window: Window) -> Tensor:
    """SSIM's map, averaged over the channels, (N, h, w)."""
    if len(images) > 1:
        return _maps(reference, images, window)[0].mean(dim=1)
    first, second = reference[0], images[0]
    rows = _rows_at_once(second.shape[3] * math.prod(second.shape[:2]))

    def strip_of_map(*strips: Tensor) -> Tensor:
        one, other = (_with_moments(strip, window) for strip in strips)
        return _maps(one, other, window)[0].mean(dim=1)

    return torch.cat(
        [
            recomputed(strip_of_map, first.narrow(2, start, count), second.narrow(2, start, count))
            for start, count in _strips(second.shape[2], rows, window)
        ],
        dim=1,
    )


def recomputed(function: Callable[..., Tensor], *arguments: Tensor) -> Tensor:
    """What a function gives; where gradients are wanted they compute it again, so that nothing inside it is kept."""
    if not (torch.is_grad_enabled() and any(argument.requires_grad for argument in arguments)):
        return function(*arguments)
    result: Tensor = checkpoint(function, *arguments, use_reentrant=False, preserve_rng_state=False)
    return result


class _SumsOfStrips(torch.autograd.Function):
    """Sums over all windows of both maps, (2, N, C); its gradient computes each strip once more and keeps none."""

    @staticmethod
    def forward(reference: Tensor, images: Tensor, window: Window) -> Tensor:
        sums = images.new_zeros((2, *images.shape[:2]), dtype=torch.float64)
        for image, channel, one, other in _strips_of_planes(reference, images, window):
            sums[:, image, channel] += _sums(one, other, window)
        return sums

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Window], output: Tensor) -> None:
        reference, images, ctx.window = inputs
        ctx.save_for_backward(reference, images)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        both = ctx.saved_tensors
        gradients = [torch.zeros_like(tensor) if ctx.needs_input_grad[k] else None for k, tensor in enumerate(both)]
        places = [tensor if gradient is None else gradient for tensor, gradient in zip(both, gradients, strict=True)]
        strips = zip(
            _strips_of_planes(both[0], both[1], ctx.window),
            _strips_of_planes(places[0], places[1], ctx.window),
            strict=True,
        )
        for (image, channel, *values), (_, _, *targets) in strips:
            leaves = [value.detach().requires_grad_(ctx.needs_input_grad[k]) for k, value in enumerate(values)]
            with torch.enable_grad():
                sums = _sums(leaves[0], leaves[1], ctx.window)
            wanted = [k for k in range(2) if ctx.needs_input_grad[k]]
            found = torch.autograd.grad(sums, [leaves[k] for k in wanted], outer[:, image, channel])
            for k, gradient in zip(wanted, found, strict=True):
                targets[k] += gradient
        return gradients[0], gradients[1], None


def _strips_of_planes(reference: Tensor, images: Tensor, window: Window) -> Iterator[tuple[int, int, Tensor, Tensor]]:
    """Number of an image, of a channel, and a strip of the reference's and of the image's, each (rows, W)."""
    rows = _rows_at_once(images.shape[3])
    for image, channel in product(*map(range, images.shape[:2])):
        planes = reference[image if len(reference) > 1 else 0, channel], images[image, channel]
        for start, count in _strips(images.shape[2], rows, window):
            one, other = (plane.narrow(0, start, count) for plane in planes)
            yield image, channel, one, other


def _rows_at_once(pixels_of_a_row: int) -> int:
    return max(1, _AT_ONCE // pixels_of_a_row)


def _strips(height: int, rows: int, window: Window) -> Iterator[tuple[int, int]]:
    """First row and number of rows of strips that have so many rows of windows, the last one fewer."""
    overlap = len(window.taps) - 1
    for start in range(0, height - overlap, rows):
        yield start, min(rows + overlap, height - start)


def _sums(reference: Tensor, images: Tensor, window: Window) -> Tensor:
    """Of one channel, (rows, W): the sums of both maps, (2,)."""
    one, other = (_with_moments(strip[None, None], window) for strip in (reference, images))
    return torch.stack([maps.sum() for maps in _maps(one, other, window)])


def _with_moments(images: Tensor, window: Window) -> Kept:
    images = images.double()
    return images, *window.moments(images)


def _maps(reference: Kept, images: Kept, window: Window) -> tuple[Tensor, Tensor]:
    """SSIM's map and its contrast-structure map, each (N, C, h, w)."""
    luminance, structure = compare(
        reference[0], (reference[1], reference[2]), images[0], (images[1], images[2]), window
    )
    return luminance * structure, structure

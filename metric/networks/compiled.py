"""What `convolve.cpp` computes, as functions of tensors: single precision, on a CPU, channels last, without gradients.

Whoever calls them asks `computes`, `whole` and `blocked` first, and else computes the same with torch.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import torch
from torch import Tensor

from metric.device import is_recorded, is_transformed
from metric.networks.compiler import compiled

_LANES = 16
"""Channels are in whole numbers of these, the most that any processor computes at a time."""


def available() -> bool:
    """Whether there is compiled code, and the threads of torch for it to run on."""
    return compiled().library is not None and _parallel() is not None


def computes(maps: Tensor) -> bool:
    """Whether maps (N, C, H, W) can be given to the functions below."""
    return (
        not is_recorded()
        and maps.dtype == torch.float32
        and maps.device.type == "cpu"
        and not (torch.is_grad_enabled() and maps.requires_grad)
        and not is_transformed(maps)
        and available()
    )


def whole(channels: int) -> bool:
    """Whether the functions below take so many channels."""
    return channels % _LANES == 0


def block_of(filters: int) -> int:
    """How many filters of a convolution stand together: all, where there is no compiled code for them."""
    block = _block()
    return block if block and filters % block == 0 else filters


def blocked(filters: Tensor, channels: int) -> bool:
    """Whether filters, whose last dimension is a block, are such that they are multiplied by compiled code."""
    return filters.shape[-1] == block_of(channels) == _block()


def winograd(
    maps: Tensor, filters: Tensor, bias: Tensor, window: int, outputs: int, padding: int, rectify: bool
) -> Tensor:
    """A convolution of stride 1 by windows, (N, C, H, W) → (N, D, h, w), and its ReLU if `rectify`.

    `filters` are transformed, (window², D / block, C, block).
    """
    images, channels, height, width = maps.shape
    less = window - outputs - 2 * padding
    found = _empty(images, len(bias), height - less, width - less)
    shape = _longs(images, height, width, channels, padding, len(bias), height - less, width - less)
    _call("winograd", shape, window, _last(maps), filters, bias, rectify, found)
    return found


def direct(maps: Tensor, filters: Tensor, bias: Tensor, stride: int, found: Tensor, rectify: bool) -> None:
    """A convolution of few channels without padding, put into `found`, and its ReLU if `rectify`.

    `maps` and `found` are parts of tensors with channels last, `filters` are (D / block, taps, taps, C, block).
    """
    images, channels, height, width = maps.shape
    shape = _longs(images, height, width, channels, 0, *found.shape[1:])
    pitch, image = (_longs(maps.stride(dim), found.stride(dim)) for dim in (2, 0))
    _call("direct", shape, filters.shape[1], stride, pitch, image, maps, filters, bias, rectify, found)


def pool_and_blur(maps: Tensor, window: int, weights: Tensor, padding: int, height: int, width: int) -> Tensor:
    """Max pooling of stride 1, then a blur by the outer product of `weights` of stride 2 over reflected borders."""
    images, channels = maps.shape[:2]
    found = _empty(images, channels, height, width)
    shape = _longs(images, *maps.shape[2:], channels, padding, channels, height, width)
    _call("pool_and_blur", shape, window, len(weights), weights, _last(maps), found)
    return found


def scale_to_unit(maps: Tensor, tiny: float) -> Tensor:
    """Features over the length of each position's, to which `tiny` is added: in place, where channels are last."""
    images, channels, height, width = maps.shape
    found = _last(maps)
    _call("scale_to_unit", images * height * width, channels, found, tiny)
    return found


def mean_difference(reference: Tensor, images: Tensor, weights: Tensor) -> Tensor:
    """The mean over positions of the weighed squared difference, (N,); one reference may meet N images."""
    count, channels, height, width = images.shape
    parts = -(-height * width // 256)
    sums = torch.empty(count, parts, dtype=torch.float64)
    apart = height * width * channels if len(reference) == count else 0
    numbers = count, height * width, channels, parts, apart
    _call("differ", *numbers, _last(reference), _last(images), weights.contiguous(), sums)
    return (sums.sum(dim=1) / (height * width)).to(images.dtype)


def _block() -> int:
    library = compiled().library
    return int(library.filters_at_a_time()) if library is not None and available() else 0


def _call(name: str, *given: Any) -> None:
    """Whoever calls holds the tensors until it is done."""
    arguments = map(_argument, given)
    getattr(compiled().library, name)(*arguments, _parallel(), ctypes.c_long(torch.get_num_threads()))


def _argument(given: Any) -> Any:
    match given:
        case Tensor():
            return ctypes.c_void_p(given.data_ptr())
        case int():
            return ctypes.c_long(given)
        case float():
            return ctypes.c_float(given)
    return given


@cache
def _parallel() -> ctypes.c_void_p | None:
    """`GOMP_parallel` of the OpenMP library that torch computes with: a second would fight it for the processors."""
    try:
        return ctypes.cast(ctypes.CDLL(torch._C.__file__).GOMP_parallel, ctypes.c_void_p)
    except (OSError, AttributeError):
        return None


def _empty(*shape: int) -> Tensor:
    return torch.empty(shape, memory_format=torch.channels_last)


def _last(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)


def _longs(*numbers: int) -> ctypes.Array[ctypes.c_long]:
    return (ctypes.c_long * len(numbers))(*numbers)

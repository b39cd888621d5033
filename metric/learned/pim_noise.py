"""Noise that is the same on every machine and device, at every image size and batch size."""

from __future__ import annotations

import torch
from torch import Tensor

_LOW_32 = 0xFFFF_FFFF


def fixed_uniforms(seed: int, channels: int, height: int, width: int, device: torch.device) -> Tensor:
    """Numbers in (0, 1), shape (channels, height, width), float32; a position's do not depend on the size.

    A generator would give other numbers on a GPU than on the CPU, so each is a hash of its seed, channel, row and
    column, in integers.

    >>> device = torch.device("cpu")
    >>> fixed_uniforms(0, 1, 2, 2, device).equal(fixed_uniforms(0, 3, 5, 4, device)[:1, :2, :2])
    True
    """
    rows = torch.arange(height, device=device)[:, None]
    columns = torch.arange(width, device=device)
    channel = torch.arange(channels, device=device)[:, None, None]
    hashed = _hash(_hash(_hash(channel + (seed << 16)) + rows & _LOW_32) + columns & _LOW_32)
    # The 23 upper bits and a half: exact in float32, and neither 0 nor 1.
    return ((hashed >> 9).to(torch.float32) + 0.5) / 2**23


def to_normal(uniforms: Tensor) -> Tensor:
    """Standard normal numbers, from uniform ones in (0, 1)."""
    normal: Tensor = torch.special.ndtri(uniforms)
    return normal


def _hash(values: Tensor) -> Tensor:
    """Mixes the bits of integers below 2^32 (Wellons's public-domain `lowbias32`, 2018)."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        values = (values ^ (values >> shift)) * factor & _LOW_32
    return values ^ (values >> 16)

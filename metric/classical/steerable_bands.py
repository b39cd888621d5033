"""The coarsest bands of a complex steerable pyramid, in one step.

Simoncelli & Freeman 1995, with the complex bands of Portilla & Simoncelli 2000: raised-cosine radial filters of one
octave, and orientation filters cos^(K-1) on one half of the frequency plane.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.fft import fft2, fftshift, ifft2, ifftshift


def coarsest_bands(images: Tensor, scales: int, orientations: int) -> Tensor:
    """Complex bands of the coarsest scale, (N, 1, H, W) real → (N, orientations, h, w) complex.

    Each scale halves the one before: h = ⌈…⌈H / 2⌉ / 2⌉ (scales - 1 times), and w so. The bands see no constant:
    those of a flat image are 0 up to rounding.
    """
    spectrum = fftshift(fft2(images), dim=(2, 3))
    rows, columns = _kept(images.shape[2], scales), _kept(images.shape[3], scales)
    masks = _band_masks(
        _centred_frequencies(images.shape[2], images)[rows],
        _centred_frequencies(images.shape[3], images)[columns],
        scales,
        orientations,
    )
    bands: Tensor = ifft2(ifftshift(spectrum[:, :, rows, columns] * masks, dim=(2, 3)))
    return bands


def _kept(size: int, scales: int) -> slice:
    """The middle of a centred spectrum that is left after halving `scales - 1` times; 0 stays at ⌊size / 2⌋."""
    half = size
    for _ in range(scales - 1):
        half = (half + 1) // 2
    start = size // 2 - half // 2
    return slice(start, start + half)


def _centred_frequencies(size: int, like: Tensor) -> Tensor:
    """Frequencies in units of half the sampling rate, in [-1, 1)."""
    steps = torch.arange(size, dtype=like.dtype, device=like.device) - size // 2
    return steps * (2 / size)


def _band_masks(vertical: Tensor, horizontal: Tensor, scales: int, orientations: int) -> Tensor:
    """Transfer functions, (orientations, h, w): every low-pass before, the band's high-pass, and each orientation."""
    radius = torch.hypot(vertical[:, None], horizontal[None, :])
    # Frequency 0 is not in any band; 2^-99 is far below all of them, and has a logarithm.
    octaves = radius.clamp_min(2.0**-99).log2()
    radial = _high_pass(octaves + scales)
    for scale in range(scales):
        radial = radial * _low_pass(octaves + scale)
    angle = torch.atan2(vertical[:, None], horizontal[None, :])
    centres = torch.arange(orientations, dtype=angle.dtype, device=angle.device) * (math.pi / orientations)
    cosine = (angle - centres[:, None, None]).cos().clamp_min(0)
    order = orientations - 1
    gain = 2 * 2**order * math.factorial(order) / math.sqrt(orientations * math.factorial(2 * order))
    masks: Tensor = radial * gain * cosine.pow(order)
    return masks


def _high_pass(octaves: Tensor) -> Tensor:
    """Raised cosine: 0 an octave below the cut-off and less, 1 above it."""
    return (octaves.clamp(-1, 0) * (math.pi / 2)).cos()


def _low_pass(octaves: Tensor) -> Tensor:
    """What is left of the power by `_high_pass`."""
    return (octaves.clamp(-1, 0) * (-math.pi / 2)).sin()

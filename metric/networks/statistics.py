"""The channel statistics that the networks' input is shifted and scaled by."""

from __future__ import annotations

from torch import Tensor

MEAN = (-0.030, -0.088, -0.188)
DEVIATION = (0.458, 0.448, 0.450)
"""Of ImageNet's images in [-1, 1], as LPIPS rounds them (Zhang et al. 2018)."""


def normalise_images(images: Tensor) -> Tensor:
    """Images (N, 3, H, W), RGB in [0, 1], as a `FeatureNetwork` wants them."""
    mean, deviation = images.new_tensor(MEAN).view(1, 3, 1, 1), images.new_tensor(DEVIATION).view(1, 3, 1, 1)
    return (images * 2 - 1 - mean) / deviation

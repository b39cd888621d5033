"""What a metric is: features of one image, and a distance between the features of two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor, nn

from metric.errors import MetricError

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec

Features: TypeAlias = tuple[Tensor, ...]


class FeatureMetric(nn.Module, ABC):
    """A distance between two images through features that each image has by itself.

    A reference's features can so be computed once and compared with those of many images. Lower is more
    similar; 0 is the same image.
    """

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__()
        self.spec = spec

    @abstractmethod
    def features(self, images: Tensor) -> Features:
        """What the metric keeps of images of shape (N, 3, H, W), RGB in [0, 1]; each tensor begins with N."""

    @abstractmethod
    def distance(self, reference: Features, images: Features) -> Tensor:
        """Distances, shape (N,), from the features of N references (or of one) and of N images."""

    def arrange(self) -> None:
        """Lays out the weights in memory as the device that they are on reads them fastest."""

    def forward(self, reference: Tensor, images: Tensor) -> Tensor:
        """Distances, shape (N,), between references and images, both (N, 3, H, W) float RGB in [0, 1].

        Identical images have distance exactly 0, whatever the device and its rounding.

        Raises:
            MetricError: for another shape, type or range, two sizes that differ, or images that are too
                small.
        """
        self.check(reference, "reference")
        self.check(images, "image")
        check_same_size(reference, images)
        if reference.shape[0] != images.shape[0]:
            raise MetricError(f"There are {len(reference)} references and {len(images)} images; give as many of both.")
        same = (reference == images).flatten(1).all(dim=1)
        if bool(same.all()):
            return torch.full((len(same),), self.spec.identical, dtype=reference.dtype, device=reference.device)
        distances = self.distance(self.features(reference), self.features(images))
        return distances.masked_fill(same, self.spec.identical)

    def check(self, images: Tensor, name: str) -> None:
        """Raises `MetricError` unless `images` is (N, 3, H, W) float RGB in [0, 1], and large enough."""
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[0] == 0:
            raise MetricError(f"The {name} has shape {tuple(images.shape)} instead of (N, 3, H, W).")
        if not images.is_floating_point():
            raise MetricError(f"The {name} is of type {images.dtype} instead of float; divide 8-bit values by 255.")
        height, width = images.shape[2:]
        smallest = self.spec.smallest_px
        if min(height, width) < smallest:
            raise MetricError(
                f"The {name} has {width} × {height} pixels, too small for {self.spec.name}; "
                f"it needs at least {smallest} × {smallest}."
            )
        low, high = (float(value) for value in torch.aminmax(images.detach()))
        if not (low >= 0.0 and high <= 1.0):  # said this way round so that NaN is refused too
            raise MetricError(f"The {name} has values from {low:g} to {high:g} instead of in [0, 1].")


def check_same_size(reference: Tensor, images: Tensor) -> None:
    """Raises `MetricError` unless both have the same height and width."""
    if reference.shape[2:] != images.shape[2:]:
        sizes = [f"{tensor.shape[3]} × {tensor.shape[2]}" for tensor in (reference, images)]
        raise MetricError(f"The reference has {sizes[0]} pixels and the image {sizes[1]}; crop them to the same size.")

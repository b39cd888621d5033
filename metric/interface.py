"""What a metric is: features of one image, and a distance between the features of two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import chain
from math import isnan
from typing import TYPE_CHECKING, TypeAlias, cast

import torch
from torch import Tensor, nn

from metric.errors import MetricError
from metric.inputs import Pictures, as_batch

if TYPE_CHECKING:
    from metric.device import Precision
    from metric.registry.spec import MetricSpec

Features: TypeAlias = tuple[Tensor, ...]
_FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


class FeatureMetric(nn.Module, ABC):
    """A distance between two images through features that each image has by itself.

    A reference's features can so be computed once and compared with those of many images. Lower is more
    similar and 0 is the same image, unless `spec` says otherwise.

    Attributes:
        spec: what the registry knows of it.
        differentiable: whether a call lets gradients flow to the images, where it does not say.
    """

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__()
        self.spec = spec
        self.differentiable = False

    @abstractmethod
    def features(self, images: Tensor) -> Features:
        """What the metric keeps of images of shape (N, 3, H, W), RGB in [0, 1]; each tensor begins with N."""

    @abstractmethod
    def distance(self, reference: Features, images: Features) -> Tensor:
        """Distances, shape (N,), from the features of N references (or of one) and of N images."""

    def arrange(self, precision: Precision = "float32") -> None:
        """Brings itself into the form that its device computes fastest; it is no longer to be trained.

        Raises:
            MetricError: where it has no such precision.
        """
        if precision != "float32":
            raise MetricError(f"{self.spec.name} has no precision but float32; ask for no other.")

    def forward(self, reference: Pictures, images: Pictures, *, loss: bool | None = None) -> Tensor:
        """Distances, shape (N,), between N references and N images.

        Identical images have exactly the distance that `spec.identical` says, if it says one, whatever the rounding.

        Args:
            reference, images: one or many of one size, see `metric.inputs.Pictures`. They are moved to the
                metric's device.
            loss: whether gradients flow to the images; None takes what `differentiable` says.

        Raises:
            MetricError: for another shape, type or range, two sizes that differ, or images that are too
                small. A compiled or exported metric takes tensors only, and does not check them.
        """
        if torch.compiler.is_compiling():
            return self._compare(cast(Tensor, reference), cast(Tensor, images))
        loss = self.differentiable if loss is None else loss
        first, second = self._batches(reference, images)
        with torch.set_grad_enabled(loss):
            return self._compare(first, second)

    def map(self, reference: Pictures, images: Pictures, *, loss: bool | None = None) -> Tensor:
        """Where the images differ: maps (N, H, W), which grow with the distance of what is seen there.

        Their mean is near the distance and not equal to it, for levels and borders are enlarged to the image's size.

        Raises:
            MetricError: as a call does, and for a metric that has no such map.
        """
        first, second = self._batches(reference, images)
        with torch.set_grad_enabled(self.differentiable if loss is None else loss):
            return self.difference_map(self.features(first), self.features(second), (first.shape[2], first.shape[3]))

    def difference_map(self, reference: Features, images: Features, size: tuple[int, int]) -> Tensor:
        """The maps (N, height, width) from the features of N references (or of one) and of N images."""
        raise MetricError(f"{self.spec.name} compares images as a whole and has no map.")

    def _batches(self, reference: Pictures, images: Pictures) -> tuple[Tensor, Tensor]:
        first, second = as_batch(reference, "reference"), as_batch(images, "image")
        self.check(first, "reference")
        self.check(second, "image")
        check_same_size(first, second)
        if len(first) != len(second):
            raise MetricError(f"There are {len(first)} references and {len(second)} images; give as many of both.")
        own = next(chain(self.parameters(), self.buffers()), first)
        return first.to(own.device), second.to(own.device)

    def _compare(self, reference: Tensor, images: Tensor) -> Tensor:
        distances = self.distance(self.features(reference), self.features(images))
        if self.spec.identical is None:
            return distances
        return distances.masked_fill((reference == images).flatten(1).all(dim=1), self.spec.identical)

    def check(self, images: Tensor, name: str) -> None:
        """Raises `MetricError` unless `images` is (N, 3, H, W) float RGB in [0, 1], and large enough."""
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[0] == 0:
            raise MetricError(
                f"The {name} has shape {tuple(images.shape)} instead of (N, 3, H, W): give red, green and blue, a grey "
                "image three times, and no transparency."
            )
        if images.dtype not in _FLOATS:
            raise MetricError(f"The {name} is of type {images.dtype} instead of float; divide 8-bit values by 255.")
        if images.layout != torch.strided:
            raise MetricError(f"The {name} is a sparse tensor; give a dense one.")
        height, width = images.shape[2:]
        smallest = self.spec.smallest_px
        if min(height, width) < smallest:
            raise MetricError(
                f"The {name} has {width} × {height} pixels, too small for {self.spec.name}; "
                f"it needs at least {smallest} × {smallest}."
            )
        low, high = (float(value) for value in torch.aminmax(images.detach()))
        if not (low >= 0.0 and high <= 1.0):  # said this way round so that NaN is refused too
            mend = "NaN has no place in an image" if isnan(low) else "divide 8-bit values by 255, and clip others"
            raise MetricError(f"The {name} has values from {low:g} to {high:g} instead of in [0, 1]; {mend}.")


def check_same_size(reference: Tensor, images: Tensor) -> None:
    """Raises `MetricError` unless both have the same height and width."""
    if reference.shape[2:] != images.shape[2:]:
        sizes = [f"{tensor.shape[3]} × {tensor.shape[2]}" for tensor in (reference, images)]
        raise MetricError(f"The reference has {sizes[0]} pixels and the image {sizes[1]}; crop them to the same size.")

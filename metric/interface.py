"""What a metric is: features of one image, and a distance between the features of two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from itertools import chain
from math import isnan
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import torch
from torch import Tensor, nn

from metric.device import is_recorded
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

    A value is computed in the type of the weights, float32 as they are loaded, or in float64 where an image is
    float64, or the metric is a closed form; it is given in the wider type of the two images, float32 at least. It is
    differentiable where an image requires a gradient and gradients are on, as everywhere in PyTorch.

    Attributes:
        spec: what the registry knows of it.
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

    def arrange(self, precision: Precision = "float32") -> None:
        """Brings itself into the form that its device computes fastest; it is no longer to be trained.

        Raises:
            MetricError: where it has no such precision.
        """
        if precision != "float32":
            raise MetricError(f"{self.spec.name} has no precision but float32; ask for no other.")

    def forward(self, reference: Pictures, images: Pictures) -> Tensor:
        """Distances, shape (N,), between N references (or one) and N images (or one).

        Identical images have exactly the distance that `spec.identical` says, if it says one, whatever the rounding.

        Args:
            reference, images: one or many of one size, see `metric.inputs.Pictures`. They are moved to the
                metric's device.

        Raises:
            MetricError: for another shape, type or range, two sizes that differ, or images that are too
                small. A compiled, traced or exported metric takes tensors (N, 3, H, W) of float only, as many of
                both, and does not check them.
        """
        if is_recorded():
            first, second = cast(Tensor, reference), cast(Tensor, images)
            return self.compare(first, second).to(_type_of_value(first, second))
        first, second = self._batches(reference, images)
        return self._for(first, second).compare(first, second).to(_type_of_value(first, second))

    def map(self, reference: Pictures, images: Pictures) -> Tensor:
        """Where the images differ: maps (N, H, W), which grow with the distance of what is seen there.

        Their mean is near the distance and not equal to it, for levels and borders are enlarged to the image's size.

        Raises:
            MetricError: as a call does, and for a metric that has no such map.
        """
        first, second = self._batches(reference, images)
        metric = self._for(first, second)
        kept = metric._features_of_both(first, second)
        return metric.difference_map(*kept, (first.shape[2], first.shape[3])).to(_type_of_value(first, second))

    def difference_map(self, reference: Features, images: Features, size: tuple[int, int]) -> Tensor:
        """The maps (N, height, width) from the features of N references (or of one) and of N images."""
        raise MetricError(f"{self.spec.name} compares images as a whole and has no map.")

    def _batches(self, reference: Pictures, images: Pictures) -> tuple[Tensor, Tensor]:
        first, second = as_batch(reference, "reference"), as_batch(images, "image")
        self.check(first, "reference")
        self.check(second, "image")
        check_same_size(first, second)
        if len(first) != len(second) and 1 not in (len(first), len(second)):
            raise MetricError(
                f"There are {len(first)} references and {len(second)} images; give as many of both, or one of either."
            )
        own = next(chain(self.parameters(), self.buffers()), first)
        return first.to(own.device), second.to(own.device)

    def compare(self, reference: Tensor, images: Tensor) -> Tensor:
        """What a call gives, in the type that it is computed in, of tensors that are checked and on the device."""
        distances = self.distance(*self._features_of_both(reference, images))
        if self.spec.identical is None:
            return distances
        return distances.masked_fill((reference == images).flatten(1).all(dim=1), self.spec.identical)

    def _features_of_both(self, reference: Tensor, images: Tensor) -> tuple[Features, Features]:
        first, second = self.features(reference), self.features(images)
        if not is_recorded() and len(images) == 1 < len(reference):
            second = tuple(kept.expand(len(reference), *kept.shape[1:]) for kept in second)
        return first, second

    def _for(self, *images: Tensor) -> FeatureMetric:
        """Itself, or for images in float64 what computes in float64, where its weights are float32."""
        tensors = chain(self.parameters(), self.buffers())
        type_of_weights = next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), None)
        if type_of_weights != torch.float32 or _type_of_value(*images) != torch.float64:
            return self
        return self.in_double()

    def in_double(self, memo: dict[int, Any] | None = None) -> FeatureMetric:
        """The same metric with its weights in float64.

        Args:
            memo: the id of a part → what stands in for it there.
        """
        tensors = chain(self.parameters(), self.buffers())
        wide = {id(tensor): tensor.double() if tensor.is_floating_point() else tensor for tensor in tensors}
        return deepcopy(self, {**wide, **(memo or {})})

    def check(self, images: Tensor, name: str) -> None:
        """Raises `MetricError` unless `images` is (N, 3, H, W) float RGB in [0, 1], and large enough."""
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[0] == 0:
            raise MetricError(
                f"The {name} has shape {tuple(images.shape)} instead of (N, 3, H, W): give red, green and blue, or "
                "grey alone, and no transparency."
            )
        if images.dtype not in _FLOATS:
            raise MetricError(f"The {name} is of type {images.dtype}; give 8-bit values (uint8), or float in [0, 1].")
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
            values = f"values from {_digits(low)} to {_digits(high)}"
            raise MetricError(f"The {name} has {values} instead of in [0, 1]; {mend}.")


def _type_of_value(reference: Tensor, images: Tensor) -> torch.dtype:
    """The type that a value is given in: the wider of the images, float32 at least."""
    return torch.promote_types(torch.promote_types(reference.dtype, images.dtype), torch.float32)


def _digits(value: float) -> str:
    """A number in as few digits as show whether it is 0 or 1, or beyond.

    >>> _digits(1.5), _digits(1.0000001)
    ('1.5', '1.0000001')
    """
    short = (f"{value:.{digits}g}" for digits in (6, 9))
    return next((text for text in short if (float(text) in (0, 1)) == (value in (0, 1))), repr(value))


def check_same_size(reference: Tensor, images: Tensor) -> None:
    """Raises `MetricError` unless both have the same height and width."""
    if reference.shape[2:] != images.shape[2:]:
        sizes = [f"{tensor.shape[3]} × {tensor.shape[2]}" for tensor in (reference, images)]
        raise MetricError(f"The reference has {sizes[0]} pixels and the image {sizes[1]}; crop them to the same size.")

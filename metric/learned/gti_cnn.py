"""GTI-CNN (Ma, Duanmu & Wang 2018): the mean squared difference between the features of a convolutional network.

The network is fully convolutional, so images of any size do. Which layers it has comes with the weights, in a table:
the layer table of the authors' network could not be read when this was written, and a guess would be another metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d

from metric.device import exact_float32
from metric.errors import MisfitError
from metric.interface import FeatureMetric, Features

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

TABLE = "layers"
LINEAR, RECTIFIED, NORMALIZED = range(3)
"""What may follow a convolution: nothing, ReLU, or generalised divisive normalisation (Ballé et al. 2016, Eq. 3)."""

_LUMINANCE = (0.299, 0.587, 0.114)
"""ITU-R BT.601, for a network of one channel."""


class Layer(nn.Module):
    """A convolution, what follows it, and average pooling."""

    def __init__(self, number: int, row: tuple[int, ...], tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        stride, padding, activation, pool = row
        if stride < 1 or padding < 0 or activation not in (LINEAR, RECTIFIED, NORMALIZED) or pool < 1:
            raise MisfitError(
                f'Row {number} of "{TABLE}" is {row}; it has to be stride ≥ 1, padding ≥ 0, activation 0, 1 or 2, '
                "and pooling ≥ 1."
            )
        self.stride, self.padding, self.activation, self.pool = stride, padding, activation, pool
        weight = _take(tensors, f"{number}.weight", 4)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(_take(tensors, f"{number}.bias", 1, len(weight)))
        if activation == NORMALIZED:
            self.beta = nn.Parameter(_take(tensors, f"{number}.beta", 1, len(weight)))
            self.gamma = nn.Parameter(_take(tensors, f"{number}.gamma", 2, len(weight)))
            if bool((self.beta <= 0).any()) or bool((self.gamma < 0).any()):
                raise MisfitError(f"Layer {number} of GTI-CNN has a beta that is not positive or a negative gamma.")

    def forward(self, maps: Tensor) -> Tensor:
        maps = conv2d(maps, self.weight, self.bias, self.stride, self.padding)
        if self.activation == RECTIFIED:
            maps = maps.relu()
        elif self.activation == NORMALIZED:
            maps = maps * conv2d(maps.square(), self.gamma[:, :, None, None], self.beta).rsqrt()
        return avg_pool2d(maps, self.pool) if self.pool > 1 else maps

    def smallest_input(self, output: int) -> int:
        """The least width that gives an `output` of this width, pixels."""
        kernel = max(self.weight.shape[2:])
        return max(1, (output * self.pool - 1) * self.stride + kernel - 2 * self.padding)


class GTICNN(FeatureMetric):
    """The metric as a module.

    Args:
        spec: its record; the smallest image follows from the layers.
        tensors: `layers`, whole numbers of shape (L, 4): stride, padding, activation (0 none, 1 ReLU, 2 GDN) and
            size of the average pooling (1 for none); and for each layer, counted from 0, `0.weight`
            (out, in, k, k), `0.bias` (out,), and for GDN `0.beta` (out,) and `0.gamma` (out, out).

    Raises:
        MetricError: names the first tensor that is missing, left over, or of a shape that does not fit.
    """

    def __init__(self, spec: MetricSpec, tensors: Mapping[str, Tensor]) -> None:
        super().__init__(spec)
        if TABLE not in tensors:
            raise MisfitError(f'The file has no "{TABLE}"; it is not for GTI-CNN.')
        table = tensors[TABLE]
        if table.is_floating_point() or table.ndim != 2 or table.shape[1] != 4 or len(table) == 0:
            raise MisfitError(f'"{TABLE}" has to be whole numbers of shape (L, 4), a row a layer.')
        self.layers = nn.ModuleList(Layer(number, tuple(row), tensors) for number, row in enumerate(table.tolist()))
        self._check(tensors)
        smallest = 1
        for layer in reversed(self._layers()):
            smallest = layer.smallest_input(smallest)
        self.spec = replace(spec, smallest_px=smallest)

    def features(self, images: Tensor) -> Features:
        first = self._layers()[0].weight
        maps = images.to(first.dtype)
        if first.shape[1] == 1:
            maps = (maps * maps.new_tensor(_LUMINANCE)[:, None, None]).sum(dim=1, keepdim=True)
        with exact_float32():
            for layer in self.layers:
                maps = layer(maps)
        return (maps,)

    def distance(self, reference: Features, images: Features) -> Tensor:
        return (images[0] - reference[0]).square().mean(dim=(1, 2, 3))

    def _layers(self) -> list[Layer]:
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def _check(self, tensors: Mapping[str, Tensor]) -> None:
        expected = {f"{number}.{name}" for number, layer in enumerate(self.layers) for name in layer.state_dict()}
        for name in tensors:
            if name not in expected | {TABLE}:
                raise MisfitError(f'The file has "{name}", which its own table of layers does not.')
        channels = [layer.weight.shape[1] for layer in self._layers()]
        if channels[0] not in (1, 3):
            raise MisfitError(f"The first layer of GTI-CNN reads {channels[0]} channels instead of 1 or 3.")
        for number, layer in enumerate(self._layers()[:-1]):
            if len(layer.weight) != channels[number + 1]:
                raise MisfitError(
                    f'"{number + 1}.weight" reads {channels[number + 1]} channels, but the layer before it '
                    f"gives {len(layer.weight)}."
                )


def _take(tensors: Mapping[str, Tensor], name: str, dimensions: int, size: int | None = None) -> Tensor:
    """A tensor of floats of so many dimensions, all of `size` where it is given."""
    if name not in tensors:
        raise MisfitError(f'The file has no "{name}"; it is not for GTI-CNN.')
    tensor = tensors[name]
    if tensor.ndim != dimensions or (size is not None and set(tensor.shape) != {size}):
        wanted = f"{dimensions} dimensions" + (f" of {size}" if size is not None else "")
        raise MisfitError(f'"{name}" has shape {tuple(tensor.shape)} instead of {wanted}.')
    if not tensor.is_floating_point():
        raise MisfitError(f'"{name}" is of type {tensor.dtype} instead of float.')
    if not bool(tensor.isfinite().all()):
        raise MisfitError(f'"{name}" has values that are not finite.')
    return tensor


def build_gti_cnn(spec: MetricSpec, weights: Weights) -> GTICNN:
    """`gti-cnn` with given layers and weights."""
    return GTICNN(spec, weights.read("all"))

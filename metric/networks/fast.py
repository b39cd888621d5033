"""The same network in the form that a device computes fastest, to evaluate and not to train."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn

from metric.device import Precision, is_recorded, is_transformed
from metric.networks import compiled
from metric.networks.blurpool import BlurPool
from metric.networks.folding import FoldedConvBlur
from metric.networks.layers import ContiguousConv2d, DenseMaxPool2d
from metric.networks.pooled_blur import PooledBlur, fits
from metric.networks.winograd import WinogradConv2d

_OUTPUTS = {3: 4, 5: 3}
"""Taps of a convolution → outputs of a window of `WinogradConv2d`."""

_FEW_CHANNELS = 4
"""Up to so many, compiled code is faster than torch without any transform."""

_LARGE_PX = 128
_LARGE_PX_COMPILED = 48
"""Least width and height of an image for which `FastNetwork` leaves the plain form: below, little would be gained."""

_LEAST_CHANNELS = {3: 128, 5: 64}
_LEAST_CHANNELS_COMPILED = {3: 64, 5: 64}
"""Taps → the least input channels with which the transforms cost less than they save."""

_MANY_CHANNELS = 512
"""From so many on, windows of 2 outputs are as fast for torch: their transformed filters are half as large."""


def computed_in(precision: Precision, device: torch.device) -> str:
    """What `precision` is on a device, in words: a processor may have no bfloat16.

    >>> computed_in("float32", torch.device("cpu"))
    'float32'
    """
    if precision == "bfloat16" and not _has_bfloat16(device):
        return "float32, as this processor has no bfloat16"
    return precision


class FastNetwork(nn.Module):
    """A network that computes small images as it is, and larger ones in the form that is fastest.

    The fast form rounds up to three times as much as the plain one, which is seen in the fifth digit of a distance
    between nearly flat images, whose features are all but zero. What was folded and transformed was rounded to
    float32, so other types take the plain form too. So does what is differentiated, or recorded for images of other
    sizes.
    """

    def __init__(self, plain: nn.Module, large: nn.Module) -> None:
        super().__init__()
        self.plain, self.large = plain, large

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (N, 3, H, W) with channels last → what the network gives."""
        plain = is_recorded() or images.dtype != torch.float32 or self._is_differentiated(images)
        large = not plain and min(images.shape[2], images.shape[3]) >= _least_px()
        features: tuple[Tensor, ...] = (self.large if large else self.plain)(images)
        return features

    def _is_differentiated(self, images: Tensor) -> bool:
        return is_transformed(images) or (
            torch.is_grad_enabled()
            and (images.requires_grad or any(parameter.requires_grad for parameter in self.plain.parameters()))
        )


def arrange(network: nn.Module, precision: Precision = "float32") -> nn.Module:
    """The form for the device that `network` is on; it is to be given images with channels last.

    On a CPU, convolutions that are blurred are folded with their blur, and those of many channels multiply less
    (`WinogradConv2d`). A GPU's library has such choices of its own.

    Args:
        network: it may be changed, and is no longer to be used or trained by itself.
        precision: `bfloat16` is opt-in: weights and features have 8 digits in base 2. A processor that has no
            bfloat16 computes in float32.
    """
    device = next(iter(network.parameters())).device
    if precision == "bfloat16" and _has_bfloat16(device):
        if device.type == "cpu":
            _fold_blurs(network)
        return _channels_last(network.to(torch.bfloat16))
    if device.type != "cpu":
        return _channels_last(network)
    # The same parameters in another arrangement: what the two have in common is there once.
    large = deepcopy(network, {id(parameter): parameter for parameter in network.parameters()})
    _fold_blurs(large)
    _multiply_less(large)
    if compiled.available():
        _pool_and_blur(large)
        _take_few_channels(large)
    _rectify(large)
    return FastNetwork(_channels_last(network), _channels_last(large))


def _channels_last(network: nn.Module) -> nn.Module:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | BlurPool) and not isinstance(layer, ContiguousConv2d):
            layer.to(memory_format=torch.channels_last)
    return network


def _has_bfloat16(device: torch.device) -> bool:
    if device.type != "cpu":
        return True
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def _pairs(network: nn.Module) -> Iterator[tuple[nn.Sequential, str, nn.Module, str, nn.Module]]:
    """Layers one behind the other: their sequence, and the name of each and it."""
    for layers in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for (name, layer), (next_name, next_layer) in pairwise(list(layers.named_children())):
            yield layers, name, layer, next_name, next_layer


def _fold_blurs(network: nn.Module) -> None:
    for layers, name, layer, blur_name, blur in _pairs(network):
        if isinstance(layer, nn.Conv2d) and isinstance(blur, BlurPool) and _folds(layer, blur):
            setattr(layers, name, FoldedConvBlur(layer, blur))
            delattr(layers, blur_name)


def _pool_and_blur(network: nn.Module) -> None:
    for layers, name, layer, blur_name, blur in _pairs(network):
        if isinstance(layer, DenseMaxPool2d) and isinstance(blur, BlurPool) and fits(blur):
            setattr(layers, name, PooledBlur(layer, blur))
            delattr(layers, blur_name)
    for layers in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for name, layer in layers.named_children():
            if isinstance(layer, BlurPool) and fits(layer):
                setattr(layers, name, PooledBlur(None, layer))


def _take_few_channels(network: nn.Module) -> None:
    for layers in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for name, layer in layers.named_children():
            if isinstance(layer, nn.Conv2d) and layer.in_channels <= _FEW_CHANNELS and _is_plain(layer):
                setattr(layers, name, FoldedConvBlur(layer, None))


def _rectify(network: nn.Module) -> None:
    for layers, _, layer, name, activation in _pairs(network):
        if isinstance(layer, WinogradConv2d | FoldedConvBlur) and isinstance(activation, nn.ReLU):
            layer.rectify = True
            delattr(layers, name)


def _folds(layer: nn.Conv2d, blur: BlurPool) -> bool:
    """Whether a larger filter at fewer positions multiplies less, also less than `WinogradConv2d` would."""
    taps, step = layer.kernel_size[0], layer.stride[0]
    side = taps + (blur.size - 1) * step
    return (
        _is_plain(layer)
        and side < taps * blur.stride
        and layer.in_channels < _least_channels().get(taps, layer.in_channels + 1)
    )


def _least_px() -> int:
    return _LARGE_PX_COMPILED if compiled.available() else _LARGE_PX


def _least_channels() -> dict[int, int]:
    return _LEAST_CHANNELS_COMPILED if compiled.available() else _LEAST_CHANNELS


def _is_plain(layer: nn.Conv2d) -> bool:
    taps, step, zeros = layer.kernel_size[0], layer.stride[0], layer.padding[0]
    square = layer.kernel_size == (taps, taps) and layer.stride == (step, step) and layer.padding == (zeros, zeros)
    return square and layer.dilation == (1, 1) and layer.groups == 1


def _multiply_less(network: nn.Module) -> None:
    for name, child in network.named_children():
        if isinstance(child, FoldedConvBlur):
            continue
        if isinstance(child, nn.Conv2d):
            if _saves(child):
                many = child.in_channels >= _MANY_CHANNELS and not compiled.available()
                setattr(network, name, WinogradConv2d(child, 2 if many else _OUTPUTS[child.kernel_size[0]]))
        else:
            _multiply_less(child)


def _saves(layer: nn.Conv2d) -> bool:
    taps = layer.kernel_size[0]
    if not _is_plain(layer) or layer.stride != (1, 1):
        return False
    return taps in _OUTPUTS and layer.in_channels >= _least_channels()[taps]

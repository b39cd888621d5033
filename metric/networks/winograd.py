"""A convolution that multiplies less (`metric.networks.minimal_filtering`).

The products of all windows are one matrix multiplication for each of the `n²` places, the fastest thing that a
processor does. Compiled code takes few windows at a time, from inputs to outputs, so that nothing leaves the cache;
torch takes many.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from metric.networks import compiled
from metric.networks.minimal_filtering import transforms

_CHANNELS = 64
"""Filters that are transformed at a time, in float64."""

_MOST_KEPT = 1_000_000
"""Numbers that torch keeps between a multiplication and a transform."""


class WinogradConv2d(nn.Module):
    """What a square convolution of stride 1 gives, (N, C, H, W) → (N, D, h, w), channels last.

    Args:
        convolution: it is read once, and not kept.
        outputs: rows and columns of outputs of one window. More of them multiply less, and round more: of 256
            channels, 2 and 4 of a filter of 3 taps by 2.3 and 5.0 and 3 of one of 5 by 13.7, where the unit is
            float32's epsilon of the root of the sum of squared products, and all are root mean squares. Torch's own
            convolutions, of 3 and of 5 taps, round by 1.9 and 3.0 or by 7 and 12, as the processor has it.
        rectify: whether the ReLU behind it is computed too.
    """

    filters: Tensor
    bias: Tensor
    input_transform: Tensor
    product_transform: Tensor

    def __init__(self, convolution: nn.Conv2d, outputs: int, *, rectify: bool = False) -> None:
        super().__init__()
        taps = convolution.kernel_size[0]
        self.outputs, self.window = outputs, outputs + taps - 1
        self.padding, self.rectify = int(convolution.padding[0]), rectify
        inputs, filters, products = (torch.from_numpy(matrix) for matrix in transforms(outputs, taps))
        weight = convolution.weight.detach()
        transformed = weight.new_empty(self.window**2, weight.shape[1], weight.shape[0])
        for start in range(0, len(weight), _CHANNELS):
            part = weight[start : start + _CHANNELS].double()
            transformed[:, :, start : start + _CHANNELS] = torch.einsum(
                "ai,bj,dcij->abcd", filters, filters, part
            ).flatten(0, 1)
        block = compiled.block_of(len(weight))
        blocks = transformed.view(*transformed.shape[:2], len(weight) // block, block).permute(0, 2, 1, 3)
        self.register_buffer("filters", blocks.contiguous())
        self.register_buffer("input_transform", torch.kron(inputs, inputs).to(weight.dtype))
        self.register_buffer("product_transform", torch.kron(products, products).to(weight.dtype))
        bias = convolution.bias
        self.register_buffer("bias", torch.zeros_like(weight[:, 0, 0, 0]) if bias is None else bias.detach().clone())

    def forward(self, maps: Tensor) -> Tensor:
        channels = len(self.bias)
        if compiled.computes(maps) and compiled.whole(maps.shape[1]) and compiled.blocked(self.filters, channels):
            form = self.window, self.outputs, self.padding, self.rectify
            return compiled.winograd(maps, self.filters, self.bias, *form)
        height, width = (
            size + 2 * self.padding - (self.window - self.outputs) for size in (maps.shape[2], maps.shape[3])
        )
        rows, columns = -(-height // self.outputs), -(-width // self.outputs)
        overlap = self.window - self.outputs
        below = rows * self.outputs + overlap - maps.shape[2] - self.padding
        beside = columns * self.outputs + overlap - maps.shape[3] - self.padding
        padded = functional.pad(maps, (self.padding, beside, self.padding, below)).permute(0, 2, 3, 1)
        windows = padded.unfold(1, self.window, self.outputs).unfold(2, self.window, self.outputs)
        strips = [self._multiply(part) for part in torch.split(windows, self._rows_at_a_time(windows), 1)]
        convolved = torch.cat(strips, 1)[:, :height, :width].permute(0, 3, 1, 2)
        return convolved.relu_() if self.rectify else convolved

    def _multiply(self, windows: Tensor) -> Tensor:
        """Windows (N, rows, columns, C, n, n) → their outputs, (N, rows * m, columns * m, D)."""
        images, rows, columns, channels = windows.shape[:4]
        places = windows.permute(4, 5, 0, 1, 2, 3).reshape(self.window**2, -1, channels)
        transformed = (self.input_transform @ places.flatten(1)).view(places.shape)
        products = torch.bmm(transformed, self.filters.permute(0, 2, 1, 3).flatten(2))
        tiles = self.product_transform @ products.flatten(1)
        image = tiles.view(self.outputs, self.outputs, images, rows, columns, -1).permute(2, 3, 0, 4, 1, 5)
        return image.reshape(images, rows * self.outputs, columns * self.outputs, -1) + self.bias

    def _rows_at_a_time(self, windows: Tensor) -> int:
        """Rows of windows that are multiplied at a time, in parts of one size, so that what is kept stays near."""
        images, rows, columns, channels = windows.shape[:4]
        kept = images * rows * columns * self.window**2 * max(channels, len(self.bias))
        return -(-rows // -(-kept // _MOST_KEPT))

"""A convolution and the BlurPool behind it as one strided convolution: nothing that is not linear stands between."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from metric.networks import compiled
from metric.networks.blurpool import BlurPool

Weights = tuple[float, ...]


class FoldedConvBlur(nn.Module):
    """What `blur(convolution(maps))` gives, with a quarter of the positions of the convolution computed.

    The two are one convolution by a larger filter. Near the border, where the blur meets reflected positions, the blur
    weighs those that are reflected twice instead, which is another filter for the few outputs there.

    Args:
        convolution: square, of one group; it is kept.
        blur: behind it; None is no blur, for a convolution of few channels that compiled code computes faster.
        rectify: whether the ReLU behind both is computed too.
    """

    def __init__(self, convolution: nn.Conv2d, blur: BlurPool | None, *, rectify: bool = False) -> None:
        super().__init__()
        self.convolution, self.rectify = convolution, rectify
        self.blur = blur if blur is not None else BlurPool(1, size=1, stride=1)
        self._step, self._taps = int(convolution.stride[0]), int(convolution.kernel_size[0])
        self._side = self._taps + (self.blur.size - 1) * self._step
        self._filters: dict[tuple[Weights, Weights, int, torch.dtype, torch.device], Tensor] = {}

    def forward(self, maps: Tensor) -> Tensor:
        zeros = int(self.convolution.padding[0])
        padded = functional.pad(maps, (zeros, zeros, zeros, zeros))
        height, width = ((size - self._taps) // self._step + 1 for size in padded.shape[2:])
        if min(height, width) <= max(*self.blur.reflected, self.blur.size - 1):
            blurred: Tensor = self.blur(self.convolution(maps))
            return blurred.relu_() if self.rectify else blurred
        one_d = self.blur.kernel[0, 0].sum(dim=0).double()
        down, across = (_runs(size, self.blur, tuple(one_d.tolist())) for size in (height, width))
        filters = len(self.convolution.weight)
        size = sum(run.outputs for run in down), sum(run.outputs for run in across)
        shape = len(maps), filters, *size
        found = torch.empty(shape, dtype=maps.dtype, device=maps.device, memory_format=torch.channels_last)
        block = compiled.block_of(filters) if compiled.computes(maps) else 0
        if block:
            padded = padded.contiguous(memory_format=torch.channels_last)
        for rows, columns in product(down, across):
            self._convolve(self._part(padded, rows, columns), rows, columns, found, block)
        return found

    def _part(self, padded: Tensor, rows: _Run, columns: _Run) -> Tensor:
        """The inputs of the outputs of a run of rows and one of columns."""
        for dim, run in ((2, rows), (3, columns)):
            last = (run.outputs - 1) * self.blur.stride * self._step
            padded = padded.narrow(dim, run.position * self._step, last + self._side)
        return padded

    def _convolve(self, part: Tensor, rows: _Run, columns: _Run, found: Tensor, block: int) -> None:
        into = found.narrow(2, rows.first, rows.outputs).narrow(3, columns.first, columns.outputs)
        stride = self._step * self.blur.stride
        key = rows.weights, columns.weights, block, part.dtype, part.device
        if key not in self._filters:
            self._filters[key] = self._fold(rows.weights, columns.weights, block)
        weight, bias = self._filters[key], self.convolution.bias
        if block:
            added = bias if bias is not None else torch.zeros(into.shape[1])
            compiled.direct(part, weight, added, stride, into, self.rectify)
            return
        convolved = functional.conv2d(part, weight, bias, stride=stride)
        into.copy_(convolved.relu_() if self.rectify else convolved)

    def _fold(self, rows: Weights, columns: Weights, block: int) -> Tensor:
        """The larger filter (D, C, side, side); for compiled code as (D / block, side, side, C, block)."""
        weight = self.convolution.weight.detach().double()
        folded = weight.new_zeros(*weight.shape[:2], self._side, self._side)
        for row, of_row in enumerate(rows):
            for column, of_column in enumerate(columns):
                at = folded[:, :, row * self._step :, column * self._step :]
                at[:, :, : self._taps, : self._taps] += of_row * of_column * weight
        folded = folded.to(self.convolution.weight.dtype)
        if not block:
            return folded.contiguous(memory_format=torch.channels_last)
        return folded.view(-1, block, *folded.shape[1:]).permute(0, 3, 4, 2, 1).contiguous()


class _Run(NamedTuple):
    """Outputs in a row with the same weights: from which to how many, and from which position of the convolution on."""

    first: int
    outputs: int
    position: int
    weights: Weights


def _runs(convolved: int, blur: BlurPool, weights: Weights) -> list[_Run]:
    """All outputs of a blur along one side of so many positions."""
    before, after = blur.reflected[:2]
    runs: list[_Run] = []
    for output in range((convolved + before + after - blur.size) // blur.stride + 1):
        start = output * blur.stride - before
        position = min(max(start, 0), convolved - blur.size)
        within = [0.0] * blur.size
        for place, weight in enumerate(weights, start):
            within[_reflected(place, convolved) - position] += weight
        last = runs[-1] if runs else None
        if last and last.weights == tuple(within) and position == last.position + last.outputs * blur.stride:
            runs[-1] = last._replace(outputs=last.outputs + 1)
        else:
            runs.append(_Run(output, 1, position, tuple(within)))
    return runs


def _reflected(place: int, size: int) -> int:
    place = abs(place)
    return place if place < size else 2 * (size - 1) - place

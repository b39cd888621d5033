"""A convolution and the BlurPool behind it as one strided convolution: nothing that is not linear stands between."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from metric.networks.blurpool import BlurPool


class FoldedConvBlur(nn.Module):
    """What `blur(convolution(maps))` gives, with a quarter of the positions of the convolution computed.

    Inside, the two are one convolution by a larger filter. Near the border, where the blur meets reflected
    positions, they are computed as they are, on strips just wide enough.
    """

    weight: Tensor

    def __init__(self, convolution: nn.Conv2d, blur: BlurPool) -> None:
        super().__init__()
        self.convolution, self.blur = convolution, blur
        self.register_buffer("weight", _fold(convolution, blur), persistent=False)
        self._step = int(convolution.stride[0])
        self._taps = int(convolution.kernel_size[0])

    def forward(self, maps: Tensor) -> Tensor:
        zeros = int(self.convolution.padding[0])
        height, width = (size + 2 * zeros for size in maps.shape[2:])
        rows, columns = (_Positions.of(self._convolved(size), self.blur) for size in (height, width))
        # So many more zeros that the larger filter has all outputs, of which those near the border are replaced.
        margin = zeros + max(self.blur.reflected) * self._step
        widened = functional.pad(maps, (margin, margin, margin, margin))
        padded = widened[:, :, margin - zeros :, margin - zeros :][:, :, :height, :width]
        if rows.inside < 1 or columns.inside < 1:
            return self._plain(padded)
        offset = max(self.blur.reflected) - self.blur.reflected[0]
        blurred = functional.conv2d(
            widened[:, :, offset * self._step :, offset * self._step :],
            self.weight,
            self.convolution.bias,
            stride=self._step * self.blur.stride,
        )[:, :, : rows.outputs, : columns.outputs]
        strips = (
            (2, 0, rows.first, self._plain(self._cut(padded, 2, 0, rows.head))),
            (2, rows.outputs - rows.after, rows.after, self._plain(self._cut(padded, 2, rows.tail, rows.convolved))),
            (3, 0, columns.first, self._plain(self._cut(padded, 3, 0, columns.head))),
            (
                3,
                columns.outputs - columns.after,
                columns.after,
                self._plain(self._cut(padded, 3, columns.tail, columns.convolved)),
            ),
        )
        for dim, start, count, strip in strips:
            first = 0 if start == 0 else strip.shape[dim] - count
            blurred.narrow(dim, start, count).copy_(strip.narrow(dim, first, count))
        return blurred

    def _plain(self, padded: Tensor) -> Tensor:
        blurred: Tensor = self.blur(
            functional.conv2d(padded, self.convolution.weight, self.convolution.bias, stride=self._step)
        )
        return blurred

    def _convolved(self, size: int) -> int:
        return (size - self._taps) // self._step + 1

    def _cut(self, padded: Tensor, dim: int, start: int, stop: int) -> Tensor:
        """The inputs of the convolution's positions from `start` to before `stop`."""
        return padded.narrow(dim, start * self._step, (stop - start - 1) * self._step + self._taps)


class _Positions:
    """Along one side: which outputs of the blur meet no reflected position, and what the others need.

    `first` outputs come before the `inside` ones and `after` behind them. `head` and `tail` are where, in the
    `convolved` positions, the strip for the former ends and that for the latter begins.
    """

    def __init__(self, convolved: int, size: int, stride: int, before: int, after: int) -> None:
        outputs = (convolved + before + after - size) // stride + 1
        last = (convolved - size + before) // stride
        self.convolved, self.outputs = convolved, outputs
        self.first = -(-before // stride)
        self.inside = last + 1 - self.first
        self.after = outputs - 1 - last
        self.head = min(convolved, max(before, (self.first - 1) * stride - before + size - 1, after) + 1)
        # A strip keeps the phase of the blur, and reflection needs more positions than it reflects.
        tail = min((last + 1) * stride - before, convolved - 1 - max(before, after))
        self.tail = max(0, tail // stride * stride)

    @classmethod
    def of(cls, convolved: int, blur: BlurPool) -> _Positions:
        before, after = blur.reflected[:2]
        return cls(convolved, blur.size, blur.stride, before, after)


def _fold(convolution: nn.Conv2d, blur: BlurPool) -> Tensor:
    weight = convolution.weight.detach().double()
    step = int(convolution.stride[0])
    filters = blur.kernel[0, 0].double()
    side = weight.shape[2] + (blur.size - 1) * step
    folded = weight.new_zeros(*weight.shape[:2], side, side)
    taps = weight.shape[2]
    for row in range(blur.size):
        for column in range(blur.size):
            rows, columns = slice(row * step, row * step + taps), slice(column * step, column * step + taps)
            folded[:, :, rows, columns] += filters[row, column] * weight
    return folded.to(convolution.weight.dtype)

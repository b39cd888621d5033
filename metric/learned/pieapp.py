"""PieAPP (Prashnani et al. 2018, Section 4): errors of 64 × 64 patches, averaged with weights.

A patch's error and its weight are each read from the difference between the reference's and the image's features
by two fully connected layers. The first of these is linear before its ReLU, so it is applied to each image by
itself: what is kept of a patch is 1,024 numbers instead of 120,832.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, max_pool2d

from metric.device import exact_float32
from metric.interface import FeatureMetric, Features
from metric.registry import METRICS
from metric.weights.strict import rename_strictly

if TYPE_CHECKING:
    from metric.device import Precision
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

PATCH_PX = 64
DENSE_STRIDE_PX = 6
SPARSE_STRIDE_PX = 27

_CHANNELS = (3, 64, 64, 64, 128, 128, 128, 256, 256, 256, 512, 512)
_FLATTENED = 120_832
_COARSE = 2_048
_HIDDEN = 512
_ERROR_SCALE = 0.01
_LEAST_WEIGHT = 1e-6
_PATCHES_AT_ONCE = 64
"""So many patches take about 200 MB inside the network on the CPU, whatever the size of the image."""


class PieAPP(FeatureMetric):
    """The metric as a module; `stride` is the distance between neighbouring patches, pixels."""

    def __init__(self, spec: MetricSpec, stride: int) -> None:
        super().__init__(spec)
        self.stride = stride
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(_CHANNELS)
        )
        self.error_hidden = nn.Linear(_FLATTENED, _HIDDEN)
        self.error_output = nn.Linear(_HIDDEN, 1)
        self.error_offset = nn.Linear(1, 1)
        self.weight_hidden = nn.Linear(_COARSE, _HIDDEN)
        self.weight_output = nn.Linear(_HIDDEN, 1)

    def arrange(self, precision: Precision = "float32") -> None:
        super().arrange(precision)
        if self.error_output.weight.device.type == "cpu":
            self.convolutions.to(memory_format=torch.channels_last)

    def features(self, images: Tensor) -> Features:
        """For each of P patches, what the error and the weight are read from: two of shape (N, P, 512)."""
        # The network was trained on 8-bit values in the order blue, green, red.
        images = images.to(self.error_output.weight.dtype).flip(1) * 255
        patches = images.unfold(2, PATCH_PX, self.stride).unfold(3, PATCH_PX, self.stride)
        with exact_float32():
            rows = [self._read_patches(patches[:, :, row].transpose(1, 2)) for row in range(patches.shape[2])]
        errors, weights = zip(*rows, strict=True)
        return torch.cat(errors, dim=1), torch.cat(weights, dim=1)

    def distance(self, reference: Features, images: Features) -> Tensor:
        error, weight = (before - after for before, after in zip(reference, images, strict=True))
        error = self.error_output((error + self.error_hidden.bias).relu())
        error = self.error_offset(_ERROR_SCALE * error).squeeze(2)
        weight = self.weight_output((weight + self.weight_hidden.bias).relu()).squeeze(2) + _LEAST_WEIGHT
        distances: Tensor = (weight * error).sum(dim=1) / weight.sum(dim=1)
        return distances

    def _read_patches(self, row: Tensor) -> tuple[Tensor, Tensor]:
        """Of patches (N, n, 3, 64, 64), what the error and the weight are read from, each (N, n, 512)."""
        read = [self._read(patches) for patches in torch.split(row.flatten(0, 1), _PATCHES_AT_ONCE)]
        errors, weights = (torch.cat(parts).reshape(*row.shape[:2], _HIDDEN) for parts in zip(*read, strict=True))
        return errors, weights

    def _read(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        if patches.device.type == "cpu":
            # Convolution is almost half as fast again with channels last.
            patches = patches.contiguous(memory_format=torch.channels_last)
        levels = self._levels(patches)
        # The biases belong to the difference; `distance` adds them.
        return linear(torch.cat(levels, dim=1), self.error_hidden.weight), linear(levels[-1], self.weight_hidden.weight)

    def _levels(self, maps: Tensor) -> list[Tensor]:
        """Features after the 3rd, 5th, 7th, 9th and 11th convolution, each (n, C · h · w)."""
        levels = []
        for number, convolution in enumerate(self.convolutions, start=1):
            maps = convolution(maps).relu()
            if number % 2 == 0:
                maps = max_pool2d(maps, 2)
            elif number > 1:
                levels.append(maps.flatten(1))
        return levels


_PUBLISHED_NAMES = {
    "error_hidden": "fc1_score",
    "error_output": "fc2_score",
    "error_offset": "ref_score_subtract",
    "weight_hidden": "fc1_weight",
    "weight_output": "fc2_weight",
}


def convert_published(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' `PieAPPv0.1.pth` under our names.

    Raises:
        MetricError: names the first tensor that is missing, left over or of another shape.
    """
    offset = "ref_score_subtract.weight"
    if offset in checkpoint and checkpoint[offset].shape == (1,):
        # Written by PyTorch 0.3, which dropped a dimension of a layer with one input.
        checkpoint = checkpoint | {offset: checkpoint[offset].unsqueeze(1)}
    expected = _expected()
    return rename_strictly(checkpoint, {ours: _published_name(ours) for ours in expected}, expected)


def _expected() -> dict[str, Tensor]:
    with torch.device("meta"):
        return dict(PieAPP(METRICS["pieapp-dense"], DENSE_STRIDE_PX).state_dict())


def _published_name(ours: str) -> str:
    match ours.split("."):
        case ["convolutions", index, tensor]:
            return f"conv{int(index) + 1}.{tensor}"
        case [layer, tensor]:
            return f"{_PUBLISHED_NAMES[layer]}.{tensor}"
    raise KeyError(ours)


def build_sparse(spec: MetricSpec, weights: Weights) -> PieAPP:
    """`pieapp-sparse` with given weights."""
    return _build(spec, SPARSE_STRIDE_PX, weights)


def build_dense(spec: MetricSpec, weights: Weights) -> PieAPP:
    """`pieapp-dense` with given weights."""
    return _build(spec, DENSE_STRIDE_PX, weights)


def _build(spec: MetricSpec, stride: int, weights: Weights) -> PieAPP:
    with torch.device("meta"):  # 65 million random numbers that nobody reads would take a second
        metric = PieAPP(spec, stride)
    expected = metric.state_dict()
    found = rename_strictly(weights.read("all"), {name: name for name in expected}, expected)
    metric.load_state_dict(found, strict=True, assign=True)
    return metric

"""DISTS: deep image structure and texture similarity (Ding, Ma, Wang & Simoncelli 2020).

At six levels, the image itself and five of VGG-16, each channel of the one image is compared with the same
channel of the other by the means (texture, Eq. 5) and by the covariance (structure, Eq. 6) of its map. Trained
weights alpha and beta, which add up to 1 over all channels and levels, make one number of both (Eq. 7).

Because the weights add up to 1, `1 - sum(weight * similarity)` is `sum(weight * (1 - similarity))`, and

    1 - texture   = (mean_x - mean_y)² / (mean_x² + mean_y² + C)
    1 - structure = mean((x - mean_x - y + mean_y)²) / (variance_x + variance_y + C)

which is what is computed: nothing is subtracted from 1, so that small distances keep their digits, and
identical images are exactly 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from metric.device import exact_float32
from metric.errors import MisfitError
from metric.interface import FeatureMetric, Features
from metric.weights.strict import rename_strictly

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
_STABLE = 1e-6  # C1 and C2 of the paper
_NO_ENERGY = 1e-12  # under the root, so that its gradient is finite where a map is 0
_CHANNELS = [3, *(stage[-1] for stage in _STAGES)]
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as torchvision normalises


class L2Pooling(nn.Module):
    """Root of the blurred squares, at every other position: (N, C, H, W) → (N, C, ceil(H / 2), ceil(W / 2)).

    Hénaff & Simoncelli 2016; the blur is a Hann window of 3 × 3, zeros beyond the border.
    """

    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("window", torch.outer(taps, taps), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        channels = maps.shape[1]
        kernel = self.window.expand(channels, 1, 3, 3)
        energy = functional.conv2d(maps.square(), kernel, stride=2, padding=1, groups=channels)
        return (energy + _NO_ENERGY).sqrt()


class DISTS(FeatureMetric):
    """The metric as a module: images (N, 3, H, W), RGB in [0, 1] → distances (N,) in [0, 2)."""

    mean: Tensor
    deviation: Tensor
    alpha: Tensor
    beta: Tensor

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1), persistent=False)
        for name in ("alpha", "beta"):
            self.register_buffer(name, torch.ones(1, sum(_CHANNELS), 1, 1))
        self.stages = nn.ModuleList()
        before = 3
        for index, widths in enumerate(_STAGES):
            stage: list[nn.Module] = [L2Pooling()] if index else []
            for width in widths:
                stage += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            self.stages.append(nn.Sequential(*stage))

    def features(self, images: Tensor) -> Features:
        """For each level the maps less their means, the means, and the variances."""
        images = images.to(self.mean.dtype)
        levels = [images]
        maps = (images - self.mean) / self.deviation
        with exact_float32():
            for stage in self.stages:
                maps = stage(maps)
                levels.append(maps)
        kept: list[Tensor] = []
        for level in levels:
            mean = level.mean(dim=(2, 3), keepdim=True)
            centred = level - mean
            kept += [centred, mean, centred.square().mean(dim=(2, 3), keepdim=True)]
        return tuple(kept)

    def distance(self, reference: Features, images: Features) -> Tensor:
        total = self.alpha.sum() + self.beta.sum()
        alphas = torch.split(self.alpha / total, _CHANNELS, dim=1)
        betas = torch.split(self.beta / total, _CHANNELS, dim=1)
        distances = []
        for level, (alpha, beta) in enumerate(zip(alphas, betas, strict=True)):
            here = slice(3 * level, 3 * level + 3)
            (centred, mean, variance), (other, other_mean, other_variance) = reference[here], images[here]
            texture = (mean - other_mean).square() / (mean.square() + other_mean.square() + _STABLE)
            difference = (centred - other).square().mean(dim=(2, 3), keepdim=True)
            structure = difference / (variance + other_variance + _STABLE)
            distances.append((alpha * texture + beta * structure).sum(dim=(1, 2, 3)))
        return torch.stack(distances).sum(dim=0)

    def load_published(self, backbone: dict[str, Tensor], linear: dict[str, Tensor]) -> None:
        """Takes over torchvision's VGG-16 convolutions and the published alpha and beta.

        Raises:
            MetricError: names the first tensor that is missing, left over or of another shape.
        """
        expected = self.state_dict()
        convolutions = {name: tensor for name, tensor in expected.items() if name.startswith("stages.")}
        scales = {name: tensor for name, tensor in expected.items() if not name.startswith("stages.")}
        loaded = rename_strictly(backbone, _torchvision_names(), convolutions)
        loaded |= rename_strictly(linear, {name: name for name in scales}, scales)
        if bool((loaded["alpha"] < 0).any() or (loaded["beta"] < 0).any()):
            raise MisfitError("alpha and beta of DISTS have negative weights, which give no distance.")
        self.load_state_dict(loaded, strict=True)


def _torchvision_names() -> dict[str, str]:
    """Our name of each tensor → torchvision's; its pooling stands where our L2 pooling does."""
    names = {}
    position = 0
    for index, widths in enumerate(_STAGES):
        first = 1 if index else 0
        position += first
        for convolution in range(len(widths)):
            for tensor in ("weight", "bias"):
                names[f"stages.{index}.{first + 2 * convolution}.{tensor}"] = f"features.{position}.{tensor}"
            position += 2
    return names


def build(spec: MetricSpec, weights: Weights) -> DISTS:
    """`dists` with the published weights."""
    metric = DISTS(spec)
    metric.load_published(weights.read("backbone"), weights.read("linear"))
    return metric

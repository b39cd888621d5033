"""PIM, the perceptual information metric (Bhardwaj, Fischer, Ballé & Chinen 2020).

A steerable pyramid splits the image into eight levels. At each position of each level, four convolutions and an
encoder give the distribution of a code of 10 numbers: one Gaussian of unit variance (`pim-1`), or a mixture of five
(`pim-5`). The distance is the symmetrised divergence between the codes of both images, averaged over the positions
of a level and then over the levels, as the authors' released model computes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from metric.device import exact_float32
from metric.interface import FeatureMetric, Features
from metric.learned.pim_noise import fixed_uniforms, to_normal
from metric.learned.pim_pyramid import LEVELS, SteerablePyramid
from metric.registry import METRICS
from metric.weights.strict import rename_strictly

if TYPE_CHECKING:
    from metric.device import Precision
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

CODE_SIZE = 10
_FILTERS = (3, 64, 64, 64, 3)
_FILTER_PX = 5
_COMPONENTS = 5


class GaussianEncoder(nn.Module):
    """Features (N, 3, h, w) of one level → the means of K codes at each position, (N, 10 · K, h, w)."""

    def __init__(self, components: int = 1) -> None:
        super().__init__()
        outputs = CODE_SIZE * components
        # The released model has no layer after this second ReLU: its means are never negative.
        self.means = nn.Sequential(*_layers((_FILTERS[-1], outputs, outputs), size=1), nn.ReLU())

    def forward(self, features: Tensor) -> Tensor:
        means: Tensor = self.means(features)
        return means


class MixtureEncoder(nn.Module):
    """Features (N, 3, h, w) → means (N, K, 10, h, w) and log weights (N, K, h, w) of K Gaussians."""

    def __init__(self, components: int) -> None:
        super().__init__()
        self.gaussians = GaussianEncoder(components)
        self.logits = nn.Sequential(*_layers((_FILTERS[-1], components, components, components), size=1))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.logits(features)
        count, components, height, width = logits.shape
        means = self.gaussians(features).reshape(count, components, CODE_SIZE, height, width)
        return means, torch.log_softmax(logits, dim=1)


class PIM(FeatureMetric):
    """What both metrics share: pyramid, convolutions, encoders."""

    def __init__(self, spec: MetricSpec, encoders: Iterable[nn.Module]) -> None:
        super().__init__(spec)
        self.pyramid = SteerablePyramid()
        self.convolutions = nn.ModuleList(nn.Sequential(*_layers(_FILTERS, _FILTER_PX)) for _ in range(LEVELS))
        self.encoders = nn.ModuleList(encoders)

    def arrange(self, precision: Precision = "float32") -> None:
        super().arrange(precision)
        if self.pyramid.low.device.type == "cpu":
            for convolutions in self.convolutions:
                convolutions.to(memory_format=torch.channels_last)

    def levels(self, images: Tensor) -> list[Tensor]:
        """What the encoders read, coarsest level first, each (N, 3, h, w)."""
        with exact_float32():
            pyramid = self.pyramid(images.to(self.pyramid.low.dtype))
            if images.device.type == "cpu":
                # With channels last, convolution rounds three times less here, and is a little faster.
                pyramid = [level.contiguous(memory_format=torch.channels_last) for level in pyramid]
            return [convolutions(level) for convolutions, level in zip(self.convolutions, pyramid, strict=True)]


class GaussianPIM(PIM):
    """`pim-1`: the mean over the code of the squared difference of means.

    The divergence of Gaussians of unit variance is the sum over the code; the released model takes the mean.
    """

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec, (GaussianEncoder() for _ in range(LEVELS)))

    def features(self, images: Tensor) -> Features:
        means = [encoder(level) for encoder, level in zip(self.encoders, self.levels(images), strict=True)]
        # Scaled so that the distance is a plain sum of squares.
        return tuple(level / (level[0].numel() * LEVELS) ** 0.5 for level in means)

    def distance(self, reference: Features, images: Features) -> Tensor:
        levels = zip(reference, images, strict=True)
        return torch.stack([(image - expected).square().sum(dim=(1, 2, 3)) for expected, image in levels]).sum(dim=0)


class MixturePIM(PIM):
    """`pim-5`: the symmetrised divergence of mixtures, estimated from one sample a position.

    The released model draws new samples at each call. Here they come from fixed noise, the same for every image,
    so the same pair always has the same distance, the distance is symmetric, and most of the noise cancels: for a
    single Gaussian the estimate would be exact.
    """

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec, (MixtureEncoder(_COMPONENTS) for _ in range(LEVELS)))

    def features(self, images: Tensor) -> Features:
        kept: list[Tensor] = []
        for number, (encoder, level) in enumerate(zip(self.encoders, self.levels(images), strict=True)):
            means, log_weights = encoder(level)
            noise = fixed_noise(number, means)
            centre = choose_means(means, log_weights, noise)
            kept += [means, log_weights, centre, log_density(centre, noise, means, log_weights)]
        return tuple(kept)

    def distance(self, reference: Features, images: Features) -> Tensor:
        levels = []
        for number in range(LEVELS):
            one, other = reference[4 * number : 4 * number + 4], images[4 * number : 4 * number + 4]
            noise = fixed_noise(number, one[0])
            there = one[3] - log_density(one[2], noise, *other[:2])
            back = other[3] - log_density(other[2], noise, *one[:2])
            levels.append((there + back).mean(dim=(1, 2)))
        return torch.stack(levels).mean(dim=0)


def fixed_noise(level: int, means: Tensor) -> Tensor:
    """For means (N, K, 10, h, w) of a level: 10 normal numbers and one uniform at each position, (11, h, w)."""
    uniforms = fixed_uniforms(level, CODE_SIZE + 1, means.shape[3], means.shape[4], means.device)
    return torch.cat([to_normal(uniforms[:-1]), uniforms[-1:]]).to(means.dtype)


def choose_means(means: Tensor, log_weights: Tensor, noise: Tensor) -> Tensor:
    """At each position the mean of one of the Gaussians, chosen by weight and the uniform noise, (N, 10, h, w)."""
    below = log_weights.detach().exp().cumsum(dim=1)[:, :-1] < noise[-1]
    chosen = nn.functional.one_hot(below.sum(dim=1), means.shape[1]).movedim(-1, 1).unsqueeze(2)
    return (means * chosen).sum(dim=1)


def log_density(centre: Tensor, noise: Tensor, means: Tensor, log_weights: Tensor) -> Tensor:
    """Log density (N, h, w) of the codes `centre` + noise under mixtures of unit Gaussians.

    Left out is what depends on the noise alone, -|noise|² / 2 - 5 log 2π: it is the same in the two densities of
    which a ratio is taken, and large beside the ratio.
    """
    apart = centre.unsqueeze(1) - means
    return torch.logsumexp(log_weights - (apart * (apart + 2 * noise[:-1])).sum(dim=2) / 2, dim=1)


def _layers(channels: Sequence[int], size: int) -> list[nn.Module]:
    """Convolutions of `size` × `size`, with a ReLU between any two."""
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, size, padding=size // 2), nn.ReLU()]
    return layers[:-1]


_UNUSED = ("joint_encoder/", "optimizer/", "save_counter/", "_CHECKPOINTABLE_OBJECT_GRAPH")
"""What the authors' checkpoints may hold besides the marginal encoder, which alone gives the distance."""


def convert_published_1(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint `pim-1` under our names; `MetricError` names the first tensor that does not fit."""
    return _convert(checkpoint, "pim-1")


def convert_published_5(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint `pim-5` under our names; `MetricError` names the first tensor that does not fit."""
    return _convert(checkpoint, "pim-5")


def _convert(checkpoint: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    spec = METRICS[name]
    metric = GaussianPIM(spec) if name == "pim-1" else MixturePIM(spec)
    expected = metric.state_dict()
    used = {
        published.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE"): _to_torch_layout(tensor)
        for published, tensor in checkpoint.items()
        if not published.startswith(_UNUSED) and "/.OPTIMIZER_SLOT/" not in published
    }
    return rename_strictly(used, {ours: _published_name(ours) for ours in expected}, expected)


def _to_torch_layout(tensor: Tensor) -> Tensor:
    """TensorFlow's (height, width, in, out) and (in, out) as (out, in, height, width)."""
    if tensor.ndim == 4:
        return tensor.permute(3, 2, 0, 1).contiguous()
    return tensor.T.contiguous()[:, :, None, None] if tensor.ndim == 2 else tensor


def _published_name(ours: str) -> str:
    part, level, *layer, tensor = ours.split(".")
    tensor = {"weight": "kernel", "bias": "bias"}[tensor]
    index = int(layer[-1]) // 2  # every second layer is a ReLU
    if part == "convolutions":
        return f"frontend/cnns/{level}/layer_with_weights-{index}/{tensor}"
    if "means" in layer:
        return f"marginal_encoder/encoders/{level}/base/{index}/{tensor}"
    published = "logit_layer" if index == 2 else f"mix/{index}"
    return f"marginal_encoder/encoders/{level}/{published}/{tensor}"


def build_pim_1(spec: MetricSpec, weights: Weights) -> GaussianPIM:
    """`pim-1` with given weights."""
    metric = GaussianPIM(spec)
    _load(metric, weights)
    return metric


def build_pim_5(spec: MetricSpec, weights: Weights) -> MixturePIM:
    """`pim-5` with given weights."""
    metric = MixturePIM(spec)
    _load(metric, weights)
    return metric


def _load(metric: PIM, weights: Weights) -> None:
    expected = metric.state_dict()
    metric.load_state_dict(rename_strictly(weights.read("all"), {name: name for name in expected}, expected))

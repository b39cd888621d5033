"""LPIPS on any network, and the shift-tolerant one (Ghildyal & Liu 2022, Section 5).

The distance is LPIPS's (Zhang et al. 2018, Eq. 1): at each level, the features of both images are
scaled to unit length at each position, subtracted, squared, weighted by channel, summed over channels and
averaged over positions; the levels are added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from metric.device import exact_float32
from metric.errors import MetricError
from metric.interface import FeatureMetric, Features
from metric.networks.build import build_network
from metric.networks.network import FeatureNetwork
from metric.networks.statistics import DEVIATION, MEAN
from metric.networks.variant import Variant
from metric.weights.strict import rename_strictly

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

_NO_LENGTH = 1e-10
"""Added to the length of a feature vector, as in LPIPS, so that a vector of zeros stays one."""


def weigh_features(levels: Sequence[Tensor], channel_weights: Sequence[Tensor]) -> Features:
    """Features between which LPIPS is the plain sum of squared differences.

    Each feature vector is scaled to unit length, each channel by the root of its weight, and each level by
    the root of its number of positions. So all that an image needs is computed once for the image, not for
    the pair.

    Args:
        levels: each (N, C, h, w).
        channel_weights: each (1, C, 1, 1), not negative.
    """
    weighed = []
    for maps, weights in zip(levels, channel_weights, strict=True):
        positions = maps.shape[2] * maps.shape[3]
        length = torch.linalg.vector_norm(maps, dim=1, keepdim=True)
        weighed.append(maps / (length + _NO_LENGTH) * (weights / positions).sqrt())
    return tuple(weighed)


def squared_distance(reference: Features, images: Features) -> Tensor:
    """Sum over all features of the squared difference, shape (N,); one reference may meet N images."""
    per_level = [
        (image - expected).square().sum(dim=(1, 2, 3)) for expected, image in zip(reference, images, strict=True)
    ]
    return torch.stack(per_level).sum(dim=0)


class LPIPS(FeatureMetric):
    """The metric as a module: images (N, 3, H, W), RGB in [0, 1] → distances (N,).

    Its channel weights are 0 until they are loaded or trained.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: MetricSpec, network: FeatureNetwork) -> None:
        super().__init__(spec)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1))
        self.network = network
        self.channel_weights = nn.ParameterList(torch.zeros(1, n, 1, 1) for n in network.channels)

    def arrange(self) -> None:
        if self.mean.device.type == "cpu":
            self.network.arrange()

    def features(self, images: Tensor) -> Features:
        # The networks were trained on [-1, 1], shifted and scaled by the channel statistics of ImageNet.
        images = (images.to(self.mean.dtype) * 2 - 1 - self.mean) / self.deviation
        if images.device.type == "cpu":
            # Max pooling is about ten times as fast, and convolution a little faster, with channels last.
            images = images.contiguous(memory_format=torch.channels_last)
        with exact_float32():
            levels = self.network(images)
        return weigh_features(levels, list(self.channel_weights))

    def distance(self, reference: Features, images: Features) -> Tensor:
        return squared_distance(reference, images)

    def load_stlpips(self, checkpoint: Mapping[str, Tensor]) -> None:
        """Takes over a checkpoint in the layout of the package `stlpips_pytorch`.

        Raises:
            MetricError: names the first tensor that is missing, left over or of another shape, and a level
                with a negative channel weight, which would not give a distance.
        """
        expected = self.state_dict()
        renamed = rename_strictly(checkpoint, self.stlpips_names(), expected)
        for level in range(len(self.channel_weights)):
            if bool((renamed[f"channel_weights.{level}"] < 0).any()):
                raise MetricError(f"Level {level + 1} of the checkpoint has a negative channel weight.")
        self.load_state_dict(renamed, strict=True)

    def stlpips_names(self) -> dict[str, str]:
        """Our state name → that in the checkpoints of `stlpips_pytorch`."""
        names = {"mean": "scaling_layer.shift", "deviation": "scaling_layer.scale"}
        names |= {f"network.{ours}": f"net.{theirs}" for ours, theirs in self.network.stlpips_names().items()}
        weights = range(len(self.channel_weights))
        return names | {f"channel_weights.{level}": f"lin{level}.model.1.weight" for level in weights}


SHIFT_TOLERANT_ALEX = Variant("alexnet", blur=3, padding=2, conv1_stride=1, location="blur-before-activation")
SHIFT_TOLERANT_VGG = Variant("vgg16", blur=3, padding=2)


def build_alex(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`stlpips-alex` with the published weights."""
    return _build(spec, SHIFT_TOLERANT_ALEX, weights)


def build_vgg(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`stlpips-vgg` with the published weights."""
    return _build(spec, SHIFT_TOLERANT_VGG, weights)


def _build(spec: MetricSpec, variant: Variant, weights: Weights) -> LPIPS:
    metric = LPIPS(spec, build_network(variant))
    metric.load_stlpips(weights.read("all"))
    return metric

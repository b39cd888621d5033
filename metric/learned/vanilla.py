"""LPIPS as it was published (Zhang, Isola, Efros, Shechtman & Wang 2018), and the same trained from scratch.

The distance is that of `metric.learned.lpips`; the networks are torchvision's, tapped after activations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from metric.device import exact_float32
from metric.errors import MetricError
from metric.interface import FeatureMetric, Features
from metric.learned.lpips import squared_distance, weigh_features
from metric.learned.plain_networks import PlainNetwork
from metric.weights.strict import rename_strictly

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

# Of the package lpips, its `ScalingLayer`: for images in [-1, 1].
_MEAN, _DEVIATION = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class LPIPS(FeatureMetric):
    """The metric as a module: images (N, 3, H, W), RGB in [0, 1] → distances (N,)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: MetricSpec, network: PlainNetwork) -> None:
        super().__init__(spec)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1))
        self.network = network
        self.channel_weights = nn.ParameterList(torch.zeros(1, n, 1, 1) for n in network.channels)

    def features(self, images: Tensor) -> Features:
        images = (images.to(self.mean.dtype) * 2 - 1 - self.mean) / self.deviation
        with exact_float32():
            levels = self.network(images)
        return weigh_features(levels, list(self.channel_weights))

    def distance(self, reference: Features, images: Features) -> Tensor:
        return squared_distance(reference, images)

    def load_parts(self, backbone: Mapping[str, Tensor], linear: Mapping[str, Tensor]) -> None:
        """Takes over torchvision's convolutions and the channel weights of the package lpips.

        Raises:
            MetricError: names the first tensor that is missing, left over, of another shape, or negative where
                it weighs channels.
        """
        convolutions = {name: t for name, t in self.state_dict().items() if name.startswith("network.")}
        weights = {name: t for name, t in self.state_dict().items() if name.startswith("channel_weights.")}
        loaded = rename_strictly(backbone, {name: name.removeprefix("network.") for name in convolutions}, convolutions)
        loaded |= rename_strictly(linear, {name: _published_name(name, self.network) for name in weights}, weights)
        self._load(loaded | {"mean": self.mean, "deviation": self.deviation})

    def load_whole(self, checkpoint: Mapping[str, Tensor]) -> None:
        """Takes over all of a network that was trained as stlpips_pytorch trains; errors as `load_parts`."""
        expected = self.state_dict()
        names = {ours: _published_name(ours, self.network) for ours in expected}
        self._load(rename_strictly(checkpoint, names, expected))

    def _load(self, loaded: Mapping[str, Tensor]) -> None:
        for level in range(len(self.channel_weights)):
            if bool((loaded[f"channel_weights.{level}"] < 0).any()):
                raise MetricError(f"Level {level + 1} of the checkpoint has a negative channel weight.")
        self.load_state_dict(loaded, strict=True)


def _published_name(ours: str, network: PlainNetwork) -> str:
    """The name of a tensor in the checkpoints of lpips and of stlpips_pytorch."""
    match ours.split("."):
        case ["mean"]:
            return "scaling_layer.shift"
        case ["deviation"]:
            return "scaling_layer.scale"
        case ["channel_weights", level]:
            return f"lin{level}.model.1.weight"
        case ["network", "features", position, *rest]:
            level_number = sum(tap < int(position) for tap in network.taps) + 1
            return ".".join([f"net.slice{level_number}", position, *rest])
    raise KeyError(ours)


def build_alex(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`lpips-alex` with the published weights."""
    return _build(spec, "alexnet", weights)


def build_vgg(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`lpips-vgg` with the published weights."""
    return _build(spec, "vgg16", weights)


def build_squeeze(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`lpips-squeeze` with the published weights."""
    return _build(spec, "squeezenet1_1", weights)


def build_retrained_alex(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`vanilla-alex` with weights that were all trained."""
    metric = LPIPS(spec, PlainNetwork("alexnet"))
    metric.load_whole(weights.read("all"))
    return metric


def build_retrained_vgg(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`vanilla-vgg` with weights that were all trained."""
    metric = LPIPS(spec, PlainNetwork("vgg16"))
    metric.load_whole(weights.read("all"))
    return metric


def _build(spec: MetricSpec, network: Literal["alexnet", "vgg16", "squeezenet1_1"], weights: Weights) -> LPIPS:
    metric = LPIPS(spec, PlainNetwork(network))
    metric.load_parts(weights.read("backbone"), weights.read("linear"))
    return metric

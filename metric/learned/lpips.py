"""LPIPS on any network, and the shift-tolerant one (Ghildyal & Liu 2022, Section 5).

The distance is LPIPS's (Zhang et al. 2018, Eq. 1): at each level, the features of both images are
scaled to unit length at each position, subtracted, squared, weighted by channel, summed over channels and
averaged over positions; the levels are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from metric.device import Precision, exact_float32, is_recorded
from metric.errors import MetricError, MisfitError
from metric.interface import FeatureMetric, Features
from metric.networks import compiled
from metric.networks.build import build_network
from metric.networks.fast import FastNetwork, arrange
from metric.networks.network import FeatureNetwork
from metric.networks.statistics import DEVIATION, MEAN
from metric.networks.variant import Variant
from metric.weights.strict import rename_strictly

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

_NO_LENGTH = 1e-10
"""Added to the length of a feature vector, as in LPIPS, so that a vector of zeros stays one."""

_CACHED = 2**18
"""Features that are compared at a time."""


def unit_vectors(maps: Tensor) -> Tensor:
    """Features (N, C, h, w) scaled to unit length at each position."""
    # Of half precision the length is taken in float32: `_NO_LENGTH` is 0 in float16.
    wide = torch.promote_types(maps.dtype, torch.float32)
    length: Tensor = torch.linalg.vector_norm(maps, dim=1, keepdim=True, dtype=wide)
    # torch's export to ONNX takes what is added to be 0, and divides by it.
    length = length.clamp_min(_NO_LENGTH) if is_recorded() else length + _NO_LENGTH
    unit: Tensor = (maps / length).to(maps.dtype)
    return unit


def level_distance(reference: Tensor, images: Tensor, channel_weights: Tensor) -> Tensor:
    """LPIPS at one level, (N,): the mean over positions of the weighed squared difference.

    Args:
        reference, images: unit vectors, (N, C, h, w); one reference may meet N images.
        channel_weights: (1, C, 1, 1), not negative.
    """
    given = reference, images, channel_weights
    if all(map(compiled.computes, given)) and compiled.whole(images.shape[1]) and _fit(reference, images):
        return compiled.mean_difference(*given)
    reference, images, weights = (maps.flatten(2) for maps in (reference, images, channel_weights))
    positions = images.shape[2]
    # In parts that stay in a processor's cache, from the features to their sum; a GPU takes all at once.
    if is_recorded() or images.device.type != "cpu":
        return ((reference - images).square() * weights).sum(dim=(1, 2)) / positions
    part = max(1, _CACHED // images.shape[1])
    parts = zip(torch.split(reference, part, 2), torch.split(images, part, 2), strict=True)
    sums = [((one - other).square() * weights).sum(dim=(1, 2)) for one, other in parts]
    return torch.stack(sums).sum(dim=0) / positions


def _fit(reference: Tensor, images: Tensor) -> bool:
    """Whether features can be compared without being repeated; torch repeats them, or says what does not fit."""
    return reference.shape[1:] == images.shape[1:] and len(reference) in (1, len(images))


class LPIPS(FeatureMetric):
    """The metric as a module: images (N, 3, H, W), RGB in [0, 1] → distances (N,).

    Its channel weights are 0 until they are loaded or trained.

    Attributes:
        arranged: whether it is arranged for evaluation, and no longer to be trained.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: MetricSpec, network: FeatureNetwork) -> None:
        super().__init__(spec)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1))
        self.network: nn.Module = network
        self.arranged = False
        self.channel_weights = nn.ParameterList(torch.zeros(1, n, 1, 1) for n in network.channels)

    def arrange(self, precision: Precision = "float32") -> None:
        self.network = arrange(self.network, precision)
        self.arranged = True

    def train(self, mode: bool = True) -> Self:
        """As of any module; but once it is arranged, it keeps to evaluation.

        A loss is often a part of the module that it trains, and statistics of batches would then change with each.
        """
        return super().train(mode and not self.arranged)

    def in_double(self, memo: dict[int, Any] | None = None) -> FeatureMetric:
        # Float64 takes the plain form: the other need not be copied.
        large = {id(self.network.large): nn.Identity()} if isinstance(self.network, FastNetwork) else {}
        return super().in_double({**large, **(memo or {})})

    def features(self, images: Tensor) -> Features:
        # The networks were trained on [-1, 1], shifted and scaled by the channel statistics of ImageNet.
        images = (images.to(self.mean.dtype) * 2 - 1 - self.mean) / self.deviation
        first = next(iter(self.network.parameters()))
        # Max pooling is about ten times as fast, and convolution a little faster, with channels last.
        images = images.to(dtype=first.dtype, memory_format=torch.channels_last)
        with exact_float32():
            levels: tuple[Tensor, ...] = self.network(images)
        return tuple(self._unit_vectors(maps.to(self.mean.dtype)) for maps in levels)

    def _unit_vectors(self, maps: Tensor) -> Tensor:
        if not (compiled.computes(maps) and compiled.whole(maps.shape[1])):
            return unit_vectors(maps)
        return compiled.scale_to_unit(maps, _NO_LENGTH)  # in place: the network has no more use for them

    def distance(self, reference: Features, images: Features) -> Tensor:
        levels = zip(reference, images, self.channel_weights, strict=True)
        return torch.stack([level_distance(*level) for level in levels]).sum(dim=0)

    def difference_map(self, reference: Features, images: Features, size: tuple[int, int]) -> Tensor:
        # As the package `lpips` does with spatial=True: each level is brought to the size of the images.
        levels = []
        for one, other, weights in zip(reference, images, self.channel_weights, strict=True):
            coarse = ((one - other).square() * weights).sum(dim=1, keepdim=True)
            levels.append(functional.interpolate(coarse, size=size, mode="bilinear", align_corners=False))
        return torch.stack(levels).sum(dim=0).squeeze(1)

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
                raise MisfitError(f"Level {level + 1} of the checkpoint has a negative channel weight.")
        self.load_state_dict(renamed, strict=True)

    def stlpips_names(self) -> dict[str, str]:
        """Our state name → that in the checkpoints of `stlpips_pytorch`.

        Raises:
            MetricError: once it is arranged for evaluation.
        """
        if not isinstance(self.network, FeatureNetwork):
            raise MetricError(f"{self.spec.name} is arranged for evaluation; give the weights to a new one.")
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

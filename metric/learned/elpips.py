"""E-LPIPS: LPIPS averaged over random transformations of both images (Kettunen, Härkönen & Lehtinen 2019).

arXiv 1906.03973, Section 4, and the authors' code. The convolutions are torchvision's VGG-16, with dropout before each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from metric.device import exact_float32
from metric.errors import MisfitError
from metric.interface import FeatureMetric, Features
from metric.learned.elpips_draws import Draw, draw_transformation, transform
from metric.learned.lpips import unit_vectors
from metric.networks.build import build_network
from metric.networks.network import FeatureNetwork
from metric.networks.statistics import normalise_images
from metric.networks.variant import Variant
from metric.weights.strict import rename_strictly

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

DRAWS = 50
SEED = 0
_DROPPED = 0.01
"""The chance of a value to be dropped before a convolution."""

_INPUT = "input"
EVERY_LAYER = {
    _INPUT: 3,
    **{"relu1_1": 64, "relu1_2": 64, "relu2_1": 128, "relu2_2": 128},
    **{"relu3_1": 256, "relu3_2": 256, "relu3_3": 256},
    **{"relu4_1": 512, "relu4_2": 512, "relu4_3": 512},
    **{"relu5_1": 512, "relu5_2": 512, "relu5_3": 512},
}
"""Compared by E-LPIPS: the normalised image itself and what follows each convolution, with their channels."""
EVERY_BLOCK = {"relu1_2": 64, "relu2_2": 128, "relu3_3": 256, "relu4_3": 512, "relu5_3": 512}
"""Compared by LPIPS."""


class ELPIPS(FeatureMetric):
    """Mean over draws of LPIPS between both images under the same transformation and the same dropout.

    The draws follow from the seed and from the images' size alone: a pair has the same distance in any batch, and all
    pairs of one size meet the same draws, which makes them easier to compare than draws of their own would.

    Attributes:
        draws: how many are averaged.
        seed: of the draws.
    """

    def __init__(
        self,
        spec: MetricSpec,
        network: FeatureNetwork,
        compared: Mapping[str, int],
        draws: int = DRAWS,
        seed: int = SEED,
    ) -> None:
        super().__init__(spec)
        self.draws = draws
        self.seed = seed
        self.network = network.to(memory_format=torch.channels_last)  # in which a CPU convolves and pools faster
        self._compared = list(compared)
        self.channel_weights = nn.ParameterList(torch.zeros(1, count, 1, 1) for count in compared.values())

    def features(self, images: Tensor) -> Features:
        # Features of every draw would take gigabytes; the images are transformed and looked at draw by draw.
        return (images.to(self.channel_weights[0].dtype),)

    def distance(self, reference: Features, images: Features) -> Tensor:
        return self.distances_by_draw(reference[0], images[0]).mean(dim=0)

    def distances_by_draw(self, references: Tensor, images: Tensor) -> Tensor:
        """Distances of each draw, (draws, N), of N references (or one) and N images: for their standard error."""
        random = np.random.default_rng(self.seed)
        height, width = images.shape[2:]
        both = torch.cat([references, images])
        distances = []
        for _ in range(self.draws):
            draw = draw_transformation(random, height, width)
            distances.append(self.distance_under(draw, both, len(references), random))
        return torch.stack(distances)

    def distance_under(self, draw: Draw, both: Tensor, references: int, random: np.random.Generator) -> Tensor:
        """Distances, (N,), under one transformation; `both` begins with so many references. `random` drops out."""
        maps = normalise_images(transform(both, draw)).contiguous(memory_format=torch.channels_last)
        weights = dict(zip(self._compared, self.channel_weights, strict=True))
        total = torch.zeros((), dtype=maps.dtype, device=maps.device)
        if _INPUT in weights:
            total = total + _compare(maps, references, weights[_INPUT])
        with exact_float32():
            for name, layer in (named for level in self.network.levels for named in level.named_children()):
                if isinstance(layer, nn.Conv2d):
                    maps = maps * dropout_mask(random, maps)
                maps = layer(maps)
                if name in weights:
                    total = total + _compare(maps, references, weights[name])
        return total

    def load(self, convolutions: Mapping[str, Tensor], linear: Mapping[str, Tensor]) -> None:
        """Takes torchvision's VGG-16 and channel weights, named as those of LPIPS.

        Raises:
            MetricError: names the first tensor that is missing, left over or of another shape, and a level
                with a negative channel weight, which would not give a distance.
        """
        self.network.load_torchvision(convolutions)
        expected = self.channel_weights.state_dict()
        names = {str(level): _linear_name(level) for level in range(len(expected))}
        renamed = rename_strictly(linear, names, expected)
        for level, tensor in renamed.items():
            if bool((tensor < 0).any()):
                raise MisfitError(f'"{names[level]}" has a negative channel weight; it is not for this metric.')
        self.channel_weights.load_state_dict(renamed, strict=True)


def dropout_mask(random: np.random.Generator, maps: Tensor) -> Tensor:
    """What maps (N, C, h, w) are multiplied by: (1, C, h, w), 0 with a chance of 1 %, else 1 / 0.99.

    All images of the batch meet the same one. Only which values are dropped is drawn, on the CPU: it is the same on
    any device, and a hundredth of the work.
    """
    shape = maps.shape[1:]
    count = math.prod(shape)
    dropped = random.choice(count, random.binomial(count, _DROPPED), replace=False, shuffle=False)
    mask = torch.full((count,), 1 / (1 - _DROPPED), dtype=maps.dtype, device=maps.device)
    mask[torch.from_numpy(dropped).to(maps.device)] = 0
    return mask.view(1, *shape)


def _compare(maps: Tensor, references: int, weights: Tensor) -> Tensor:
    """LPIPS at one level (Zhang et al. 2018, Eq. 1), (N,); the maps begin with those of N references, or of one."""
    directions = unit_vectors(maps)
    difference: Tensor = directions[references:] - directions[:references]
    return (difference.square().mean(dim=(2, 3), keepdim=True) * weights).sum(dim=(1, 2, 3))


def _linear_name(level: int) -> str:
    return f"lin{level}.model.1.weight"


def convert_published(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' `vgg_full_avg.npy`, a (1, 1, C, 1) kernel for each of 14 levels, as (1, C, 1, 1).

    Raises:
        MetricError: names the first tensor that is missing, left over or of another shape.
    """
    expected = {_linear_name(level): torch.empty(1, 1, count, 1) for level, count in enumerate(EVERY_LAYER.values())}
    strict = rename_strictly(tensors, {name: name for name in expected}, expected)
    return {name: tensor.permute(0, 2, 1, 3).contiguous() for name, tensor in strict.items()}


def build_average(spec: MetricSpec, weights: Weights) -> ELPIPS:
    """`elpips-vgg`: average pooling, compared after every convolution."""
    return _build(spec, Variant("vgg16", pooling="avg"), EVERY_LAYER, weights)


def build_max(spec: MetricSpec, weights: Weights) -> ELPIPS:
    """`elpips-vgg-max`: max pooling, compared after every block, as LPIPS does."""
    return _build(spec, Variant("vgg16"), EVERY_BLOCK, weights)


def _build(spec: MetricSpec, variant: Variant, compared: Mapping[str, int], weights: Weights) -> ELPIPS:
    metric = ELPIPS(spec, build_network(variant), compared)
    metric.load(weights.read("backbone"), weights.read("linear"))
    return metric

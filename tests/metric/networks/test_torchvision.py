"""Without elements of shift tolerance, our networks are torchvision's, bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from metric.errors import MetricError
from metric.networks.build import build_network
from metric.networks.network import FeatureNetwork
from metric.networks.variant import Backbone, Variant

_TAPS = {"alexnet": (1, 4, 7, 9, 11), "vgg16": (3, 8, 15, 22, 29), "squeezenet": (1, 4, 7, 9, 10, 11, 12)}
_THEIRS = {"squeezenet": "squeezenet1_1"}

EVERY_ELEMENT: dict[Backbone, dict[str, Any]] = {
    "alexnet": {"blur": 5, "padding": 2, "conv1_stride": 1, "full_convolution": True, "pooling": "avg"},
    "vgg16": {"blur": 3, "pooling": "avg", "location": "blur-before-activation", "skips": "anti-aliased"},
    "resnet18": {"blur": 4, "padding": 2, "adaptive": True},
    "squeezenet": {"blur": 2, "location": "feature-after-blur"},
}


def theirs(backbone: str, seed: int) -> Any:
    """torchvision's network with seeded random weights, and batch norms that have seen something."""
    import torchvision

    with torch.device("meta"):
        network = getattr(torchvision.models, _THEIRS.get(backbone, backbone))(weights=None).eval()
    for classifier in ("classifier", "fc"):  # up to a hundred million weights, of which none is compared
        if hasattr(network, classifier):
            setattr(network, classifier, torch.nn.Identity())
    network.to_empty(device="cpu")
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.reset_parameters()
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_parameters()
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)
    return network


def their_features(network: Any, images: torch.Tensor) -> list[torch.Tensor]:
    """The features that LPIPS takes from torchvision's network."""
    if hasattr(network, "layer1"):
        stages = [network.layer1, network.layer2, network.layer3, network.layer4]
        found = [network.relu(network.bn1(network.conv1(images)))]
        maps = network.maxpool(found[0])
        for stage in stages:
            maps = stage(maps)
            found.append(maps)
        return found
    taps = next(taps for name, taps in _TAPS.items() if name in type(network).__name__.lower() + "16")
    maps, found = images, []
    for index, layer in enumerate(network.features):
        maps = layer(maps)
        if index in taps:
            found.append(maps.clone())  # the next layer may work in place
    return found


def ours(variant: Variant, network: Any) -> FeatureNetwork:
    built = build_network(variant).eval()
    built.load_torchvision(network.state_dict())
    return built


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 64), (97, 75)])
@pytest.mark.parametrize("backbone", ["alexnet", "vgg16", "resnet18", "squeezenet"])
def test_a_plain_network_is_torchvisions_bit_for_bit(backbone: Backbone, size: tuple[int, int]) -> None:
    network = theirs(backbone, seed=3)
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(4))
    built = ours(Variant(backbone), network)
    with torch.no_grad():
        found, expected = built(images), their_features(network, images)
    assert len(found) == len(expected) == len(built.channels)
    for level, channels, wanted in zip(found, built.channels, expected, strict=True):
        assert level.shape[1] == channels
        assert torch.equal(level, wanted)


@pytest.mark.slow  # to import torchvision takes longer than most tests
@pytest.mark.parametrize("backbone", ["alexnet", "vgg16", "resnet18", "squeezenet"])
def test_every_variant_takes_all_of_torchvisions_features(backbone: Backbone) -> None:
    import torchvision

    with torch.device("meta"):
        state = getattr(torchvision.models, _THEIRS.get(backbone, backbone))(weights=None).state_dict()
        built = [build_network(Variant(backbone, **elements)) for elements in ({}, EVERY_ELEMENT[backbone])]
    features = {name for name in state if not name.startswith(("classifier.", "fc."))}
    for network in built:
        names = network.torchvision_names()
        assert set(names.values()) == features
        shapes = network.state_dict()
        assert all(shapes[mine].shape == state[published].shape for mine, published in names.items())


@pytest.fixture
def alexnet_state() -> dict[str, Tensor]:
    """Zeros in place of the tensors of torchvision's AlexNet."""
    with torch.device("meta"):
        network = build_network(Variant("alexnet"))
    tensors = network.state_dict()
    return {name: torch.zeros(1).expand(tensors[ours].shape) for ours, name in network.torchvision_names().items()}


@pytest.mark.parametrize("name", ["features.6.weight", "features.10.bias"])
def test_a_missing_tensor_of_torchvisions_is_named(name: str, alexnet_state: dict[str, Tensor]) -> None:
    del alexnet_state[name]
    with pytest.raises(MetricError, match=f'no "{name}"'):
        build_network(Variant("alexnet")).load_torchvision(alexnet_state)


def test_a_tensor_of_another_network_is_named(alexnet_state: dict[str, Tensor]) -> None:
    with pytest.raises(MetricError, match=r'has "features\.30\.weight"'):
        build_network(Variant("alexnet")).load_torchvision(alexnet_state | {"features.30.weight": torch.zeros(1)})

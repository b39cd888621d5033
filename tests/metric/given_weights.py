"""Seeded random weights for metrics whose trained ones are not installed: enough to compute, not to mean anything.

`WRITERS` maps a metric to a function that gives role → tensors. A new metric is one more line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from metric.interface import FeatureMetric
from metric.learned.elpips import EVERY_LAYER
from metric.learned.lpips import LPIPS
from metric.learned.pieapp import PieAPP
from metric.learned.pim import GaussianPIM, MixturePIM
from metric.loading import find_spec, load_metric
from metric.networks.build import build_network
from metric.networks.variant import Backbone, Variant

State = dict[str, Tensor]
_SEED = 2022


def load_with_random_weights(name: str, folder: Path) -> FeatureMetric:
    """The metric with the weights that its writer gives, through files in `folder`."""
    files = {}
    for role, state in WRITERS[name]().items():
        files[role] = folder / f"{name}-{role}.pt"
        torch.save(state, files[role])
    return load_metric(name, weights=files)


def random_elpips(seed: int) -> State:
    """Channel weights of `elpips-vgg`, as its file has them."""
    generator = torch.Generator().manual_seed(seed)
    channels = enumerate(EVERY_LAYER.values())
    return {f"lin{level}.model.1.weight": torch.rand(1, count, 1, 1, generator=generator) for level, count in channels}


def _seeded(build: Callable[[], torch.nn.Module]) -> State:
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        module = build()
    # Twice torch's usual weights: else the difference of two images fades from layer to layer.
    return {name: 2 * tensor if name.endswith("weight") else tensor for name, tensor in module.state_dict().items()}


def _squeeze() -> dict[str, State]:
    network = build_network(Variant("squeezenet"))
    names = network.torchvision_names()
    state = _seeded(lambda: build_network(Variant("squeezenet")))
    return {"backbone": {names[ours]: tensor for ours, tensor in state.items()}}


def _vanilla(network: Backbone, name: str) -> dict[str, State]:
    with torch.device("meta"):
        names = LPIPS(find_spec(name), build_network(Variant(network))).stlpips_names()
    state = _seeded(lambda: LPIPS(find_spec(name), build_network(Variant(network))))
    weighed = {ours: tensor + 1 if ours.startswith("channel_weights") else tensor for ours, tensor in state.items()}
    return {"all": {names[ours]: tensor for ours, tensor in weighed.items()}}


def _pieapp() -> dict[str, State]:
    return {"all": _seeded(lambda: PieAPP(find_spec("pieapp-sparse"), 27))}


def _pim(build: Callable[[], torch.nn.Module]) -> dict[str, State]:
    state = {}
    for name, tensor in _seeded(build).items():
        # No biases, and filters that see contrast and not brightness: else neighbouring crops of a photograph have
        # codes that are so alike that float32 leaves few digits of their difference.
        if name.endswith("bias"):
            tensor = torch.zeros_like(tensor)
        elif name.startswith("convolutions.") and name.endswith(".0.weight"):
            tensor = tensor - tensor.mean(dim=(2, 3), keepdim=True)
        state[name] = 1.5 * tensor
    return {"all": state}


def _gti_cnn() -> dict[str, State]:
    generator = torch.Generator().manual_seed(_SEED)
    state = {"layers": torch.tensor([[1, 1, 2, 2], [2, 1, 1, 1]])}
    for layer, (before, after) in enumerate([(3, 8), (8, 4)]):
        state[f"{layer}.weight"] = torch.randn(after, before, 3, 3, generator=generator)
        state[f"{layer}.bias"] = torch.zeros(after)
    return {"all": state | {"0.beta": torch.ones(8), "0.gamma": torch.full((8, 8), 0.1)}}


WRITERS: Mapping[str, Callable[[], dict[str, State]]] = {
    "lpips-squeeze": _squeeze,
    "vanilla-alex": lambda: _vanilla("alexnet", "vanilla-alex"),
    "vanilla-vgg": lambda: _vanilla("vgg16", "vanilla-vgg"),
    "pieapp-sparse": _pieapp,
    "pieapp-dense": _pieapp,
    "pim-1": lambda: _pim(lambda: GaussianPIM(find_spec("pim-1"))),
    "pim-5": lambda: _pim(lambda: MixturePIM(find_spec("pim-5"))),
    "gti-cnn": _gti_cnn,
    "elpips-vgg": lambda: {"linear": random_elpips(_SEED)},
}

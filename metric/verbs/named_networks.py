"""Networks by name for the verbs that measure or draw features: those of the paper, and those in trained metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from metric.errors import MetricError
from metric.learned.trained import build
from metric.learned.trained_record import describe_trained, is_trained_file, read_record
from metric.networks.build import build_network
from metric.networks.configurations import Configuration, find_configurations
from metric.networks.network import FeatureNetwork
from metric.networks.weights import Filled, fill_weights
from metric.weights.finding import Weights

TRAINED = "trained"
"""What `Filled.convolutions` is of the network of a trained metric."""


def find_networks(names: Sequence[str]) -> list[Configuration]:
    """Networks by name, in the given order; all of the paper for no name. A file of a trained metric is one too.

    Raises:
        MetricError: for an unknown name, one that is given twice, and a file that is no trained metric.
    """
    if not names:
        return find_configurations(())
    found: list[Configuration] = []
    for name in names:
        if is_trained_file(name):
            one = Configuration(name, read_record(Path(name)).variant, "its file")
        else:
            (one,) = find_configurations((name,))
        if one in found:
            raise MetricError(f'The network "{name}" is named twice; name it once.')
        found.append(one)
    return found


def build_filled(configuration: Configuration, seed: int, *, random: bool = False) -> tuple[FeatureNetwork, Filled]:
    """The network on the CPU, and which weights it has: a trained one its own, others as `fill_weights` gives."""
    with torch.random.fork_rng():  # layers draw random weights as they are built
        if is_trained_file(configuration.name):
            spec = describe_trained(configuration.name)
            network = build(spec, Weights(spec.name, spec.weights, {})).network
            assert isinstance(network, FeatureNetwork), "it is not arranged yet"
            return network, Filled(TRAINED, read_record(Path(spec.name)).about["data"]["origin"], "")
        network = build_network(configuration.variant)
    return network, fill_weights(network, seed, random=random)

"""LPIPS on torchvision's networks: as it was published (Zhang et al. 2018), and trained from scratch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from metric.errors import MisfitError
from metric.learned.lpips import LPIPS
from metric.networks.build import build_network
from metric.networks.variant import Backbone, Variant
from metric.weights.strict import rename_strictly

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights


def load_channel_weights(metric: LPIPS, linear: Mapping[str, Tensor]) -> None:
    """Takes over the channel weights in the layout of the package `lpips`.

    Raises:
        MetricError: names the first tensor that is missing, left over, of another shape or negative.
    """
    names = {f"channel_weights.{k}": f"lin{k}.model.1.weight" for k in range(len(metric.channel_weights))}
    state = metric.state_dict()
    renamed = rename_strictly(linear, names, {ours: state[ours] for ours in names})
    for ours, tensor in renamed.items():
        if bool((tensor < 0).any()):
            raise MisfitError(f'"{names[ours]}" has a negative channel weight, which would not give a distance.')
    metric.load_state_dict(state | renamed, strict=True)


def build_alex(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`lpips-alex` with the published weights."""
    return _build(spec, "alexnet", weights)


def build_vgg(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`lpips-vgg` with the published weights."""
    return _build(spec, "vgg16", weights)


def build_squeeze(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`lpips-squeeze` with the published weights."""
    return _build(spec, "squeezenet", weights)


def build_retrained_alex(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`vanilla-alex` with weights that were all trained."""
    return _build_retrained(spec, "alexnet", weights)


def build_retrained_vgg(spec: MetricSpec, weights: Weights) -> LPIPS:
    """`vanilla-vgg` with weights that were all trained."""
    return _build_retrained(spec, "vgg16", weights)


def _build(spec: MetricSpec, backbone: Backbone, weights: Weights) -> LPIPS:
    network = build_network(Variant(backbone))
    network.load_torchvision(weights.read("backbone"))
    metric = LPIPS(spec, network)
    load_channel_weights(metric, weights.read("linear"))
    return metric


def _build_retrained(spec: MetricSpec, backbone: Backbone, weights: Weights) -> LPIPS:
    metric = LPIPS(spec, build_network(Variant(backbone)))
    metric.load_stlpips(weights.read("all"))
    return metric

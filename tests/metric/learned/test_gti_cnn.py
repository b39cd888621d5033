"""GTI-CNN is what its file says: its layers against torch's own modules, and sentences for files that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from metric.errors import MetricError
from metric.learned.gti_cnn import GTICNN, LINEAR, NORMALIZED, RECTIFIED
from metric.loading import find_spec, load_metric


def _random_file(channels: int = 3) -> dict[str, Tensor]:
    """Three layers: 5 × 5 of stride 2 and GDN; 3 × 3 and ReLU, pooled by 2; 1 × 1 and nothing."""
    torch.manual_seed(2018)
    return {
        "layers": torch.tensor([[2, 2, NORMALIZED, 1], [1, 0, RECTIFIED, 2], [1, 0, LINEAR, 1]]),
        "0.weight": torch.randn(6, channels, 5, 5),
        "0.bias": torch.randn(6),
        "0.beta": torch.rand(6) + 0.5,
        "0.gamma": torch.rand(6, 6),
        "1.weight": torch.randn(4, 6, 3, 3),
        "1.bias": torch.randn(4),
        "2.weight": torch.randn(2, 4, 1, 1),
        "2.bias": torch.randn(2),
    }


@pytest.fixture
def metric() -> GTICNN:
    return GTICNN(find_spec("gti-cnn"), _random_file()).requires_grad_(False)


def _pair(height: int, width: int, count: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(width)
    return (
        torch.rand(count, 3, height, width, generator=generator),
        torch.rand(count, 3, height, width, generator=generator),
    )


def _by_modules(file: dict[str, Tensor], image: Tensor) -> Tensor:
    first, second, third = nn.Conv2d(3, 6, 5, 2, 2), nn.Conv2d(6, 4, 3), nn.Conv2d(4, 2, 1)
    for number, layer in enumerate((first, second, third)):
        layer.load_state_dict({"weight": file[f"{number}.weight"], "bias": file[f"{number}.bias"]})
    maps = first(image)
    power = torch.einsum("ij,njhw->nihw", file["0.gamma"], maps**2)
    maps = maps / torch.sqrt(file["0.beta"].reshape(1, 6, 1, 1) + power)
    features: Tensor = nn.Sequential(second, nn.ReLU(), nn.AvgPool2d(2), third)(maps)
    return features


def test_layers_are_those_of_the_table(metric: GTICNN) -> None:
    reference, image = _pair(31, 26, count=2)
    file = _random_file()
    expected = [
        nn.functional.mse_loss(_by_modules(file, one[None]), _by_modules(file, other[None])).item()
        for one, other in zip(image, reference, strict=True)
    ]
    assert metric(reference, image).tolist() == pytest.approx(expected, rel=1e-5)


def test_one_channel_reads_the_luminance() -> None:
    grey = GTICNN(find_spec("gti-cnn"), _random_file(channels=1))
    reference, image = _pair(20, 20)
    # Of equal channels the luminance is the channel.
    one, other = (each.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1) for each in (reference, image))
    shares = torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)
    weighted = [(each * shares).sum(dim=1, keepdim=True).expand(-1, 3, -1, -1) for each in (reference, image)]
    assert grey(reference, image).item() == pytest.approx(grey(*weighted).item(), rel=1e-4)
    assert grey(one, other).item() != pytest.approx(grey(reference, image).item(), rel=1e-3)


def test_identical_is_zero_and_symmetric(metric: GTICNN) -> None:
    reference, image = _pair(19, 24)
    assert metric(image, image.clone()).tolist() == [0.0]
    assert metric(reference, image).item() == metric(image, reference).item() > 0


def test_the_smallest_image_follows_from_the_layers(metric: GTICNN) -> None:
    # Pooling by 2 needs 2, the 3 × 3 before it 4, and the 5 × 5 of stride 2 with padding 2 before that 7.
    assert metric.spec.smallest_px == 7
    assert metric(*_pair(7, 7)).isfinite().all()
    with pytest.raises(MetricError, match="at least 7 × 7"):
        metric(*_pair(7, 6))


def test_gradients_reach_both_images(metric: GTICNN) -> None:
    reference, image = (each.requires_grad_() for each in _pair(16, 16))
    metric(reference, image).sum().backward()
    assert reference.grad is not None
    assert image.grad is not None
    assert bool((reference.grad != 0).any())
    assert bool((image.grad != 0).any())


def test_a_file_makes_it_available(metric: GTICNN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFT_STUDY_CACHE", str(tmp_path))
    (missing,) = find_spec("gti-cnn").describe()["missing"]
    assert "the layers of GTI-CNN and their trained weights, which are not installed" in missing
    (tmp_path / "weights").mkdir()
    torch.save(_random_file(), tmp_path / "weights" / "gti-cnn.pt")
    reference, image = _pair(12, 12)
    assert load_metric("gti-cnn")(reference, image) == metric(reference, image)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"layers": None}, 'has no "layers"'),
        ({"layers": torch.zeros(3, 4)}, "whole numbers of shape"),
        ({"layers": torch.tensor([[1, 2, 3]])}, "whole numbers of shape"),
        ({"layers": torch.tensor([[0, 0, 0, 1]])}, r"Row 0 of \"layers\" is \(0, 0, 0, 1\)"),
        ({"1.bias": None}, r'has no "1\.bias"'),
        ({"1.bias": torch.full((4,), torch.nan)}, r'"1\.bias" has values that are not finite'),
        ({"3.bias": torch.zeros(1)}, r'has "3\.bias", which its own table'),
        ({"0.gamma": torch.zeros(6, 5)}, r'"0\.gamma" has shape \(6, 5\) instead of 2 dimensions of 6'),
        ({"0.beta": torch.zeros(6)}, "Layer 0 of GTI-CNN has a beta that is not positive"),
        ({"0.bias": torch.zeros(6, dtype=torch.int64)}, "int64 instead of float"),
        ({"0.weight": torch.zeros(6, 2, 5, 5)}, "reads 2 channels instead of 1 or 3"),
        ({"2.weight": torch.zeros(2, 5, 1, 1)}, "reads 5 channels, but the layer before it gives 4"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(change: dict[str, Tensor | None], sentence: str) -> None:
    changed = {name: tensor for name, tensor in (_random_file() | change).items() if tensor is not None}
    with pytest.raises(MetricError, match=sentence):
        GTICNN(find_spec("gti-cnn"), changed)

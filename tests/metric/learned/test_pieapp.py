"""PieAPP against piq's independent implementation with the same random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from metric.errors import MetricError
from metric.learned import pieapp
from metric.learned.pieapp import DENSE_STRIDE_PX, SPARSE_STRIDE_PX, PieAPP, convert_published
from metric.loading import find_spec, load_metric

pytestmark = pytest.mark.slow  # 65 million weights

_STRIDES = {"pieapp-sparse": SPARSE_STRIDE_PX, "pieapp-dense": DENSE_STRIDE_PX}
_ROUNDING = 2e-4
"""What float32 leaves of the sums of 120,832 products: piq too is up to 1e-4 from its own value in float64."""


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """Random weights in the form in which the authors publish theirs."""
    from piq.pieapp import PieAPPModel

    torch.manual_seed(2018)
    weights = PieAPPModel().state_dict()
    for name in weights:
        if name.startswith("conv") and name.endswith("weight"):
            weights[name] *= 6**0.5  # else a difference of images fades from layer to layer
    # Patches that weigh differently, but all more than nothing; and errors of their own, not of a constant.
    weights["fc2_weight.bias"] += 50
    weights["ref_score_subtract.weight"] = torch.tensor([1.5])
    weights["ref_score_subtract.bias"] = torch.tensor([0.01])
    return dict(weights)


@pytest.fixture(scope="module", params=list(_STRIDES))
def metric(request: pytest.FixtureRequest, published: dict[str, Tensor]) -> PieAPP:
    with torch.device("meta"):
        built = PieAPP(find_spec(request.param), _STRIDES[request.param])
    built.load_state_dict(convert_published(published), assign=True)
    return built.eval().requires_grad_(False)


def _by_piq(stride: int, weights: dict[str, Tensor]) -> nn.Module:
    import piq
    from piq.pieapp import PieAPPModel

    reference: Any = piq.PieAPP.__new__(piq.PieAPP)  # its initializer downloads
    nn.Module.__init__(reference)
    with torch.device("meta"):
        reference.model = PieAPPModel()
    theirs = weights | {"ref_score_subtract.weight": weights["ref_score_subtract.weight"][None]}
    reference.model.load_state_dict(theirs, assign=True)
    reference.stride, reference.reduction, reference.data_range, reference.enable_grad = stride, "none", 1.0, False
    loss: nn.Module = reference
    return loss


def _pair(height: int, width: int, count: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(height)
    reference = torch.rand(count, 3, height, width, generator=generator)
    return reference, (reference + 0.2 * torch.rand(reference.shape, generator=generator)).clamp(max=1)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (77, 93)])
def test_equals_piq(metric: PieAPP, published: dict[str, Tensor], height: int, width: int) -> None:
    reference, image = _pair(height, width, count=2)
    # The authors' scripts read blue first (cv2.imread); piq takes the channels as they come.
    expected = _by_piq(metric.stride, published)(image.flip(1), reference.flip(1))
    assert metric(reference, image).tolist() == pytest.approx(expected.tolist(), rel=_ROUNDING)


def test_equals_piq_exactly_in_float64(published: dict[str, Tensor]) -> None:
    reference, image = (each.double() for each in _pair(64, 91))
    with torch.device("meta"):
        exact = PieAPP(find_spec("pieapp-sparse"), SPARSE_STRIDE_PX)
    exact.load_state_dict(convert_published(published), assign=True)
    expected = _by_piq(SPARSE_STRIDE_PX, published).double()(image.flip(1), reference.flip(1))
    assert exact.double()(reference, image).item() == pytest.approx(expected.item(), rel=1e-9)


@pytest.mark.parametrize(("name", "patches"), [("pieapp-sparse", 8 * 8), ("pieapp-dense", 33 * 33)])
def test_patches_of_an_image_of_the_paper(name: str, patches: int) -> None:
    with torch.device("meta"):
        features = PieAPP(find_spec(name), _STRIDES[name]).features(torch.zeros(2, 3, 256, 256))
    assert [tuple(part.shape) for part in features] == [(2, patches, 512)] * 2


def test_patches_in_portions_are_patches_at_once(metric: PieAPP, monkeypatch: pytest.MonkeyPatch) -> None:
    reference, image = _pair(64, 118, count=2)
    at_once = metric(reference, image)
    monkeypatch.setattr(pieapp, "_PATCHES_AT_ONCE", 3)
    assert metric(reference, image).tolist() == pytest.approx(at_once.tolist(), rel=_ROUNDING)


def test_identical_is_zero_and_the_order_matters(metric: PieAPP) -> None:
    reference, image = _pair(70, 70)
    assert metric(image, image.clone()).tolist() == [0.0]
    assert metric(reference, image).item() != pytest.approx(metric(image, reference).item(), rel=1e-3)


def test_one_reference_meets_several_images(metric: PieAPP) -> None:
    references, images = _pair(64, 70, count=2)
    kept = metric.features(references[:1])
    expected = metric(references[:1].repeat(2, 1, 1, 1), images)
    assert metric.distance(kept, metric.features(images)).tolist() == pytest.approx(expected.tolist(), rel=_ROUNDING)


def test_gradients_reach_both_images(metric: PieAPP) -> None:
    reference, image = (each.requires_grad_() for each in _pair(64, 64))
    metric(reference, image).sum().backward()
    for each in (reference, image):
        assert each.grad is not None
        assert bool((each.grad != 0).any())


def test_less_than_a_patch_is_refused(metric: PieAPP) -> None:
    small = torch.zeros(1, 3, 63, 64)
    with pytest.raises(MetricError, match="at least 64 × 64"):
        metric(small, small)


def test_a_file_serves_both_metrics(published: dict[str, Tensor], tmp_path: Path) -> None:
    file = tmp_path / "pieapp.pt"
    torch.save(convert_published(published), file)
    reference, image = _pair(64, 64)
    # One patch is one patch, whatever the distance to the next.
    sparse, dense = (load_metric(name, weights={"all": file})(reference, image).item() for name in _STRIDES)
    assert sparse == dense != 0


def test_another_checkpoint_is_refused(published: dict[str, Tensor]) -> None:
    with pytest.raises(MetricError, match=r'has no "conv11.bias"'):
        convert_published({name: tensor for name, tensor in published.items() if name != "conv11.bias"})
    with pytest.raises(MetricError, match=r'has "conv12.weight", which this network does not'):
        convert_published(published | {"conv12.weight": torch.zeros(1)})
    with pytest.raises(MetricError, match=r'"conv1.weight" in the checkpoint has shape \(64, 1, 3, 3\)'):
        convert_published(published | {"conv1.weight": torch.zeros(64, 1, 3, 3)})

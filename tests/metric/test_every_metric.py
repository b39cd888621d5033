"""What must hold of every registered metric."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from metric.errors import MetricError
from metric.interface import FeatureMetric
from metric.loading import load_metric
from metric.registry import METRICS, backbones

_ROUNDING = 1e-4
"""What float32 leaves of small distances, relative; to mix up images would change more."""

CropPair = Callable[..., tuple[Tensor, Tensor]]

_NOT_SYMMETRIC = {"pieapp-sparse", "pieapp-dense"}
"""Errors of one image relative to another, which is taken to be right."""


@pytest.fixture
def size_px(each_metric: FeatureMetric) -> int:
    """Width and height that every test may use: as small as the metric lets it be, and 64 at least."""
    return max(64, each_metric.spec.smallest_px)


def test_identical_images_are_exactly_identical(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    for name, height, width in (("astronaut", size_px, size_px), ("rocket", size_px, size_px + 17)):
        reference, copy = crop_pair(name, 0, height, width)
        assert each_metric(reference, copy).tolist() == [each_metric.spec.identical]


def test_identical_images_are_so_within_a_batch(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    reference, shifted = crop_pair("coffee", 2, size_px, size_px)
    distances = each_metric(torch.cat([reference] * 3), torch.cat([shifted, reference, shifted]))
    assert distances[1] == each_metric.spec.identical
    assert distances[0] != each_metric.spec.identical


def test_another_photograph_is_less_similar_than_a_shift(
    each_metric: FeatureMetric, crop_pair: CropPair, size_px: int
) -> None:
    if each_metric.spec.name in _NOT_SYMMETRIC:
        pytest.skip("with random weights its errors have no direction")
    reference, shifted = crop_pair("coffee", 1, size_px, size_px)
    other, _ = crop_pair("astronaut", 0, size_px, size_px)
    near, far = each_metric(torch.cat([reference] * 2), torch.cat([shifted, other])).tolist()
    assert (far > near) == each_metric.spec.lower_is_more_similar


def test_black_and_white_have_a_finite_distance(each_metric: FeatureMetric, size_px: int) -> None:
    black, white = torch.zeros(1, 3, size_px, size_px), torch.ones(1, 3, size_px, size_px)
    assert each_metric(black, white).isfinite().all()
    assert each_metric(black, black.clone()).tolist() == [each_metric.spec.identical]


def test_symmetric(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    reference, image = crop_pair("chelsea", 4, size_px, size_px)
    there, back = each_metric(reference, image).item(), each_metric(image, reference).item()
    if each_metric.spec.name in _NOT_SYMMETRIC:
        assert there != pytest.approx(back, rel=1e-6)
    else:
        assert there == pytest.approx(back, rel=1e-5)


def test_batch_is_one_by_one(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    pairs = [crop_pair(name, 3, size_px, size_px) for name in ("astronaut", "china", "flower")]
    batch = each_metric(*(torch.cat(images) for images in zip(*pairs, strict=True)))
    assert batch.shape == (3,)
    assert batch.tolist() == pytest.approx([each_metric(*pair).item() for pair in pairs], rel=_ROUNDING)


def test_kept_features_give_the_same(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    reference, image = crop_pair("motorcycle", 5, size_px, size_px)
    kept = each_metric.features(reference)
    assert torch.equal(each_metric.distance(kept, each_metric.features(image)).float(), each_metric(reference, image))


def test_one_reference_meets_many_images(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    reference, near = crop_pair("motorcycle", 2, size_px, size_px)
    _, far = crop_pair("motorcycle", 8, size_px, size_px)
    both = torch.cat([near, far])
    found = each_metric.distance(each_metric.features(reference), each_metric.features(both))
    assert found.tolist() == pytest.approx(each_metric(torch.cat([reference] * 2), both).tolist(), rel=_ROUNDING)


def test_memory_layout_does_not_matter(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    reference, image = crop_pair("motorcycle", 5, size_px, size_px)
    moved = image.contiguous(memory_format=torch.channels_last)
    assert each_metric(reference, moved).item() == pytest.approx(each_metric(reference, image).item(), rel=1e-5)


def test_gradients_reach_the_image(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    reference, shifted = crop_pair("coffee", 2, size_px, size_px)
    image = shifted.requires_grad_()
    each_metric(reference, image).sum().backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()
    assert image.grad.abs().sum() > 0


def test_a_value_trains_as_a_part_of_a_loss(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    reference, shifted = crop_pair("coffee", 2, size_px, size_px)
    image = shifted.requires_grad_()
    (alone,) = torch.autograd.grad(each_metric(reference, image).sum(), image)
    squares = (image - reference).square().mean()
    (together,) = torch.autograd.grad(squares + 0.1 * each_metric(reference, image).sum(), image)
    (plain,) = torch.autograd.grad((image - reference).square().mean(), image)
    torch.testing.assert_close(together, plain + 0.1 * alone, rtol=1e-4, atol=1e-9)


def test_what_needs_no_gradient_keeps_no_graph(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    reference, shifted = crop_pair("coffee", 2, size_px, size_px)
    assert not each_metric(reference, shifted).requires_grad
    with torch.no_grad():
        assert not each_metric(reference, shifted.requires_grad_()).requires_grad
    with torch.inference_mode():
        assert each_metric(reference, shifted.detach()).is_inference()


def test_a_value_has_the_type_of_the_images(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    pair = crop_pair("chelsea", 3, size_px, size_px)
    wide = each_metric(*(image.double() for image in pair))
    assert wide.dtype == torch.float64
    assert each_metric(*pair).dtype == torch.float32
    assert each_metric(*(image.half() for image in pair)).dtype == torch.float32
    assert each_metric(pair[0].double(), pair[1]).dtype == torch.float64
    # Computed in float64 too, and not only given so.
    assert torch.equal(wide, copy.deepcopy(each_metric).double()(*(image.double() for image in pair)))
    assert all(tensor.dtype != torch.float64 for tensor in each_metric.parameters())


def test_one_image_meets_many(each_metric: FeatureMetric, crop_pair: CropPair, size_px: int) -> None:
    one, near = crop_pair("motorcycle", 2, size_px, size_px)
    many = torch.cat([near, crop_pair("motorcycle", 8, size_px, size_px)[1], one])
    for found, expected in (
        (each_metric(one, many), each_metric(torch.cat([one] * 3), many)),
        (each_metric(many, one), each_metric(many, torch.cat([one] * 3))),
    ):
        assert found.tolist() == pytest.approx(expected.tolist(), rel=_ROUNDING)
        assert found[2] == each_metric.spec.identical


def test_gradients_are_finite_on_flat_images(each_metric: FeatureMetric, size_px: int) -> None:
    image = torch.full((1, 3, size_px, size_px), 0.5, requires_grad=True)
    each_metric(torch.zeros(1, 3, size_px, size_px), image).sum().backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()


_FAULTS: dict[str, tuple[Callable[[Tensor], tuple[Tensor, Tensor]], str]] = {
    "one dimension": (lambda good: (good[0, 0, 0], good), r"reference has shape \(\d+,\) instead of"),
    "two channels": (lambda good: (good, good[:, :2]), "image has shape"),
    "four channels": (lambda good: (good, torch.cat([good, good[:, :1]], 1)), "image has shape"),
    "no image": (lambda good: (good, good[:0]), "image has shape"),
    "whole numbers": (lambda good: (good, good.long()), r"of type torch\.int64; give 8-bit values \(uint8\), or float"),
    "just over 1": (lambda good: (good, good + 1.0000001), r"values from 1\.00000012 to 1\.00000012 instead"),
    "over 1": (lambda good: (good, good + 1.01), r"values from 1\.01 to 1\.01 instead of in \[0, 1\]"),
    "below 0": (lambda good: (good - 1, good), "values from -1"),
    "not a number": (lambda good: (good, good * torch.nan), "values from nan"),
    "another size": (lambda good: (good, torch.cat([good, good[..., :1]], 3)), r"pixels and the image .*; crop them"),
    "another number": (
        lambda good: (torch.cat([good] * 2), torch.cat([good] * 3)),
        "2 references and 3 images; give as many of both, or one of either",
    ),
}


@pytest.mark.parametrize("fault", _FAULTS)
def test_bad_tensors_are_refused(each_metric: FeatureMetric, size_px: int, fault: str) -> None:
    break_it, sentence = _FAULTS[fault]
    with pytest.raises(MetricError, match=sentence):
        each_metric(*break_it(torch.zeros(1, 3, size_px, size_px)))


def test_an_image_that_is_too_small_is_refused(each_metric: FeatureMetric) -> None:
    smallest = each_metric.spec.smallest_px
    small = torch.zeros(1, 3, smallest, smallest - 1)
    if smallest > 1:
        with pytest.raises(MetricError, match=f"too small for {each_metric.spec.name}.*at least {smallest}"):
            each_metric(small, small)


def test_the_smallest_image_is_taken(each_metric: FeatureMetric) -> None:
    smallest = each_metric.spec.smallest_px
    generator = torch.Generator().manual_seed(1)
    pair = [torch.rand(1, 3, smallest, smallest + 1, generator=generator) for _ in range(2)]
    assert each_metric(*pair).isfinite().all()


_NEEDS = [
    # Before its other weights are read, the convolutions of VGG-16 are; `lpips-alex` needs the same files of AlexNet.
    pytest.param(
        name, need.role, marks=pytest.mark.slow if need.role == "linear" and backbones.VGG16 in spec.weights else ()
    )
    for name, spec in METRICS.items()
    for need in spec.weights
]


@pytest.mark.parametrize(("name", "role"), _NEEDS)
@pytest.mark.parametrize("content", ["text", "another network", "no file"])
def test_wrong_weights_are_refused(name: str, role: str, content: str, tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    # What else the metric needs and is not installed: it is refused only after a wrong file, or said to be missing.
    if content == "text":
        file.write_text("no weights")
    elif content == "another network":
        torch.save({"fc.weight": torch.zeros(2, 2)}, file)
    with pytest.raises(MetricError) as refused:
        load_metric(name, weights={role: file})
    expected = {"text": "read safely", "another network": "has no ", "no file": "There is no file of weights"}
    others = [need for need in METRICS[name].weights if need.role != role]
    missing = any(f"{name} needs {need.what}" in str(refused.value) for need in others)
    assert missing or expected[content] in str(refused.value)

"""E-LPIPS: each transformation against NumPy, one draw against its parts, and the average over draws."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, conv2d, relu

from benchmarks.originals import original_lpips
from metric.errors import MetricError
from metric.interface import FeatureMetric
from metric.learned.elpips import (
    ELPIPS,
    EVERY_BLOCK,
    EVERY_LAYER,
    build_max,
    convert_published,
    dropout_mask,
)
from metric.learned.elpips_draws import Draw, draw_transformation, transform
from metric.networks.build import build_network
from metric.networks.variant import Variant
from metric.registry.elpips import SPECS
from metric.weights.finding import Weights
from tests.metric.given_weights import random_elpips

_AVERAGE, _MAX = SPECS


@pytest.fixture(scope="module")
def metric() -> ELPIPS:
    """`elpips-vgg` with random weights and 3 draws."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(Variant("vgg16", pooling="avg"))
    metric = ELPIPS(_AVERAGE, network, EVERY_LAYER, draws=3)
    convolutions = {name: network.state_dict()[ours] for ours, name in network.torchvision_names().items()}
    metric.load(convolutions, random_elpips(1))
    return metric.eval().requires_grad_(False)


def _by_hand(image: np.ndarray, draw: Draw) -> np.ndarray:
    """(3, H, W), one step after the other, in the order of the authors' code."""
    if draw.scale > 1:
        sides = []
        for size, before in zip(image.shape[1:], draw.scale_offset, strict=True):
            whole = (draw.scale - 1 + size + draw.scale - 1) // draw.scale * draw.scale
            sides.append((before, whole - size - before))
        image = np.pad(image, [(0, 0), *sides], mode="reflect")
        rows, columns = (size // draw.scale for size in image.shape[1:])
        image = image.reshape(3, rows, draw.scale, columns, draw.scale).mean(axis=(2, 4))
    image = np.pad(image, [(0, 0), *((7 - offset, offset) for offset in draw.offset)], mode="reflect")
    if draw.flip_rows:
        image = image[:, ::-1]
    if draw.flip_columns:
        image = image[:, :, ::-1]
    if draw.transpose:
        image = image.transpose(0, 2, 1)
    return np.stack([image[channel] * gain for channel, gain in zip(draw.channels, draw.gains, strict=True)])


@pytest.mark.parametrize(
    "draw",
    [
        Draw(),
        Draw(offset=(7, 0)),
        Draw(offset=(2, 5), flip_rows=True),
        Draw(flip_columns=True),
        Draw(transpose=True, flip_rows=True),
        Draw(channels=(2, 0, 1), gains=(0.2, 0.5, 1.0)),
        Draw(scale=2, scale_offset=(1, 0)),
        Draw(scale=3, scale_offset=(0, 2), offset=(1, 6), transpose=True, flip_columns=True, channels=(1, 2, 0)),
    ],
)
@pytest.mark.parametrize("size", [(64, 48), (47, 65)])
def test_a_transformation_is_what_it_says(draw: Draw, size: tuple[int, int], crop_pair: Any) -> None:
    images = torch.cat(crop_pair("coffee", 3, *size)).double()
    found = transform(images, draw)
    expected = np.stack([_by_hand(image.numpy(), draw) for image in images])
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-15)


def test_draws_have_the_stated_chances() -> None:
    random = np.random.default_rng(0)
    draws = [draw_transformation(random, 300, 256) for _ in range(6000)]
    scales = Counter(draw.scale for draw in draws)
    chances = np.array([1, 1 / 4, 1 / 9, 1 / 16])
    for scale, chance in enumerate(chances / chances.sum(), start=1):
        assert scales[scale] / 6000 == pytest.approx(chance, abs=4 * np.sqrt(chance * (1 - chance) / 6000))
    assert set(scales) == {1, 2, 3, 4}
    assert {draw.offset for draw in draws} == {(row, column) for row in range(8) for column in range(8)}
    assert all(max(draw.scale_offset) < draw.scale for draw in draws)
    assert {draw.scale_offset[1] for draw in draws if draw.scale == 4} == {0, 1, 2, 3}
    for turned in ("flip_rows", "flip_columns", "transpose"):
        assert np.mean([getattr(draw, turned) for draw in draws]) == pytest.approx(0.5, abs=0.03)
    assert min(Counter(draw.channels for draw in draws).values()) > 800  # of 6 orders, 1000 each on average
    gains = np.array([draw.gains for draw in draws])
    assert gains.min() >= 0.2
    assert gains.max() <= 1.0
    assert gains.mean(axis=0) == pytest.approx([0.6] * 3, abs=0.015)


def test_only_large_images_are_made_smaller() -> None:
    random = np.random.default_rng(0)
    assert {draw_transformation(random, 127, 500).scale for _ in range(200)} == {1}


def test_dropout_drops_one_in_a_hundred_and_keeps_the_mean() -> None:
    mask = dropout_mask(np.random.default_rng(0), torch.zeros(5, 40, 50, 50, dtype=torch.float64))
    assert mask.shape == (1, 40, 50, 50)
    assert set(mask.unique().tolist()) == {0.0, 1 / 0.99}
    assert (mask == 0).double().mean().item() == pytest.approx(0.01, abs=0.0013)
    assert mask.mean().item() == pytest.approx(1, abs=0.0013)


def test_one_draw_is_its_parts(metric: ELPIPS, crop_pair: Any) -> None:
    pair = torch.cat(crop_pair("astronaut", 4, 24, 30))
    draw = Draw(offset=(3, 1), transpose=True, channels=(1, 0, 2), gains=(0.9, 0.4, 0.6))
    found = metric.distance_under(draw, pair, 1, np.random.default_rng(7))

    random = np.random.default_rng(7)
    mean, deviation = (
        torch.tensor(values).view(1, 3, 1, 1) for values in ((-0.030, -0.088, -0.188), (0.458, 0.448, 0.450))
    )
    maps = (transform(pair, draw) * 2 - 1 - mean) / deviation
    tensors = metric.network.state_dict()
    levels = [maps]
    for name in tensors:
        if not name.endswith("weight"):
            continue
        if name.split(".")[2] in ("conv2_1", "conv3_1", "conv4_1", "conv5_1"):
            maps = avg_pool2d(maps, 2)
        maps = maps * dropout_mask(random, maps)
        maps = relu(conv2d(maps, tensors[name], tensors[name.replace("weight", "bias")], padding=1))
        levels.append(maps)
    expected = 0.0
    for maps, weights in zip(levels, random_elpips(1).values(), strict=True):
        one, other = (image / (image.square().sum(dim=0, keepdim=True).sqrt() + 1e-10) for image in maps)
        expected += ((one - other).square() * weights[0]).sum(dim=0).mean().item()
    assert len(levels) == 14
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_the_seed_decides(metric: ELPIPS, crop_pair: Any) -> None:
    pair = crop_pair("coffee", 2, 32, 32)
    first = metric(*pair).item()
    assert metric(*pair).item() == first
    other = ELPIPS(_AVERAGE, metric.network, EVERY_LAYER, draws=3, seed=1)
    other.load_state_dict(metric.state_dict())
    assert other(*pair).item() != first
    assert metric(*pair[::-1]).item() == pytest.approx(first, rel=1e-5)
    assert metric(pair[0], pair[0].clone()).item() == 0.0


def test_a_pair_has_the_same_distance_in_any_batch(metric: ELPIPS, crop_pair: Any) -> None:
    pairs = [crop_pair("china", shift_px, 32, 32) for shift_px in (1, 5)]
    images = torch.cat([image for _, image in pairs])
    expected = [metric(*pair).item() for pair in pairs]
    assert metric(torch.cat([pairs[0][0]] * 2), images).tolist() == pytest.approx(expected, rel=1e-5)
    kept = metric.features(pairs[0][0])  # one reference meets both
    assert metric.distance(kept, metric.features(images)).tolist() == pytest.approx(expected, rel=1e-5)


def test_more_draws_begin_with_the_same_ones(metric: ELPIPS, crop_pair: Any) -> None:
    pair = crop_pair("china", 3, 24, 24)
    longer = ELPIPS(_AVERAGE, metric.network, EVERY_LAYER, draws=5)
    longer.load_state_dict(metric.state_dict())
    with torch.inference_mode():
        few, many = metric.distances_by_draw(*pair), longer.distances_by_draw(*pair)
    assert many.shape == (5, 1)
    assert torch.equal(many[:3], few)
    assert longer(*pair).item() == pytest.approx(many.mean().item(), rel=1e-6)


def test_gradients_flow_to_both_images(metric: ELPIPS, crop_pair: Any) -> None:
    reference, image = (tensor.requires_grad_() for tensor in crop_pair("flower", 2, 24, 24))
    gradients = torch.autograd.grad(metric(reference, image).sum(), [reference, image])
    assert all(gradient.isfinite().all() and gradient.abs().max() > 0 for gradient in gradients)
    reference.requires_grad_(False)
    image.requires_grad_(False)


def test_nine_pixels_are_enough_and_eight_are_not(metric: ELPIPS, crop_pair: Any) -> None:
    assert metric(*crop_pair("coffee", 1, 9, 12)).item() > 0
    eight = crop_pair("coffee", 1, 12, 8)
    with pytest.raises(MetricError, match="at least 9 × 9"):
        metric(*eight)
    with pytest.raises(RuntimeError, match="too small"):
        metric.distance(*(metric.features(image) for image in eight))


def _published() -> dict[str, torch.Tensor]:
    return {
        f"lin{level}.model.1.weight": torch.rand(1, 1, channels, 1)
        for level, channels in enumerate(EVERY_LAYER.values())
    }


def test_published_weights_are_turned(metric: ELPIPS) -> None:
    published = _published()
    converted = convert_published(published)
    convolutions = {
        name: metric.network.state_dict()[ours] for ours, name in metric.network.torchvision_names().items()
    }
    fresh = ELPIPS(_AVERAGE, build_network(Variant("vgg16", pooling="avg")), EVERY_LAYER)
    fresh.load(convolutions, converted)
    for level, kernel in enumerate(published.values()):
        assert torch.equal(fresh.channel_weights[level].flatten(), kernel.flatten())
    negative = converted | {"lin3.model.1.weight": -converted["lin3.model.1.weight"]}
    with pytest.raises(MetricError, match=r"lin3.* negative"):
        fresh.load(convolutions, negative)


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(MetricError, match=r'no "lin13'):
        convert_published({name: tensor for name, tensor in _published().items() if not name.startswith("lin13")})
    with pytest.raises(MetricError, match=r'"lin2.*shape \(1, 1, 128, 1\) instead of \(1, 1, 64, 1\)'):
        convert_published(_published() | {"lin2.model.1.weight": torch.rand(1, 1, 128, 1)})


@pytest.fixture(scope="module")
def trained() -> FeatureMetric:
    return build_max(_MAX, Weights(_MAX.name, _MAX.weights, {})).eval().requires_grad_(False)


@pytest.mark.slow
def test_without_dropout_a_draw_is_lpips_of_the_transformed_images(
    trained: ELPIPS, crop_pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metric.learned.elpips.dropout_mask", lambda random, maps: 1.0)
    backbone = Weights(_MAX.name, _MAX.weights, {}).read("backbone")
    theirs = original_lpips("vgg", backbone)
    pair = torch.cat(crop_pair("motorcycle", 3))
    draw = Draw(offset=(1, 4), flip_columns=True, channels=(2, 1, 0), gains=(0.8, 0.5, 0.9))
    moved = transform(pair, draw)
    found = trained.distance_under(draw, pair, 1, np.random.default_rng(0)).item()
    assert len(EVERY_BLOCK) == 5
    assert found == pytest.approx(theirs(moved[:1], moved[1:]), rel=1e-5)


@pytest.mark.slow
def test_the_average_settles_as_its_standard_error_says(trained: ELPIPS, crop_pair: Any) -> None:
    pair = crop_pair("astronaut", 3, 32, 32)
    trained.draws = 120
    with torch.inference_mode():
        by_draw = trained.distances_by_draw(*pair)[:, 0].double()
    halves = by_draw.view(2, 60)
    error = (by_draw.var() * 2 / 60).sqrt()
    assert 0 < error < 0.3 * by_draw.mean()
    assert (halves[0].mean() - halves[1].mean()).abs() < 4 * error

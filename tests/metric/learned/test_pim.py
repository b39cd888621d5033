"""PIM against SciPy, torch.distributions and closed forms, with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.signal import correlate2d
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from metric.errors import MetricError
from metric.interface import FeatureMetric
from metric.learned.pim import GaussianPIM, MixturePIM, choose_means, fixed_noise, log_density
from metric.learned.pim_noise import fixed_uniforms, to_normal
from metric.learned.pim_pyramid import SteerablePyramid
from metric.loading import find_spec, load_metric

Array = npt.NDArray[np.float64]


def _random_pim(name: str) -> GaussianPIM | MixturePIM:
    torch.manual_seed(2020)
    metric = GaussianPIM(find_spec(name)) if name == "pim-1" else MixturePIM(find_spec(name))
    for parameter in metric.parameters():
        parameter.data *= 2.5  # else the signal fades from layer to layer
    return metric.eval().requires_grad_(False)


@pytest.fixture(scope="module", params=["pim-1", "pim-5"])
def metric(request: pytest.FixtureRequest) -> FeatureMetric:
    return _random_pim(request.param)


def _pair(height: int, width: int, count: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(width)
    return (
        torch.rand(count, 3, height, width, generator=generator),
        torch.rand(count, 3, height, width, generator=generator),
    )


def _power(kernel: Tensor) -> Array:
    spectrum: Array = np.abs(np.fft.fft2(kernel.double().numpy(), (64, 64))) ** 2
    return spectrum


def test_the_pyramid_loses_nothing() -> None:
    pyramid = SteerablePyramid()
    bands = sum(_power(band[0]) for band in pyramid.bands)
    low = _power(pyramid.low[0, 0]) / 4  # it is sampled at every second pixel both ways, and its gain is 2
    high0, low0 = _power(pyramid.high0[0, 0]), _power(pyramid.low0[0, 0])
    # Karasaridis & Simoncelli 1996, Eq. 1: the squared responses add to 1 but for the ripples of short filters.
    np.testing.assert_allclose(high0 + low0, 1, atol=0.03)
    np.testing.assert_allclose(high0 + low0 * (bands + low), 1, atol=0.03)


def test_the_bands_are_one_filter_turned() -> None:
    across, down = SteerablePyramid().bands[:, 0]
    assert torch.equal(down, torch.rot90(across))
    assert torch.equal(across, -across.flip(1))


def _by_scipy(metric: GaussianPIM, image: Array) -> list[Array]:
    """Means of the codes of one image (3, H, W), coarsest level first, each (10, h, w)."""
    weights = {name: tensor.double().numpy() for name, tensor in metric.state_dict().items()}
    filters = {name: tensor.double().numpy() for name, tensor in metric.pyramid.named_buffers()}

    def each_channel(maps: Array, kernel: Array) -> Array:
        return np.stack([correlate2d(channel, kernel, mode="same") for channel in maps])

    levels = [each_channel(image, filters["high0"][0, 0])]
    low = each_channel(image, filters["low0"][0, 0])
    for _ in range(3):
        levels += [each_channel(low, band[0]) for band in filters["bands"]]
        low = each_channel(low, filters["low"][0, 0])[:, ::2, ::2]
    levels.append(low)

    codes = []
    for number, maps in enumerate(reversed(levels)):
        for layer in (0, 2, 4, 6):
            kernels, bias = (weights[f"convolutions.{number}.{layer}.{name}"] for name in ("weight", "bias"))
            maps = np.stack(
                [
                    sum(correlate2d(channel, k, mode="same") for channel, k in zip(maps, kernel, strict=True)) + offset
                    for kernel, offset in zip(kernels, bias, strict=True)
                ]
            )
            if layer < 6:
                maps = maps.clip(min=0)
        for layer in (0, 2):
            kernels, bias = (weights[f"encoders.{number}.means.{layer}.{name}"] for name in ("weight", "bias"))
            maps = (np.tensordot(kernels[:, :, 0, 0], maps, 1) + bias[:, None, None]).clip(min=0)
        codes.append(maps)
    return codes


@pytest.mark.slow
def test_pim_1_is_what_scipy_computes() -> None:
    metric = _random_pim("pim-1")
    assert isinstance(metric, GaussianPIM)
    reference, image = _pair(11, 14)
    codes = [_by_scipy(metric, each[0].double().numpy()) for each in (reference, image)]
    expected = np.mean([np.mean((one - other) ** 2) for one, other in zip(*codes, strict=True)])
    assert expected > 0.01
    assert metric(reference, image).item() == pytest.approx(expected, rel=1e-5)


def _mixture(means: Tensor, log_weights: Tensor) -> MixtureSameFamily:
    gaussians = Independent(Normal(means.movedim((1, 2), (-2, -1)), 1.0), 1)
    return MixtureSameFamily(Categorical(logits=log_weights.movedim(1, -1)), gaussians)


def _random_mixture(size: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(size)
    means = 2 * torch.randn(1, 5, 10, 1, 1, generator=generator).expand(-1, -1, -1, size, size)
    weights = torch.log_softmax(torch.randn(1, 5, 1, 1, generator=generator), dim=1).expand(-1, -1, size, size)
    return means, weights


def test_density_is_that_of_torch() -> None:
    means, log_weights = _random_mixture(3)
    centre = torch.randn(1, 10, 3, 3, generator=torch.Generator().manual_seed(0))
    noise = fixed_noise(0, means)
    expected = _mixture(means, log_weights).log_prob((centre + noise[:-1]).movedim(1, -1))
    left_out = noise[:-1].square().sum(dim=0) / 2 + 5 * np.log(2 * np.pi)
    torch.testing.assert_close(
        log_density(centre, noise, means, log_weights) - left_out, expected, rtol=1e-5, atol=1e-4
    )


def test_samples_are_of_the_mixture() -> None:
    means, log_weights = _random_mixture(150)
    mixture = _mixture(means[..., :1, :1], log_weights[..., :1, :1])
    noise = fixed_noise(2, means)
    samples = (choose_means(means, log_weights, noise) + noise[:-1])[0].flatten(1)
    torch.testing.assert_close(samples.mean(dim=1), mixture.mean.flatten(), rtol=0, atol=0.06)
    torch.testing.assert_close(samples.var(dim=1), mixture.variance.flatten(), rtol=0.05, atol=0)


@pytest.mark.slow
def test_pim_5_is_close_to_the_divergence_from_many_samples() -> None:
    metric = _random_pim("pim-5")
    reference, image = (metric.features(each) for each in _pair(40, 48))
    torch.manual_seed(1)
    levels = []
    for first in range(0, 32, 4):
        one, other = (_mixture(*features[first : first + 2]) for features in (reference, image))
        draws = 500 if first < 12 else 40  # few positions need many draws
        ratios = [
            (a.log_prob(drawn) - b.log_prob(drawn)).mean()
            for a, b in ((one, other), (other, one))
            for drawn in (a.sample((draws,)),)
        ]
        levels.append(sum(ratios))
    expected = float(sum(levels)) / 8
    assert metric.distance(reference, image).item() == pytest.approx(expected, rel=0.1)


def test_a_mixture_of_equals_has_the_divergence_of_one_gaussian() -> None:
    """Each pair of means, repeated five times: the symmetrised divergence is their squared distance, exactly."""
    metric = _random_pim("pim-5").double()
    generator = torch.Generator().manual_seed(7)
    features, expected = ([], []), []
    for level in range(8):
        means = torch.randn(2, 1, 10, 4, 6, generator=generator, dtype=torch.float64)
        expected.append((means[0] - means[1]).square().sum(dim=1).mean())
        for image, mean in zip(features, means, strict=True):
            five = mean[None].expand(-1, 5, -1, -1, -1)
            weights = torch.full((1, 5, 4, 6), 0.2, dtype=torch.float64).log()
            noise = fixed_noise(level, five)
            centre = choose_means(five, weights, noise)
            image.extend([five, weights, centre, log_density(centre, noise, five, weights)])
    found = metric.distance(tuple(features[0]), tuple(features[1]))
    assert found.item() == pytest.approx(float(sum(expected)) / 8, rel=1e-9)


def test_noise_is_uniform_and_normal_and_does_not_depend_on_the_size() -> None:
    noise = fixed_uniforms(3, 11, 120, 90, torch.device("cpu"))
    assert torch.equal(noise[:, :50, :60], fixed_uniforms(3, 11, 50, 60, torch.device("cpu")))
    assert not torch.equal(noise, fixed_uniforms(4, 11, 120, 90, torch.device("cpu")))
    assert 0 < noise.min() < 1e-4
    assert 1 - 1e-4 < noise.max() < 1
    assert noise.histc(20, 0, 1).numpy() == pytest.approx(noise.numel() / 20, rel=0.05)
    normal = to_normal(noise)
    assert normal.mean().item() == pytest.approx(0, abs=0.01)
    assert normal.var().item() == pytest.approx(1, abs=0.02)
    # Neighbours, and the same place in the next channel, have nothing to do with each other.
    for one, other in ((normal[:, 1:], normal[:, :-1]), (normal[..., 1:], normal[..., :-1]), (normal[1:], normal[:-1])):
        assert (one * other).mean().item() == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(("name", "encoder"), [("pim-1", 40 + 110), ("pim-5", 200 + 2550 + 20 + 30 + 30)])
def test_number_of_parameters(name: str, encoder: int) -> None:
    convolutions = (3 * 25 + 1) * 64 + 2 * (64 * 25 + 1) * 64 + (64 * 25 + 1) * 3
    assert sum(parameter.numel() for parameter in _random_pim(name).parameters()) == 8 * (convolutions + encoder)


def test_identical_is_zero_symmetric_and_one_by_one(metric: FeatureMetric) -> None:
    reference, image = _pair(21, 17, count=3)
    reference[1] = image[1]
    distances = metric(reference, image)
    assert distances[1] == 0
    assert bool((distances[[0, 2]] > 0).all())
    assert metric(image, reference).tolist() == pytest.approx(distances.tolist(), rel=1e-5)
    singly = [metric(reference[index : index + 1], image[index : index + 1]).item() for index in range(3)]
    assert singly == pytest.approx(distances.tolist(), rel=1e-5)


def test_one_reference_meets_several_images(metric: FeatureMetric) -> None:
    references, images = _pair(16, 24, count=2)
    expected = metric(references[:1].repeat(2, 1, 1, 1), images)
    found = metric.distance(metric.features(references[:1]), metric.features(images))
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_gradients_reach_both_images(metric: FeatureMetric) -> None:
    reference, image = (each.requires_grad_() for each in _pair(16, 16))
    metric(reference, image).sum().backward()
    for each in (reference, image):
        assert each.grad is not None
        assert bool(each.grad.isfinite().all())
        assert bool((each.grad != 0).any())


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3)])
def test_small_images_do(metric: FeatureMetric, size: tuple[int, int]) -> None:
    assert metric(*_pair(*size)).isfinite().all()


def test_a_given_file_is_taken_whole(tmp_path: Path) -> None:
    ours: Any = _random_pim("pim-5")
    file = tmp_path / "pim.pt"
    torch.save(ours.state_dict(), file)
    reference, image = _pair(9, 9)
    assert load_metric("pim-5", weights={"all": file})(reference, image) == ours(reference, image)
    with pytest.raises(MetricError, match=r'has no "encoders.0.means.0.weight"'):
        load_metric("pim-1", weights={"all": file})

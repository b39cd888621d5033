"""`metric.load`: what a metric may be called with, gradients, maps, precision, compiled and exported forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.autograd import forward_ad

from metric import load
from metric.errors import MetricError
from metric.interface import FeatureMetric
from metric.pixels import to_tensor


@pytest.fixture(scope="module")
def crops(photographs: Any) -> tuple[np.ndarray, np.ndarray]:
    """8-bit (96, 128, 3): a crop, and the same 3 pixels further right."""
    pixels = photographs["astronaut"]
    return pixels[40:136, 90:218], pixels[40:136, 93:221]


def test_anything_that_holds_an_image_has_the_same_distance(
    crops: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    metric = load("stlpips-alex", device="cpu")
    tensors = [to_tensor(crop) for crop in crops]
    expected = metric(*tensors)
    assert expected.shape == (1,)
    images = [Image.fromarray(crop) for crop in crops]
    for number, image in enumerate(images):
        image.save(tmp_path / f"{number}.png")
    for pair in (
        [tensor[0] for tensor in tensors],
        crops,
        [crop[None] for crop in crops],
        [crop.astype(np.float32) / 255 for crop in crops],
        images,
        [tmp_path / "0.png", str(tmp_path / "1.png")],
        [[tmp_path / "0.png"], [images[1]]],
        (crops[0], tmp_path / "1.png"),
    ):
        assert torch.equal(metric(*pair), expected)
    several = metric([crops[0], crops[1], images[0]], [crops[1], tmp_path / "1.png", crops[1]])
    assert several.tolist() == pytest.approx([expected.item(), 0, expected.item()], rel=1e-5)


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (np.zeros((20, 30, 2)), r"an array of shape \(20, 30, 2\) instead of \(H, W, 3\), \(N, H, W, 3\) or, of grey"),
        (np.zeros((3, 20, 30)), r"an array of shape \(3, 20, 30\) instead of"),
        (np.zeros((20, 30, 3), np.int32), "an array of int32; give 8-bit values, or float"),
        (np.full((20, 30, 3), 255.0), r"values from 255 to 255 instead of in \[0, 1\]"),
        (3, "is a int; give a tensor, an array, a PIL image or a path"),
        ([], "is a list; give a tensor"),
        ([torch.tensor(0.5)], r"A tensor among the images is not \(3, H, W\) or \(N, 3, H, W\)"),
        (torch.zeros(1, 3, 20, 30).to_sparse(), "is a sparse tensor; give a dense one"),
        (torch.zeros(1, 3, 20, 30).to(torch.float8_e5m2), r"of type torch\.float8_e5m2; give 8-bit values"),
        ([np.zeros((20, 30, 3)), np.zeros((20, 31, 3))], "have different shapes; give those of one size together"),
        ("no-such.png", "There is no image no-such.png"),
        (Image.new("I;16", (30, 20)), "The image has more than 8 bits a channel"),
        (Image.new("CMYK", (30, 20)), "The image has CMYK colours"),
        (Image.new("HSV", (30, 20)), "The image has HSV colours; save it as RGB"),
        (Image.new("LAB", (30, 20)), "The image has LAB colours; save it as RGB"),
        (Image.new("F", (30, 20)), "The image has more than 8 bits a channel"),
        (Image.new("RGBA", (30, 20)), "The image is transparent in places"),
    ],
)
def test_what_is_no_image_is_refused(picture: Any, sentence: str) -> None:
    with pytest.raises(MetricError, match=sentence):
        load("l2", device="cpu")(np.zeros((20, 30, 3)), picture)


def test_floats_of_another_order_or_width_are_taken() -> None:
    metric = load("l2", device="cpu")
    black, grey = np.zeros((20, 30, 3)), np.full((20, 30, 3), 0.5)
    for kind in (">f4", ">f8", "f2", np.longdouble):
        assert metric(black.astype(kind), grey.astype(kind)).tolist() == [0.25]


def test_a_damaged_image_of_pillow_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "image.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(file)
    file.write_bytes(file.read_bytes()[:4000])
    with Image.open(file) as image, pytest.raises(MetricError, match="The reference cannot be read as an image"):
        load("l2", device="cpu")(image, image)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(MetricError, match='no precision "float16"; the known ones are float32, bfloat16'):
        load("stlpips-alex", device="cpu", precision="float16")  # type: ignore[arg-type]


def test_half_precision_is_near_the_whole(crops: tuple[np.ndarray, np.ndarray]) -> None:
    crops = (crops[0][:64, :64], crops[1][:64, :64])
    whole = load("stlpips-alex", device="cpu")(*crops).item()
    half = load("stlpips-alex", device="cpu").half()
    pair = [to_tensor(crop).half() for crop in crops]
    assert half(*pair).item() == pytest.approx(whole, rel=0.02)
    black = torch.zeros(1, 3, 64, 64, dtype=torch.float16)
    assert half(black, pair[0][:, :, :64, :64]).isfinite().all()


def test_grey_images_are_repeated(crops: tuple[np.ndarray, np.ndarray]) -> None:
    metric = load("stlpips-alex", device="cpu")
    grey = [np.ascontiguousarray(crop[:, :, 1]) for crop in crops]
    expected = metric(*(np.repeat(plane[:, :, None], 3, axis=2) for plane in grey))
    tensors = [torch.from_numpy(plane) for plane in grey]
    for pair in (
        grey,
        [plane[:, :, None] for plane in grey],
        [plane[None, :, :, None] for plane in grey],
        [Image.fromarray(plane) for plane in grey],
        tensors,
        [plane[None] for plane in tensors],
        [plane[None, None].float() / 255 for plane in tensors],
        ([grey[0]], [tensors[1]]),
    ):
        assert torch.equal(metric(*pair), expected)


def test_8_bit_tensors_are_divided_by_255(crops: tuple[np.ndarray, np.ndarray]) -> None:
    metric = load("stlpips-alex", device="cpu")
    tensors = [torch.from_numpy(crop.copy()).permute(2, 0, 1) for crop in crops]
    expected = metric(*(tensor.float() / 255 for tensor in tensors))
    assert torch.equal(metric(*tensors), expected)
    assert torch.equal(metric(*(tensor[None] for tensor in tensors)), expected)


def test_a_value_is_differentiable_where_an_image_is(crops: tuple[np.ndarray, np.ndarray]) -> None:
    metric = load("stlpips-alex", device="cpu")
    reference, image = (to_tensor(crop) for crop in crops)
    assert not metric(reference, image).requires_grad
    assert not metric.map(reference, image).requires_grad
    image.requires_grad_()
    (direct,) = torch.autograd.grad(metric(reference, image).sum(), image)
    (reverse,) = torch.autograd.grad(metric(image, reference).sum(), image)
    torch.testing.assert_close(direct, reverse, rtol=1e-4, atol=1e-8)
    (mapped,) = torch.autograd.grad(metric.map(reference, image).mean(), image)
    assert mapped.abs().sum() > 0
    with torch.no_grad():
        assert not metric(reference, image).requires_grad
        assert not metric.map(reference, image).requires_grad


def test_a_processor_without_bfloat16_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {})
    with pytest.warns(UserWarning, match="stlpips-alex is computed in float32, as this processor has no bfloat16"):
        load("stlpips-alex", device="cpu", precision="bfloat16")


def test_a_step_against_the_gradient_brings_images_closer(crops: tuple[np.ndarray, np.ndarray]) -> None:
    metric = load("stlpips-alex", device="cpu")
    reference, image = (to_tensor(crop) for crop in crops)
    image.requires_grad_()
    before = metric(reference, image)
    before.sum().backward()
    assert image.grad is not None
    step = 0.002 / image.grad.abs().max()
    assert metric(reference, (image - step * image.grad).clamp(0, 1)) < before


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")  # torch itself calls it
@pytest.mark.parametrize("side_px", [64, 144])
def test_derivatives_forward_and_those_of_torch_func_are_those_of_backward(side_px: int) -> None:
    generator = torch.Generator().manual_seed(0)
    reference, image, along = (torch.rand(1, 3, side_px, side_px, generator=generator) for _ in range(3))
    metric = load("stlpips-alex", device="cpu")

    def distance(images: torch.Tensor) -> torch.Tensor:
        return metric(reference, images).sum()

    wanted = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distance(wanted), wanted)
    torch.testing.assert_close(torch.func.grad(distance)(image), gradient)
    slope = (gradient.double() * along.double()).sum().float()
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(distance(forward_ad.make_dual(image, along))).tangent
    torch.testing.assert_close(tangent, slope, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(torch.func.jvp(distance, (image,), (along,))[1], slope, rtol=1e-4, atol=1e-6)


def test_identical_images_have_a_gradient_of_zero(crops: tuple[np.ndarray, np.ndarray]) -> None:
    reference = to_tensor(crops[0])
    image = reference.clone().requires_grad_()
    for name in ("stlpips-alex", "ssim", "l2"):
        (gradient,) = torch.autograd.grad(load(name, device="cpu")(reference, image).sum(), image)
        assert torch.equal(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("name", ["stlpips-alex", "l2", "ssim"])
def test_a_map_shows_where_images_differ(name: str, crops: tuple[np.ndarray, np.ndarray]) -> None:
    changed = crops[0].copy()
    changed[30:60, 80:110] = 255 - changed[30:60, 80:110]
    metric = load(name, device="cpu")
    found = metric.map([crops[0], crops[0]], [changed, crops[0]])
    assert found.shape == (2, 96, 128)
    assert torch.equal(found[1], torch.zeros_like(found[1]))
    inside = found[0, 35:55, 85:105].mean()
    assert inside > 10 * found[0, :, :40].mean()
    if name == "l2":
        assert found[0].mean() == pytest.approx(metric(crops[0], changed).item())


@pytest.mark.slow
def test_a_map_is_the_one_of_the_package_lpips(crops: tuple[np.ndarray, np.ndarray]) -> None:
    from benchmarks.originals import original_lpips_map

    pair = [to_tensor(crop) for crop in crops]
    expected = original_lpips_map(*pair)
    found = load("lpips-alex", device="cpu").map(*pair)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_a_metric_without_a_map_says_so(crops: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(MetricError, match="dists compares images as a whole and has no map"):
        load("dists", device="cpu").map(*crops)


@pytest.mark.slow
def test_bfloat16_keeps_two_digits(crop_pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})  # computed, if slowly
    pairs = [crop_pair(name, shift_px) for name, shift_px in (("astronaut", 1), ("coffee", 5))]
    exact, coarse = load("stlpips-alex", device="cpu"), load("stlpips-alex", device="cpu", precision="bfloat16")
    expected = [exact(*pair).item() for pair in pairs]
    found = [coarse(*pair).item() for pair in pairs]
    assert found == pytest.approx(expected, rel=0.03)
    assert found != pytest.approx(expected, rel=1e-5)
    assert all(coarse(pair[0], pair[0]).item() == 0 for pair in pairs)


def test_weights_are_given_by_file_or_by_role(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=r"There is no file of weights .*gone\.pt"):
        load("stlpips-alex", weights=tmp_path / "gone.pt")
    with pytest.raises(MetricError, match="lpips-alex needs weights of these roles: backbone, linear; give a file for"):
        load("lpips-alex", weights=str(tmp_path / "gone.pt"))
    with pytest.raises(MetricError, match='lpips-alex has no weights called "all"'):
        load("lpips-alex", weights={"all": tmp_path / "gone.pt"})
    with pytest.raises(MetricError, match="ssim needs no weights; leave them out"):
        load("ssim", weights=tmp_path / "gone.pt")


def test_a_loaded_metric_is_a_module() -> None:
    metric = load("stlpips-alex", device="cpu")
    assert isinstance(metric, FeatureMetric)
    assert isinstance(metric, torch.nn.Module)
    assert not metric.training
    assert not any(parameter.requires_grad for parameter in metric.parameters())

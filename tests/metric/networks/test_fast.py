"""The fast forms of a network give what the plain one gives."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from examples import examples
from metric.networks import compiled
from metric.networks.blurpool import BlurPool
from metric.networks.build import build_network
from metric.networks.fast import FastNetwork, arrange, computed_in
from metric.networks.folding import FoldedConvBlur
from metric.networks.variant import Variant
from metric.networks.winograd import WinogradConv2d

_STLPIPS_ALEX = Variant("alexnet", blur=3, padding=2, conv1_stride=1, location="blur-before-activation")
_STLPIPS_VGG = Variant("vgg16", blur=3, padding=2)


@pytest.fixture(params=["compiled", "torch"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What computes: where there is no compiler, torch in both."""
    if request.param == "torch":
        monkeypatch.setattr(compiled, "available", lambda: False)
    return "compiled" if compiled.available() else "torch"


@settings(max_examples=examples(60), deadline=None)
@given(
    form=st.sampled_from([(3, 2), (3, 4), (5, 3)]),
    padding=st.integers(0, 4),
    height=st.integers(5, 20),
    width=st.integers(5, 20),
    images=st.integers(1, 2),
    bias=st.booleans(),
)
def test_winograd_is_the_convolution(
    form: tuple[int, int], padding: int, height: int, width: int, images: int, bias: bool
) -> None:
    taps, outputs = form
    torch.manual_seed(height * width)
    convolution = nn.Conv2d(4, 6, taps, padding=padding, bias=bias).double()
    maps = torch.randn(images, 4, height, width, dtype=torch.float64)
    found = WinogradConv2d(convolution, outputs)(maps)
    torch.testing.assert_close(found, convolution(maps), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("taps", "outputs", "stated"), [(3, 2, 2.3), (3, 4, 5.0), (5, 3, 13.7)])
@torch.no_grad()
def test_winograd_rounds_as_little_as_it_says(form: str, taps: int, outputs: int, stated: float) -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(256, 64, taps, padding=taps // 2)
    maps = torch.rand(1, 256, 20, 20)
    exact = copy.deepcopy(convolution).double()
    error = WinogradConv2d(convolution, outputs)(maps) - exact(maps.double())
    # Not beside torch's own convolution, which rounds four times as much on one processor as on another.
    squares = nn.functional.conv2d(maps.double().square(), exact.weight.square(), padding=taps // 2)
    unit = torch.finfo(torch.float32).eps * squares.mean().sqrt()
    # Other places of interpolation, such as whole numbers, round by a fifth more and up to twice as much.
    # Torch's sums of many products, which not every processor adds up in parts, round by up to a third more than ours.
    assert error.square().mean().sqrt() < (1.15 if form == "compiled" else 1.45) * stated * unit


@settings(max_examples=examples(40), deadline=None)
@given(
    stride=st.integers(1, 2),
    size=st.integers(2, 7),
    padding=st.integers(1, 2),
    taps=st.sampled_from([3, 11]),
    zeros=st.integers(0, 3),
    height=st.integers(28, 50),
    width=st.integers(28, 50),
)
def test_a_folded_blur_is_the_blurred_convolution(
    stride: int, size: int, padding: int, taps: int, zeros: int, height: int, width: int
) -> None:
    torch.manual_seed(height * width)
    convolution = nn.Conv2d(2, 3, taps, stride=stride, padding=zeros).double()
    blur = BlurPool(3, size=size, padding=padding).double()
    maps = torch.randn(1, 2, height, width, dtype=torch.float64)
    found = FoldedConvBlur(convolution, blur)(maps)
    torch.testing.assert_close(found, blur(convolution(maps)), rtol=1e-10, atol=1e-10)


def test_where_nothing_is_inside_the_border_the_blur_is_not_folded() -> None:
    convolution, blur = nn.Conv2d(3, 4, 3), BlurPool(4, size=3, padding=1)
    maps = torch.rand(1, 3, 4, 4)
    assert torch.equal(FoldedConvBlur(convolution, blur)(maps), blur(convolution(maps)))


@pytest.mark.parametrize(
    ("variant", "folded", "multiplying_less"),
    [
        (_STLPIPS_ALEX, (1, 1), (4, 4)),
        (Variant("vgg16", blur=3, padding=2), (1, 0), (12, 10)),
        (Variant("alexnet"), (1, 0), (4, 4)),
        (Variant("resnet18", blur=3), (1, 0), (16, 11)),
        (Variant("squeezenet"), (1, 0), (2, 0)),
        (
            Variant("vgg16", blur=3, pooling="avg", skips="anti-aliased", location="blur-before-activation"),
            (2, 1),
            (12, 10),
        ),
    ],
)
@torch.no_grad()
def test_an_arranged_network_gives_the_same_features(
    variant: Variant, folded: tuple[int, int], multiplying_less: tuple[int, int], form: str
) -> None:
    """The counts are of compiled code and of torch."""
    torch.manual_seed(1)
    plain = build_network(variant).eval()
    fast = arrange(copy.deepcopy(plain)).eval()
    assert isinstance(fast, FastNetwork)
    for kind, counts in ((FoldedConvBlur, folded), (WinogradConv2d, multiplying_less)):
        found = sum(isinstance(module, kind) for module in fast.large.modules())
        assert found == counts[form == "torch"], kind
    for size in ((64, 160), (131, 128)):
        images = torch.randn(2, 3, *size).contiguous(memory_format=torch.channels_last)
        for found_maps, expected in zip(fast(images), plain(images), strict=True):
            assert found_maps.shape == expected.shape
            assert (found_maps - expected).abs().max() < 2e-5 * expected.abs().max()


def test_what_was_arranged_for_compiled_code_is_computed_by_torch_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on another machine, to which a metric was sent."""
    torch.manual_seed(3)
    fast = arrange(build_network(_STLPIPS_ALEX)).eval()
    images = torch.randn(1, 3, 140, 129)
    with torch.no_grad():
        before = fast(images)
        monkeypatch.setattr(compiled, "available", lambda: False)
        for one, other in zip(before, fast(images), strict=True):
            assert (one - other).abs().max() < 2e-5 * other.abs().max()


@pytest.mark.parametrize(("least", "has_compiled"), [(48, True), (128, False)])
def test_smaller_images_are_computed_as_they_were(
    least: int, has_compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metric.networks.compiled.available", lambda: has_compiled)
    fast = arrange(build_network(_STLPIPS_ALEX).requires_grad_(False))
    monkeypatch.setattr(fast, "large", None)
    fast(torch.rand(1, 3, least - 1, 200))
    with pytest.raises(TypeError):
        fast(torch.rand(1, 3, least, least))


@pytest.mark.parametrize("size", [(48, 48), (64, 61), (51, 100)])
@pytest.mark.parametrize("variant", [_STLPIPS_ALEX, _STLPIPS_VGG], ids=["alex", "vgg"])
def test_small_images_round_as_little_as_large_ones(variant: Variant, size: tuple[int, int]) -> None:
    torch.manual_seed(5)
    plain = build_network(variant).requires_grad_(False)
    fast = arrange(copy.deepcopy(plain))
    images = torch.randn(2, 3, *size)
    exact = plain.double()(images.double())
    for level, expected in zip(fast.large(images), exact, strict=True):
        assert (level - expected).norm() < 2e-6 * expected.norm()


def test_what_is_differentiated_or_traced_takes_the_plain_form(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(2)
    plain = build_network(_STLPIPS_ALEX)
    fast = arrange(copy.deepcopy(plain))
    monkeypatch.setattr(fast, "large", None)
    images = torch.randn(1, 3, 128, 130, requires_grad=True)
    gradients = [torch.autograd.grad(network(images)[4].square().sum(), images)[0] for network in (plain, fast)]
    torch.testing.assert_close(*gradients)
    assert _traced(fast)
    assert fast(images.detach())[4].requires_grad  # for its parameters are still trained


def _traced(network: nn.Module) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of tracing
        traced = torch.jit.trace(network, torch.rand(1, 3, 128, 128), check_trace=False)
    other = torch.rand(1, 3, 150, 140)
    return all(torch.allclose(*pair, atol=1e-5) for pair in zip(traced(other), network.plain(other), strict=True))


def test_what_bfloat16_is_depends_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False, "amx_bf16": False})
    assert "this processor has no bfloat16" in computed_in("bfloat16", cpu)
    without = arrange(build_network(_STLPIPS_ALEX), "bfloat16")
    assert {tensor.dtype for tensor in without.parameters()} == {torch.float32}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert computed_in("bfloat16", cpu) == "bfloat16"
    assert computed_in("float32", cpu) == "float32"
    having = arrange(build_network(_STLPIPS_ALEX), "bfloat16")
    assert {tensor.dtype for tensor in having.parameters()} == {torch.bfloat16}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@torch.no_grad()
def test_a_folded_blur_may_be_moved_to_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "computes", lambda maps: False)
    folded = FoldedConvBlur(nn.Conv2d(3, 64, 3, padding=1), BlurPool(64))
    maps = torch.rand(1, 3, 40, 40)
    expected = folded(maps)
    torch.testing.assert_close(folded.cuda()(maps.cuda()).cpu(), expected, rtol=1e-2, atol=1e-3)

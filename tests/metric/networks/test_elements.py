"""Each element of shift tolerance against the authors' package, or against its definition."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.published import published_stlpips
from metric.errors import MetricError
from metric.networks.adaptive import AdaptiveBlurPool
from metric.networks.blurpool import BlurPool, binomial_filter
from metric.networks.build import build_network, smallest_image
from metric.networks.layers import DenseMaxPool2d
from metric.networks.network import FeatureNetwork
from metric.networks.variant import Variant


@pytest.fixture(scope="module")
def authors() -> ModuleType:
    """The networks of the authors' package, all of which it builds with random weights."""
    published_stlpips("alex")  # its import needs stand-ins, which are in place by this
    from stlpips_pytorch import invariant_networks
    from stlpips_pytorch.models_lpf import downsample, resnet, vgg, vgg_w_skip

    for module in (resnet, vgg_w_skip):
        module.Downsample = downsample.Downsample  # the files use it and do not import it
    found = ModuleType("authors")
    found.__dict__.update(networks=invariant_networks, downsample=downsample, resnet=resnet, vgg=vgg, skips=vgg_w_skip)
    return found


def images(*shape: int, seed: int = 7) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def unsettle(network: nn.Module) -> None:
    """Batch norms that have seen something, so that they are not the identity."""
    torch.manual_seed(5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.1, 0.1)


def take(network: FeatureNetwork, names: dict[str, str], state: dict[str, Tensor]) -> None:
    network.load_state_dict({ours: state[theirs] for ours, theirs in names.items()}, strict=True)
    network.eval()


def assert_same(found: Any, expected: Any) -> None:
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("padding", [1, 2])
@pytest.mark.parametrize("size", range(1, 8))
def test_blurpool_of_every_size_is_the_published_one(authors: Any, size: int, padding: int) -> None:
    theirs = authors.downsample.Downsample(filt_size=size, stride=2, channels=4, pad_more=padding == 2)
    maps = images(2, 4, 19, 16)
    ours = BlurPool(4, size=size, stride=2, padding=padding)
    torch.testing.assert_close(ours(maps), theirs(maps), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", range(1, 8))
def test_the_filter_is_binomial_and_adds_up_to_one(size: int) -> None:
    row = binomial_filter(size).sum(dim=0)
    expected = [math.comb(size - 1, tap) / 2 ** (size - 1) for tap in range(size)]
    assert row.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("kind", [BlurPool, AdaptiveBlurPool])
@pytest.mark.parametrize(("padding", "more"), [(1, 0), (2, 1)])
@pytest.mark.parametrize(("height", "width"), [(3, 3), (6, 7), (31, 32)])
def test_a_blur_keeps_a_constant_and_halves_the_size(
    kind: Any, padding: int, more: int, height: int, width: int
) -> None:
    blurred = kind(8, size=3, padding=padding).eval()(torch.full((1, 8, height, width), 0.75))
    assert blurred.shape == (1, 8, (height + 1) // 2 + more, (width + 1) // 2 + more)
    torch.testing.assert_close(blurred, torch.full_like(blurred, 0.75))


@pytest.mark.parametrize("padding", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_the_adaptive_filter_of_one_group_is_the_published_one(authors: Any, size: int, padding: int) -> None:
    # With one group their softmax over the taps of all groups is ours over the taps of each.
    torch.manual_seed(2)
    theirs = authors.downsample.Downsample_PASA_group_softmax(6, size, stride=2, group=1, pad_more=padding == 2)
    unsettle(theirs)
    theirs.eval()
    ours = AdaptiveBlurPool(6, size=size, stride=2, padding=padding, groups=1).eval()
    state = {
        name.replace("conv.", "predict.").replace("bn.", "normalise."): t for name, t in theirs.state_dict().items()
    }
    ours.load_state_dict(state, strict=True)
    maps = images(2, 6, 15, 18)
    torch.testing.assert_close(ours(maps), theirs(maps), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", range(2, 8))
def test_an_untrained_adaptive_filter_is_blurpool(size: int) -> None:
    maps = images(2, 16, 20, 17)
    ours = AdaptiveBlurPool(16, size=size, padding=2).eval()
    torch.testing.assert_close(ours(maps), BlurPool(16, size=size, padding=2)(maps), rtol=1e-5, atol=1e-6)


def test_each_group_of_an_adaptive_filter_is_a_low_pass_of_its_own() -> None:
    ours = AdaptiveBlurPool(16, groups=4)
    unsettle(ours)
    ours.eval()
    maps = images(1, 16, 12, 12).clone()
    maps[:, :4] = 3.0  # the first group is constant, so that whatever its filters are, it stays
    blurred = ours(maps)
    torch.testing.assert_close(blurred[:, :4], torch.full_like(blurred[:, :4], 3.0))
    assert blurred[:, 4:].std() < maps[:, 4:].std()


def test_an_adaptive_filter_learns() -> None:
    ours = AdaptiveBlurPool(8, size=3).train()
    optimiser = torch.optim.SGD(ours.parameters(), lr=0.5)
    before = {name: tensor.clone() for name, tensor in ours.named_parameters()}
    for seed in range(3):
        optimiser.zero_grad()
        ours(images(2, 8, 10, 10, seed=seed)).square().mean().backward()
        optimiser.step()
    assert all(not torch.equal(tensor, before[name]) for name, tensor in ours.named_parameters())


@pytest.mark.slow
@pytest.mark.parametrize("size", range(2, 8))
def test_antialiased_alexnet_is_the_published_one(authors: Any, size: int) -> None:
    torch.manual_seed(1)
    theirs = authors.networks.alexnet(variant="antialiased", filter_size=size).eval()
    ours = build_network(Variant("alexnet", blur=size))
    names = ours.stlpips_names()
    take(ours, names, theirs.state_dict())
    pictures = images(2, 3, 79, 96)
    with torch.no_grad():
        assert_same(ours(pictures), theirs(pictures))


@pytest.mark.slow
def test_plain_alexnet_is_the_published_vanilla_one(authors: Any) -> None:
    theirs = authors.networks.alexnet(variant="vanilla").eval()
    ours = build_network(Variant("alexnet"))
    take(ours, ours.stlpips_names(), theirs.state_dict())
    pictures = images(1, 3, 64, 64)
    with torch.no_grad():
        assert_same(ours(pictures), theirs(pictures))


@pytest.mark.slow
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("padding", [1, 2])
def test_antialiased_vgg16_with_and_without_full_convolutions_is_the_published_one(
    authors: Any, padding: int, full: bool
) -> None:
    torch.manual_seed(1)
    layers = authors.vgg.make_layers(authors.vgg.cfg["D"], filter_size=3, pad_more=padding == 2, fconv=full).eval()
    ours = build_network(Variant("vgg16", blur=3, padding=padding, full_convolution=full))
    names = {mine: theirs.partition(".")[2] for mine, theirs in ours.stlpips_names().items()}
    take(ours, names, layers.state_dict())
    maps, expected = images(1, 3, 48, 51), []
    for index, layer in enumerate(layers):
        maps = layer(maps)
        if index in (3, 9, 17, 25, 33):
            expected.append(maps.clone())
    with torch.no_grad():
        assert_same(ours(images(1, 3, 48, 51)), expected)


@pytest.mark.slow
@pytest.mark.parametrize("padding", [1, 2])
def test_antialiased_resnet18_is_the_published_one(authors: Any, padding: int) -> None:
    torch.manual_seed(1)
    theirs = authors.resnet.resnet18(filter_size=3, pool_only=False, pad_more=padding == 2)
    unsettle(theirs)
    theirs.eval()
    ours = build_network(Variant("resnet18", blur=3, padding=padding)).eval()
    state = theirs.state_dict()
    renamed = {}
    for mine, name in ours.torchvision_names().items():
        if name.startswith(("layer2.0", "layer3.0", "layer4.0")):  # a filter stands before these layers of theirs
            name = name.replace("conv2.", "conv2.1.").replace("downsample.1.", "downsample.2.")
            name = name.replace("downsample.0.", "downsample.1.")
        renamed[mine] = state[name]
    ours.load_state_dict(ours.state_dict() | renamed, strict=True)
    pictures = images(2, 3, 64, 71)
    with torch.no_grad():
        expected = [theirs.relu(theirs.bn1(theirs.conv1(pictures)))]
        maps = theirs.maxpool(expected[0])
        for stage in (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4):
            maps = stage(maps)
            expected.append(maps)
        assert_same(ours(pictures), expected)


@pytest.mark.slow
@pytest.mark.parametrize(  # theirs pads a strided skip for the wide padding only
    ("skips", "padding"), [("none", 1), ("none", 2), ("strided", 2), ("anti-aliased", 1), ("anti-aliased", 2)]
)
def test_the_networks_of_figure_6_are_the_published_ones(authors: Any, skips: Any, padding: int) -> None:
    torch.manual_seed(1)
    strided = skips == "strided"
    theirs = authors.skips.vgg16_w_skip(
        pad_more=padding == 2,
        pool_type="blurpool",
        skip_pool_type="none" if strided else "blurpool",
        w_skip=skips != "none",
        stride=2 if strided else 1,
    ).eval()
    variant = Variant("vgg16", blur=3, padding=padding, pooling="avg", location="blur-before-activation", skips=skips)
    ours = build_network(variant).eval()
    copy_figure_6(ours, theirs)
    pictures = images(1, 3, 61, 64)
    maps, expected = pictures, []
    with torch.no_grad():
        for block in theirs.layer:
            maps = block(maps)
            expected.append(maps)
        assert_same(ours(pictures), expected)


def copy_figure_6(ours: FeatureNetwork, theirs: Any) -> None:
    """Theirs have no bias, and ours, which take torchvision's weights, a bias of 0."""
    with torch.no_grad():
        for level, block in zip(ours.levels, theirs.layer, strict=True):
            dense = lambda module: isinstance(module, nn.Conv2d)  # noqa: E731
            mine = [module for module in level.modules() if dense(module)]
            wanted = [module for module in block.modules() if dense(module)]
            assert len(mine) == len(wanted)
            for convolution, source in zip(mine, wanted, strict=True):
                convolution.weight.copy_(source.weight)
                if convolution.bias is not None:
                    convolution.bias.zero_()


def test_full_convolution_meets_every_pixel_with_every_tap() -> None:
    # Its outputs add up to (sum of taps) × (sum of pixels), which a smaller padding misses at the border (Fig. 5).
    network = build_network(Variant("alexnet", full_convolution=True, conv1_stride=1))
    convolution = network.get_submodule("levels.0.conv1")
    assert isinstance(convolution, nn.Conv2d)
    picture = images(1, 3, 9, 12).abs()
    with torch.no_grad():
        convolution.bias.zero_()  # type: ignore[union-attr]
        convolved = convolution(picture)
        expected = torch.einsum("ochw,nc->no", convolution.weight, picture.sum(dim=(2, 3)))
    assert convolved.shape[2:] == (9 + 10, 12 + 10)
    torch.testing.assert_close(convolved.sum(dim=(2, 3)), expected, rtol=1e-4, atol=1e-4)


def test_the_three_locations_compute_what_figure_4_shows() -> None:
    networks = {}
    for location in ("original", "feature-after-blur", "blur-before-activation"):
        torch.manual_seed(0)
        networks[location] = build_network(Variant("alexnet", blur=3, conv1_stride=2, location=location)).eval()
    picture = images(1, 3, 64, 64)
    convolution, blur = networks["original"].get_submodule("levels.0.conv1"), BlurPool(64)
    with torch.no_grad():
        convolved = convolution(picture)
        found = {location: network(picture) for location, network in networks.items()}
        torch.testing.assert_close(found["original"][0], convolved.relu())
        torch.testing.assert_close(found["feature-after-blur"][0], blur(convolved.relu()))
        torch.testing.assert_close(found["blur-before-activation"][0], blur(convolved).relu())
    # What follows is the same whether the feature is taken before or after the blur.
    assert_same(found["original"][1:], found["feature-after-blur"][1:])
    assert not torch.allclose(found["original"][1], found["blur-before-activation"][1])


@pytest.mark.parametrize(
    ("blur", "pooling", "expected"),
    [
        (0, "max", ["MaxPool2d"]),
        (0, "avg", ["AvgPool2d"]),
        (3, "max", ["DenseMaxPool2d", "BlurPool"]),
        (3, "avg", ["BlurPool"]),
    ],
)
def test_poolings_are_max_avg_and_their_blurred_versions(blur: int, pooling: Any, expected: list[str]) -> None:
    network = build_network(Variant("alexnet", blur=blur, conv1_stride=4, pooling=pooling))
    layers = [type(layer).__name__ for layer in network.get_submodule("levels.1").children()]
    assert layers[:-2] == expected


@pytest.mark.parametrize(
    ("backbone", "elements", "sentence"),
    [
        ("resnet18", {"full_convolution": True}, "F-Conv gives branches.*different sizes"),
        ("squeezenet", {"full_convolution": True}, "F-Conv"),
        ("alexnet", {"padding": 2}, "need a blur"),
        ("alexnet", {"adaptive": True}, "need a blur"),
        ("alexnet", {"location": "feature-after-blur"}, "need a blur"),
        ("alexnet", {"blur": 3, "conv1_stride": 4, "location": "feature-after-blur"}, "not reduced in stride"),
        ("alexnet", {"blur": 3, "skips": "strided"}, "skips .Fig. 6. need vgg16"),
        ("vgg16", {"blur": 3, "skips": "strided"}, "the location blur-before-activation"),
        ("vgg16", {"conv1_stride": 2}, 'no conv1_stride "2"; it is one of 1'),
        ("alexnet", {"blur": 8}, 'no blur "8"'),
        ("alexnet", {"blur": 3, "padding": 3}, 'no padding "3"; it is one of 1, 2'),
        ("vgg19", {}, 'no backbone "vgg19"'),
        (
            "vgg16",
            {"blur": 4, "padding": 2, "skips": "strided", "pooling": "avg", "location": "blur-before-activation"},
            "even size with padding 2",
        ),
    ],
)
def test_impossible_combinations_are_refused(backbone: Any, elements: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MetricError, match=sentence):
        Variant(backbone, **elements)


_SMALLEST = [
    (Variant("alexnet"), 31),
    (Variant("vgg16"), 16),
    (Variant("squeezenet"), 17),
    (Variant("vgg16", blur=7, padding=2), None),
    (Variant("alexnet", blur=3, padding=2, adaptive=True), None),
]


@pytest.mark.parametrize(("variant", "known"), _SMALLEST)
def test_the_smallest_image_is_taken_and_a_smaller_one_is_not(variant: Variant, known: int | None) -> None:
    smallest = smallest_image(variant)
    assert known in (None, smallest)
    network = build_network(variant).eval()
    with torch.inference_mode():
        network(torch.zeros(1, 3, smallest, smallest + 3))
        for height, width in ((smallest - 1, smallest + 3), (smallest + 3, smallest - 1)):
            with pytest.raises(RuntimeError, match=r"Padding size|too small|Kernel size can't be greater"):
                network(torch.zeros(1, 3, height, width))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_networks_compute_in_other_precisions_and_are_differentiable(dtype: torch.dtype) -> None:
    elements = {"blur": 3, "padding": 2, "adaptive": True, "full_convolution": True}
    torch.manual_seed(0)
    network = build_network(Variant("alexnet", **elements)).to(dtype).train()
    picture = images(2, 3, 40, 43).to(dtype).requires_grad_()
    features = network(picture)
    assert {level.dtype for level in features} == {dtype}
    sum(level.square().mean() for level in features).backward()
    assert picture.grad is not None
    assert picture.grad.isfinite().all()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.slow
def test_a_network_exports_whole() -> None:
    variant = Variant("vgg16", blur=3, pooling="avg", location="blur-before-activation", skips="anti-aliased")
    network = build_network(variant).eval()
    picture = images(1, 3, 32, 32)
    exported = torch.export.export(network, (picture,)).module()
    with torch.no_grad():
        assert_same(exported(picture), network(picture))


@pytest.mark.parametrize("size", [2, 3])
def test_dense_pooling_is_max_pooling_with_and_without_gradients(size: int) -> None:
    maps = torch.randn(2, 5, 9, 11, generator=torch.Generator().manual_seed(size), requires_grad=True)
    pool = DenseMaxPool2d(size)
    expected = torch.nn.functional.max_pool2d(maps, size, stride=1)
    assert torch.equal(pool(maps), expected)
    assert torch.equal(pool(maps.detach()), expected)

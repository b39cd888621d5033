"""What is trained: its distances, its gradient, and which of its weights are kept from below 0."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from metric.errors import MetricError
from metric.networks.network import FeatureNetwork
from metric.networks.variant import Variant
from metric.training.configuration import ComputingPart, Configuration, DataPart, LossPart, NetworkPart, Trunk
from metric.training.trainee import Trainee

PLAIN = Configuration(NetworkPart(Variant("alexnet")), DataPart(size_px=32), LossPart("mse", dropout=0.0))


def triplets(number: int = 4, size_px: int = 32) -> tuple[Tensor, Tensor, list[int]]:
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (number, 3, 3, size_px, size_px), dtype=torch.uint8, generator=generator)
    return images, torch.rand(number, generator=generator), list(range(number))


def trainee(configuration: Configuration = PLAIN) -> Trainee:
    made = Trainee(configuration)
    made.prepare()
    made.train()
    return made


def gradient(made: Trainee, *given: object) -> dict[str, Tensor]:
    made.zero_grad(set_to_none=True)
    losses, _ = made(*given)
    losses.mean().backward()
    return {name: parameter.grad for name, parameter in made.named_parameters() if parameter.grad is not None}


def test_its_distances_are_those_of_the_metric() -> None:
    made = trainee()
    images, judge, keys = triplets()
    _, distances = made(images, judge, keys)
    for image in (0, 1):
        with torch.no_grad():
            expected = made.metric.eval()(images[:, 0], images[:, 1 + image])
        assert torch.allclose(distances[:, image], expected, rtol=1e-5)


def test_dropout_changes_distances_in_training_alone() -> None:
    made = trainee(replace(PLAIN, loss=LossPart("mse", dropout=0.5)))
    given = triplets()
    trained, again = made(*given)[1], made(*given)[1]
    other = made(given[0], given[1], [key + 100 for key in given[2]])[1]
    evaluated = made.eval()(*given)[1]
    assert torch.equal(trained, again)
    assert not torch.allclose(trained, other, rtol=1e-4) and not torch.allclose(trained, evaluated, rtol=1e-4)
    assert torch.allclose(trained, evaluated, rtol=0.2)


def test_the_gradient_is_that_of_plain_autograd() -> None:
    made = trainee()
    images, judge, keys = triplets()
    ours = gradient(made, images, judge, keys)
    made.zero_grad(set_to_none=True)
    pictures = images.float() / 255
    metric = made.metric.train()
    first, second = (
        metric.distance(metric.features(pictures[:, 0]), metric.features(pictures[:, 1 + image])) for image in (0, 1)
    )
    (first / (first + second) - judge).square().mean().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(ours[name], parameter.grad, rtol=1e-3, atol=1e-7), name


@pytest.mark.parametrize(("trunk", "trained"), [("scratch", True), ("pretrained", True), ("fixed", False)])
@pytest.mark.slow
def test_the_trunk_says_what_is_trained(trunk: Trunk, trained: bool) -> None:
    found = gradient(trainee(replace(PLAIN, network=NetworkPart(Variant("alexnet"), trunk))), *triplets())
    assert ("metric.network.levels.0.conv1.weight" in found) == trained
    assert "metric.channel_weights.0" in found


@pytest.mark.slow
def test_trunks_that_were_trained_begin_with_the_published_convolutions() -> None:
    from metric.loading import load_metric

    published = load_metric("lpips-alex").state_dict()
    for trunk in ("pretrained", "fixed"):
        ours = trainee(replace(PLAIN, network=NetworkPart(Variant("alexnet"), trunk))).metric.state_dict()  # type: ignore[arg-type]
        filters = published["network.plain.levels.1.conv2.weight"]
        assert torch.equal(ours["network.levels.1.conv2.weight"], filters)


def test_missing_convolutions_are_told_and_never_replaced_by_random_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("SHIFT_STUDY_CACHE", str(tmp_path))
    part = NetworkPart(Variant("resnet18"), "pretrained")
    with pytest.raises(MetricError, match="A trained resnet18 needs the convolutions of torchvision's ResNet-18"):
        Trainee(replace(PLAIN, network=part))


def test_only_channel_weights_are_kept_from_below_0() -> None:
    made = Trainee(replace(PLAIN, network=NetworkPart(Variant("squeezenet"))))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.fill_(-1)
    made.clamp()
    ones = [m for m in made.metric.network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    assert ones and all(bool((layer.weight == -1).all()) for layer in ones)  # fire modules have 1 × 1 convolutions too
    assert all(bool((weights == 0).all()) for weights in made.metric.channel_weights)


def test_channel_weights_begin_above_0_and_everything_is_of_the_seed() -> None:
    first, again = Trainee(PLAIN), Trainee(PLAIN)
    other = Trainee(replace(PLAIN, schedule=replace(PLAIN.schedule, seed=1)))
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    assert not torch.equal(first.metric.channel_weights[0], other.metric.channel_weights[0])
    assert not torch.equal(
        first.state_dict()["metric.network.levels.0.conv1.weight"],
        other.state_dict()["metric.network.levels.0.conv1.weight"],
    )
    for weights in first.metric.channel_weights:
        assert weights.min().item() > 0 and weights.max().item() <= weights.numel() ** -0.5


def test_a_pretrained_trunk_keeps_its_batch_statistics_and_one_from_scratch_does_not() -> None:
    resnet = replace(PLAIN, network=NetworkPart(Variant("resnet18"), "scratch"))
    made = trainee(resnet)
    assert made.has_batch_statistics
    assert any(isinstance(layer, nn.BatchNorm2d) and layer.training for layer in made.modules())
    made._keeps_statistics = True  # as of a trunk that was trained, whose file is on no test machine
    made.train()
    assert not any(isinstance(layer, nn.BatchNorm2d) and layer.training for layer in made.modules())
    assert not made.has_batch_statistics and made.loss.training


def test_a_fixed_trunk_keeps_its_batch_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    from metric.networks.weights import fill_weights

    def as_if_trained(network: FeatureNetwork, part: NetworkPart, seed: int, download: bool) -> str:
        fill_weights(network, seed, random=True)
        return ""

    monkeypatch.setattr("metric.training.trainee._fill", as_if_trained)
    made = trainee(replace(PLAIN, network=NetworkPart(Variant("resnet18"), "fixed")))
    images, judge, keys = triplets(2)
    _, distances = made(images, judge, keys)
    with torch.no_grad():
        expected = made.metric.eval()(images[:, 0], images[:, 1])
    assert torch.allclose(distances[:, 0], expected, rtol=1e-3)


def test_images_smaller_than_the_network_takes_are_refused() -> None:
    with pytest.raises(MetricError, match=r"data\.size_px is 30, too small for alexnet .* at least 31"):
        Trainee(replace(PLAIN, data=DataPart(size_px=30)))


def test_mixed_precision_is_near_and_leaves_gradients_in_single_precision() -> None:
    images, judge, keys = triplets()
    mixed = trainee(replace(PLAIN, computing=ComputingPart(precision="bfloat16")))
    _, exact = trainee()(images, judge, keys)
    _, near = mixed(images, judge, keys)
    assert not torch.equal(exact, near) and torch.allclose(exact, near, rtol=0.05)
    assert all(part.dtype == torch.float32 for part in gradient(mixed, images, judge, keys).values())

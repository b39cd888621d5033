"""The shift error is what its definition says, and sees what the elements are for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from metric.errors import MetricError
from metric.networks.build import build_network
from metric.networks.configurations import CONFIGURATIONS
from metric.networks.network import FeatureNetwork
from metric.networks.photographs import read_photographs
from metric.networks.shift_error import cut_crops, difference_maps, level_features, measure_shift_error
from metric.networks.variant import Variant
from metric.networks.weights import fill_weights
from metric.pixels import Pixels


def filled(variant: Variant, *, random: bool = True) -> FeatureNetwork:
    network = build_network(variant).eval()
    fill_weights(network, 0, random=random)
    return network


@pytest.fixture(scope="module")
def three(photographs: dict[str, Pixels]) -> dict[str, Pixels]:
    return {name: photographs[name] for name in ("astronaut", "coffee", "china")}


def test_the_error_is_what_the_definition_says(three: dict[str, Pixels]) -> None:
    network = filled(Variant("alexnet"))
    found = measure_shift_error(network, three, size_px=64)

    def distance(one: torch.Tensor, other: torch.Tensor) -> list[float]:
        """LPIPS with all weights 1, from the definition, one level at a time."""
        per_level = []
        with torch.no_grad():
            scaled = [(picture * 2 - 1 - MEAN) / DEVIATION for picture in (one, other)]
            for mine, theirs in zip(*(network(picture) for picture in scaled), strict=True):
                units = [torch.nn.functional.normalize(maps, dim=1) for maps in (mine, theirs)]
                per_level.append(float(((units[0] - units[1]) ** 2).sum(dim=1).mean()))
        return per_level

    crops = {name: cut_crops(name, pixels, (0, 1, 2, 3), 64).split(1) for name, pixels in three.items()}
    for number, shift in enumerate((1, 2, 3)):
        ratios = []
        for name, own in crops.items():
            others = np.mean([distance(own[0], other[0]) for key, other in crops.items() if key != name], axis=0)
            ratios.append(np.array(distance(own[0], own[shift])) / others)
        assert found.by_level[number] == pytest.approx(np.mean(ratios, axis=0), rel=1e-4)
        per_photograph = np.mean(ratios, axis=1)
        assert found.overall[number] == pytest.approx(per_photograph.mean(), rel=1e-4)
        assert found.standard_error[number] == pytest.approx(per_photograph.std(ddof=1) / 3**0.5, rel=1e-3)


MEAN = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)  # LPIPS's
DEVIATION = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize(("plain", "blurred"), [("alex", "alex-blur"), ("resnet18", "resnet18-blur")])
def test_anti_aliasing_lowers_the_error_and_longer_shifts_raise_it(
    plain: str, blurred: str, three: dict[str, Pixels]
) -> None:
    errors = {
        name: measure_shift_error(filled(CONFIGURATIONS[name].variant, random=False), three, size_px=128).overall
        for name in (plain, blurred)
    }
    for found in errors.values():
        assert 0 < found[0] < found[1] < found[2] < 1
    assert all(less < more for less, more in zip(errors[blurred], errors[plain], strict=True))


def test_an_image_of_one_colour_does_not_shift(three: dict[str, Pixels]) -> None:
    grey = {**three, "grey": np.full((80, 90, 3), 120, dtype=np.uint8)}
    network = filled(Variant("squeezenet", blur=3))
    maps = difference_maps(network, cut_crops("grey", grey["grey"], (0, 2), 64))
    assert all(float(level.max()) == 0 for level in maps)


def test_difference_maps_add_up_to_the_distance(photographs: dict[str, Pixels]) -> None:
    network = filled(Variant("alexnet", blur=3))
    pair = cut_crops("rocket", photographs["rocket"], (0, 1), 96)
    maps = difference_maps(network, pair)
    units = level_features(network, pair)
    assert [tuple(level.shape) for level in maps] == [tuple(unit.shape[2:]) for unit in units]
    for level, unit in zip(maps, units, strict=True):
        assert float(level.mean()) == pytest.approx(float((unit[0] - unit[1]).square().sum(dim=0).mean()), rel=1e-5)
        assert float(level.max()) <= 2 + 1e-5  # features after a ReLU are at most at a right angle


def test_crops_are_windows_of_the_photograph(photographs: dict[str, Pixels]) -> None:
    pixels = photographs["chelsea"]
    first, moved = cut_crops("chelsea", pixels, (0, 3), 100)
    assert torch.equal(first[:, :, 3:], moved[:, :, :-3])
    whole = cut_crops("chelsea", pixels, (0, 2), None)
    assert whole.shape == (2, 3, pixels.shape[0], pixels.shape[1] - 2)


def test_all_variants_of_a_backbone_get_the_same_random_convolutions() -> None:
    plain, changed = filled(Variant("vgg16")), filled(Variant("vgg16", blur=5, adaptive=True))
    theirs = {name: plain.state_dict()[ours] for ours, name in plain.torchvision_names().items()}
    for ours, name in changed.torchvision_names().items():
        assert torch.equal(changed.state_dict()[ours], theirs[name])
    again = filled(Variant("vgg16"))
    assert all(torch.equal(mine, other) for mine, other in zip(again.parameters(), plain.parameters(), strict=True))


def test_trained_convolutions_are_taken_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    from metric.networks.weights import RESNET18

    monkeypatch.setenv("SHIFT_STUDY_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    network = build_network(Variant("resnet18", blur=3)).eval()
    assert fill_weights(network).convolutions == "random"
    torch.manual_seed(3)
    theirs = torchvision.models.resnet18(weights=None).state_dict()
    (tmp_path / "weights").mkdir()
    torch.save(theirs, tmp_path / "weights" / RESNET18.cache_name)
    found = fill_weights(network)
    assert (found.convolutions, found.origin) == ("torchvision", "cache")
    assert torch.equal(network.state_dict()["levels.0.conv1.weight"], theirs["conv1.weight"])
    assert fill_weights(network, random=True).convolutions == "random"
    assert not torch.equal(network.state_dict()["levels.0.conv1.weight"], theirs["conv1.weight"])


@pytest.mark.parametrize(
    ("name", "phrase"),
    [("alex", ""), ("alex-adaptive", "adaptive filters"), ("vgg-like-skips", "projections of the skips")],
)
def test_what_is_untrained_is_said(name: str, phrase: str) -> None:
    found = fill_weights(build_network(CONFIGURATIONS[name].variant), random=True)
    assert phrase in found.untrained
    assert bool(found.untrained) == bool(phrase)


def test_bad_photographs_are_refused(three: dict[str, Pixels]) -> None:
    network = filled(Variant("alexnet"))
    with pytest.raises(MetricError, match="at least two photographs"):
        measure_shift_error(network, {"china": three["china"]})
    with pytest.raises(MetricError, match="astronaut has 512 × 512 pixels; a window of 510 shifted by 3 pixels"):
        measure_shift_error(network, three, size_px=510)
    with pytest.raises(MetricError, match="30 × 30 pixels; the network needs at least 31 × 31"):
        measure_shift_error(network, three, size_px=30)


def test_a_missing_package_of_photographs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    from metric.networks import photographs as module

    def missing(name: str) -> Any:
        raise importlib.metadata.PackageNotFoundError(name)

    assert len(read_photographs()) == 7
    monkeypatch.setattr(module, "distribution", missing)
    with pytest.raises(MetricError, match="scikit-image, which carries photographs, is not installed: pip install"):
        read_photographs()

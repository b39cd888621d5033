"""The verbs `elements` and `difference-maps`."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

import shift_study
from metric.networks.configurations import CONFIGURATIONS

_ASTRONAUT = distribution("scikit-image").locate_file("skimage/data/astronaut.png")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(argument) for argument in arguments])


def test_the_list_has_every_network_and_its_published_figures() -> None:
    result = run("elements", "--list")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.split()[:1]}
    assert set(CONFIGURATIONS) <= set(lines)
    assert "70.48   0.57  1.06  1.50" in lines["alex-before-activation-stride1"]
    assert "21 px" in lines["alex-before-activation-stride1"]


def test_the_list_as_json() -> None:
    found = json.loads(run("elements", "vgg", "alex-fconv-stride2", "--list", "--json").stdout)["networks"]
    assert [network["network"] for network in found] == ["vgg", "alex-fconv-stride2"]
    assert found[0]["parameters"] == 14_714_688
    assert found[0]["published_rank_flip_rate"] == [3.01, 3.76, 3.44]
    assert found[0]["note"] is None
    assert "lost" in found[1]["note"]


@pytest.mark.slow
def test_measured_errors_are_printed_and_drawn(tmp_path: Path) -> None:
    figure = tmp_path / "elements.svg"
    arguments = ("elements", "alex", "alex-adaptive", "squeeze", "--size", 64, "--random", "--figure", figure)
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "random, seed 0" in result.stdout
    assert "alex-adaptive: untrained are the adaptive filters" in result.stdout
    drawn = figure.read_text(encoding="utf-8")
    assert drawn.startswith("<?xml")
    assert run(*arguments).exit_code == 0
    assert figure.read_text(encoding="utf-8") == drawn  # nothing in it depends on the run


@pytest.mark.slow
def test_measured_errors_as_json() -> None:
    found = json.loads(run("elements", "alex", "--size", 64, "--random", "--json").stdout)
    assert found["size_px"] == 64
    assert len(found["photographs"]) == 7
    (network,) = found["networks"]
    assert network["convolutions"] == "random"
    assert [row["shift_px"] for row in network["shift_error"]] == [1, 2, 3]
    for row in network["shift_error"]:
        assert row["error"] == pytest.approx(sum(row["by_level"]) / 5)
        assert row["error"] == pytest.approx(sum(row["by_photograph"]) / 7)
        assert 0 < row["standard_error"] < row["error"] < 1


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_difference_maps_are_drawn(suffix: str, tmp_path: Path) -> None:
    output = tmp_path / f"maps.{suffix}"
    result = run("difference-maps", _ASTRONAUT, "-o", output, "--network", "alex", "--network", "squeeze", "--size", 96)
    assert result.exit_code == 0, result.output
    assert "squeeze: " in result.stderr
    assert output.stat().st_size > 10_000
    if suffix == "png":
        with Image.open(output) as image:
            assert image.width > 1000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("elements", "alexx"), 'no network "alexx"; the known ones are'),
        (("elements", "alex", "--size", 9), "9 × 9 pixels; the network needs at least 31 × 31"),
        (("elements", "alex", "--size", 5000), "has 512 × 512 pixels; a window of 5000"),
        (("elements", "alex", "--figure", "elements.gif"), "end its name in .png, .svg or .pdf"),
        (("elements", "alex", "--figure", "no/such/folder.png"), "in a folder that does not exist"),
        (("elements", "alex", "--device", "gpu"), 'no device "gpu"'),
        (("difference-maps", "missing.png", "-o", "maps.png"), "There is no image missing.png"),
        (("difference-maps", _ASTRONAUT, "-o", "maps.txt"), "end its name in"),
        (("difference-maps", _ASTRONAUT, "-o", "m.png", "--shift", 600), "an image shifted by 600 pixels needs"),
        (("difference-maps", _ASTRONAUT, "-o", "m.png", "--network", "lpips"), 'no network "lpips"'),
        (("difference-maps", _ASTRONAUT, "-o", "m.png", "--size", 20), "the network needs at least 31 × 31"),
    ],
)
def test_bad_input_ends_with_one_sentence(
    arguments: tuple[object, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert sentence in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_list_cannot_be_drawn() -> None:
    assert run("elements", "--list", "--figure", "elements.png").exit_code == 2

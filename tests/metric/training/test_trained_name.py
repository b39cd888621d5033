"""Files of trained metrics in the places where a metric or a network is named on the command line."""

from __future__ import annotations

import csv
import json
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

import shift_study
from metric.learned.lpips import LPIPS
from metric.loading import find_spec, load_metric
from metric.networks.build import build_network
from metric.networks.variant import Variant
from metric.networks.weights import fill_weights
from metric.pixels import read_image
from metric.registry import METRICS
from metric.scoring.run_settings import difference, settings_of
from metric.training.trained_file import write_trained

ABOUT = {
    "configuration": {
        "network": {"trunk": "scratch"},
        "data": {"size_px": 64, "categories": []},
        "loss": {"kind": "mse", "dropout": 0.01},
        "schedule": {"seed": 3, "betas": [0.5, 0.999]},
        "computing": {"compile": False},
    },
    "data": {"origin": "made", "sha256": "ab" * 32, "votes": "rule: strength", "triplets": 12_000},
    "versions": {"shift-study": "0.1.0", "torch": "2.6"},
    "steps": 2400,
    "training loss": 0.693,
}


@pytest.fixture(scope="module", autouse=True)
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, whose metrics have one name in different folders."""
    root = tmp_path_factory.mktemp("runs")
    variants = {"a": Variant("alexnet"), "b_1": Variant("alexnet", blur=3, padding=2, conv1_stride=1)}
    for number, (run, variant) in enumerate(variants.items()):
        metric = LPIPS(METRICS["lpips-alex"], build_network(variant))
        fill_weights(metric.network, number, random=True)
        for weights in metric.channel_weights:
            weights.data.fill_(1 + number)
        (root / run).mkdir()
        write_trained(root / run / "metric.safetensors", metric, ABOUT)
    return root


@pytest.fixture(autouse=True)
def here(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(argument) for argument in arguments])


BOTH = ("--metric", "a/metric.safetensors", "--metric", "b_1/metric.safetensors")


def test_a_metric_is_shown_with_its_training(runs: Path) -> None:
    result = run("metrics", "b_1/metric.safetensors")
    assert result.exit_code == 0, result.output
    rows = dict(line.split("  ", 1) for line in result.stdout.splitlines() if "  " in line)
    said = {name: text.strip() for name, text in rows.items()}
    assert said["network"] == "alexnet (blur 3, pad 2, stride 1)"
    assert said["parameters"] == "2,470,848"
    assert said["trunk"] == "scratch"
    assert said["trained on"] == "made"
    assert said["loss"] == "dropout 0.01, kind mse"
    assert said["schedule"] == "betas 0.5 0.999, seed 3"
    assert said["images"] == "categories all, size px 64"
    assert said["steps"] == "2,400"
    assert said["versions"] == "shift-study 0.1.0, torch 2.6"
    assert said["available"] == "yes"
    assert "12,000 triplets; votes: rule: strength" in result.stdout
    assert result.stdout.endswith("Its training set was not judged by people (votes: rule: strength).\n")
    found = json.loads(run("metrics", "b_1/metric.safetensors", "--json").stdout)
    content = (runs / "b_1" / "metric.safetensors").read_bytes()
    assert found["trained"]["sha256"] == sha256(content).hexdigest()
    assert {name: found["trained"][name] for name in ABOUT} == ABOUT
    assert found["trained"]["variant"]["blur"] == 3


def test_the_list_of_metrics_says_that_files_are_taken() -> None:
    assert "FILE.safetensors" in " ".join(run("metrics").stdout.split())


def test_two_files_of_one_name_are_scored_side_by_side(
    study_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(self: object, source: str) -> object:
        raise ValueError("The study has no responses.")

    monkeypatch.setattr(shift_study.Doors, "judgments", none)
    result = run("score", study_folder, "--all-pairs", *BOTH, "-o", tmp_path / "d.csv")
    assert result.exit_code == 0, result.output
    assert {line.split("  ")[0] for line in result.stdout.splitlines()} >= {BOTH[1], BOTH[3]}
    written = sorted(path.name for path in tmp_path.glob("d*"))
    assert written == ["d-a-metric.safetensors.csv", "d-b_1-metric.safetensors.csv"]
    images = [read_image(study_folder / "stimuli" / name) for name in ("00001_0.png", "00001_3.png")]
    for name, file in zip(BOTH[1::2], written, strict=True):
        rows = list(csv.DictReader((tmp_path / file).read_text(encoding="utf-8").splitlines()))
        assert len(rows) == 6 and rows[-1]["pair"] == "00001_n-3"
        with torch.inference_mode():
            assert float(rows[-1]["distance"]) == pytest.approx(float(load_metric(name)(*images)), rel=1e-4)


def test_a_run_goes_on_with_the_same_file_only(tmp_path: Path, runs: Path) -> None:
    mine = tmp_path / "mine.safetensors"
    settings = []
    for name in BOTH[1::2]:
        mine.write_bytes((runs / name).read_bytes())
        settings.append(settings_of(find_spec(str(mine)), {}, "cpu", "float32"))
        assert settings[-1]["all"] == sha256(mine.read_bytes()).hexdigest()
    assert difference(*settings) == ("all", f"{settings[1]['all']} instead of {settings[0]['all']}")


def test_names_of_metrics_are_kept_in_tables(tmp_path: Path) -> None:
    made, scores = tmp_path / "made", tmp_path / "scores.csv"
    assert run("bapps", "make", "demo", "-o", made, "--count", 1, "--size", 64).exit_code == 0
    result = run("bapps", "score", made, *BOTH, "-o", scores, "--shifts", "0,1")
    assert result.exit_code == 0, result.output
    table = run("bapps", "table", scores, "--replicates", 100)
    assert {"a/metric.safetensors", "b_1/metric.safetensors"} <= {
        line.split("  ")[0] for line in table.output.split("\n")
    }
    latex = run("bapps", "table", scores, "--replicates", 100, "--latex").output
    assert r"b\_1/metric.safetensors & " in latex
    renamed = run("bapps", "table", scores, "--metric", "b_1/metric.safetensors", "--replicates", 100, "--csv").output
    assert ",b_1/metric.safetensors,two_afc," in renamed and ",a/metric" not in renamed


def test_other_weights_beside_a_file_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "i.png")
    given = ("--metric", "a/metric.safetensors", "--weights", "a/metric.safetensors=b_1/metric.safetensors")
    result = run("distance", tmp_path / "i.png", tmp_path / "i.png", *given)
    assert result.exit_code == 1
    assert "a/metric.safetensors has its weights itself; leave out b_1/metric.safetensors." in result.output


def test_the_network_of_a_file_is_measured_as_it_was_trained() -> None:
    listed = json.loads(run("elements", "alex", "b_1/metric.safetensors", "--list", "--json").stdout)["networks"]
    assert [network["network"] for network in listed] == ["alex", "b_1/metric.safetensors"]
    assert listed[1]["elements"] == "blur 3, pad 2, stride 1"
    twice = run("elements", "alex", "a/metric.safetensors", "a/metric.safetensors", "--list")
    assert 'The network "a/metric.safetensors" is named twice' in twice.output
    absent = run("elements", "absent.safetensors", "--list")
    assert absent.exit_code == 1 and "There is no file absent.safetensors." in absent.output


@pytest.mark.slow
def test_its_shift_error_is_that_of_its_weights(tmp_path: Path) -> None:
    names = ("alex", "a/metric.safetensors", "b_1/metric.safetensors")
    figure = tmp_path / "elements.svg"
    result = run("elements", *names, "--random", "--seed", 0, "--size", 64, "--json", "--figure", figure)
    assert result.exit_code == 0, result.output
    alex, same, other = json.loads(result.stdout)["networks"]
    assert same["convolutions"] == "trained" and same["origin"] == "made"
    # The first file has the random convolutions of this seed; of another, the second would have other errors.
    assert same["shift_error"] == alex["shift_error"] != other["shift_error"]
    assert "random or trained convolutions" in figure.read_text(encoding="utf-8")
    text = run("elements", *names[1:], "--size", 64).stdout
    assert "trained, made" in text and "No network" not in text
    assert "No network but those of files is trained" in run("elements", *names[:2], "--random", "--size", 64).stdout


@pytest.mark.slow
def test_difference_maps_are_drawn_of_a_file(tmp_path: Path) -> None:
    Image.radial_gradient("L").convert("RGB").save(tmp_path / "i.png")
    output = tmp_path / "maps.png"
    result = run(
        "difference-maps", tmp_path / "i.png", "-o", output, "--network", "b_1/metric.safetensors", "--size", 64
    )
    assert result.exit_code == 0, result.output
    assert "b_1/metric.safetensors: trained convolutions, made" in result.stderr
    assert output.stat().st_size > 10_000

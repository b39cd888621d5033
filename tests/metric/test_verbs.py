"""The verbs `distance`, `metrics` and `score`."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

import shift_study
from metric.extra import INSTALL, how_to_install
from metric.loading import load_metric
from metric.pixels import read_image
from metric.registry import METRICS

_PAIRS = [f"{image}_n-{shift_px}" for image in ("00000", "00001") for shift_px in (0, 1, 3)]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(argument) for argument in arguments])


@dataclass(frozen=True)
class _JndMap:
    jnd_map: float
    n_pairs: int
    ties: str


class _Judgments:
    """Judgments whose score shows which distances they were asked about."""

    note = "Nobody answered."
    simulated: ClassVar[Mapping[str, int]] = {"responses": 9, "simulated": 9, "not_known": 0}

    def __init__(self, pairs: list[str]) -> None:
        self.pairs = pairs

    def jnd_map(self, distances: Mapping[str, float], *, ties: str, min_responses: int) -> _JndMap:
        return _JndMap(sum(distances[pair] > 0 for pair in self.pairs) / 10, len(self.pairs) - min_responses + 3, ties)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pairs that every source says were judged; a test may change them."""
    pairs = ["00001_n-3", "00000_n-0", "00000_n-1"]
    monkeypatch.setattr(shift_study.Doors, "judgments", lambda self, source: _Judgments(pairs))
    return pairs


def test_the_verbs_load_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "PIL", "torchmetrics", "stlpips_pytorch"}
    code = f"import sys, metric.verbs, metric; print({heavy!r} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@pytest.mark.slow
def test_the_published_code_is_not_imported(study_folder: Path) -> None:
    code = (
        "import sys; from metric.loading import load_metric; load_metric('stlpips-alex'); "
        "print([name for name in sys.modules if name.startswith('stlpips')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_metrics_are_listed_without_the_extra() -> None:
    code = "import sys; sys.modules['torch'] = None; import shift_study; shift_study.main(['metrics'])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rows = found.stdout.split("\n\n")[0].splitlines()[1:]
    assert [row.split()[0] for row in rows] == list(METRICS)
    assert f'torch is not installed; it comes with the extra "metric": {INSTALL}' in found.stdout


def test_the_list_of_metrics_fits_a_wide_terminal() -> None:
    listed = run("metrics").output
    assert max(map(len, listed.splitlines())) <= 150
    assert all(spec.summary in listed for spec in METRICS.values())


def test_all_that_is_known_of_one_metric() -> None:
    sheet = run("metrics", "lpips-squeeze").output
    for said in (
        "Zhang et al. 2018, Eq. 1",
        "17 × 17 pixels",
        "weights: linear",
        "squeeze.pth",
        "lower is more similar",
    ):
        assert said in sheet
    assert json.loads(run("metrics", "psnr", "--json").output)["lower_is_more_similar"] is False
    refused = run("metrics", "lpps")
    assert refused.exit_code == 1
    assert 'There is no metric "lpps"' in refused.output


def test_what_is_missing_is_said_with_where_it_is_published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("SHIFT_STUDY_CACHE", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    listed = run("metrics").output
    assert "missing: backbone" in listed
    said = " ".join(listed.split("Not available here:")[1].split())
    assert "--weights lpips-squeeze:backbone=FILE" in said
    assert "--download" in said
    assert "github.com/prashnani/PerceptualImageError" in said


@pytest.mark.parametrize("verb", ["distance", "metrics", "score"])
def test_help_shows_an_example(verb: str) -> None:
    assert f"shift-study {verb} " in run(verb, "--help").output.split("Options:")[0].split("Example")[1]


def test_metrics_lists_every_metric() -> None:
    result = run("metrics")
    assert result.exit_code == 0
    rows = result.output.split("\n\n")[0].splitlines()[1:]
    assert [row.split()[0] for row in rows] == list(METRICS)
    listed = json.loads(run("metrics", "--json").output)["metrics"]
    assert [metric["metric"] for metric in listed] == list(METRICS)
    alex = listed[0]
    (weights,) = alex["weights"]
    assert weights["licence"] == "BSD-2-Clause"
    assert weights["path"].endswith("alex_shift_tolerant.pth")
    assert alex["available"] is alex["deterministic"] is alex["lower_is_more_similar"] is True


def test_distance_prints_a_figure(study_folder: Path) -> None:
    files = [study_folder / "stimuli" / name for name in ("00000_0.png", "00000_3.png")]
    expected = load_metric("stlpips-alex")(*(read_image(file) for file in files)).item()
    result = run("distance", *files, "--device", "cpu")
    assert result.exit_code == 0
    assert result.output == f"stlpips-alex  {expected!r}\n"
    found = json.loads(run("distance", *files, "--metric", "ssim", "--json").stdout)
    assert found["metric"] == "ssim"
    assert 0 < found["distance"] < 1
    same = json.loads(run("distance", files[0], files[0], "--json").stdout)
    assert same["distance"] == 0.0


def test_distance_takes_a_precision(photographs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / "reference.png", tmp_path / "image.png"]
    for file, left in zip(files, (70, 75), strict=True):
        Image.fromarray(photographs["coffee"][90:154, left : left + 64]).save(file)
    arguments = ("distance", *files, "--device", "cpu", "--json")
    exact = json.loads(run(*arguments).stdout)
    assert exact["computed_in"] == "float32"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {})
    replaced = run(*arguments, "--precision", "bfloat16")
    assert "as this processor has no bfloat16" in replaced.stderr
    assert json.loads(replaced.stdout)["computed_in"].startswith("float32, as this")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})  # computed, if slowly
    coarse = json.loads(run(*arguments, "--precision", "bfloat16").stdout)
    assert coarse["computed_in"] == "bfloat16"
    assert coarse["distance"] == pytest.approx(exact["distance"], rel=0.03)
    assert coarse["distance"] != pytest.approx(exact["distance"], rel=1e-5)
    refused = run(*arguments, "--metric", "ssim", "--precision", "bfloat16")
    assert refused.exit_code == 1
    assert "ssim has no precision but float32; ask for no other" in refused.stderr


def test_score_prints_the_agreement_of_each_metric(study_folder: Path, judged: list[str]) -> None:
    result = run("score", study_folder, "--metric", "stlpips-alex", "--metric", "ssim", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [row["metric"] for row in found["metrics"]] == ["stlpips-alex", "ssim"]
    for row in found["metrics"]:
        assert (row["jnd_map"], row["n_pairs"], row["ties"], row["n_scored"]) == (0.2, 3, "expected", 3)
        assert row["pairs_per_second"] == row["n_scored"] / row["seconds"]
    table = run("score", study_folder, "--metric", "ssim").stdout.splitlines()
    assert table[0].split() == ["metric", "JND", "mAP", "pairs", "ranked", "pairs", "scored", "pairs/s"]
    assert table[1].split()[:4] == ["ssim", "0.200", "3", "3"]
    assert table[-2] == "Ranked: pairs with at least 3 accepted responses. Ties: expected."
    fewer = run("score", study_folder, "--metric", "ssim", "--min-responses", "2").stdout.splitlines()
    assert fewer[1].split()[:4] == ["ssim", "0.200", "4", "3"]
    assert fewer[-2] == "Ranked: pairs with at least 2 accepted responses. Ties: expected."


def test_score_says_whose_judgments_they_are(study_folder: Path, judged: list[str]) -> None:
    assert run("score", study_folder, "--metric", "l2").stdout.splitlines()[-1] == "Nobody answered."
    assert json.loads(run("score", study_folder, "--metric", "l2", "--json").stdout)["simulated"]["simulated"] == 9


def test_score_writes_one_file_of_distances_a_metric(study_folder: Path, judged: list[str], tmp_path: Path) -> None:
    output = tmp_path / "distances.csv"
    assert run("score", study_folder, "--metric", "l2", "-o", output).exit_code == 0
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["pair"] for row in rows] == ["00000_n-0", "00000_n-1", "00001_n-3"]
    images = [read_image(study_folder / "stimuli" / name) for name in ("00000_0.png", "00000_1.png")]
    assert float(rows[1]["distance"]) == load_metric("l2")(*(image.double() for image in images)).item()

    result = run("score", study_folder, "--metric", "l2", "--metric", "ssim", "-o", output, "--json")
    files = json.loads(result.stdout)["files"]
    assert files == {name: str(tmp_path / f"distances-{name}.csv") for name in ("l2", "ssim")}
    assert Path(files["l2"]).read_bytes() == output.read_bytes()


def test_score_takes_images_from_elsewhere(study_folder: Path, judged: list[str]) -> None:
    result = run("score", "ghildyal2022", "--stimuli", study_folder, "--metric", "l2", "--json")
    assert json.loads(result.stdout)["metrics"][0]["n_pairs"] == 3


def test_all_pairs_needs_no_responses(study_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: object, source: str) -> Any:
        raise ValueError("The study has no responses.")

    monkeypatch.setattr(shift_study.Doors, "judgments", none)
    result = run("score", study_folder, "--metric", "l2", "--all-pairs", "--json")
    assert result.exit_code == 0, result.output
    row = json.loads(result.stdout)["metrics"][0]
    assert (row["jnd_map"], row["n_pairs"], row["n_scored"]) == (None, None, 6)
    assert "No JND mAP: The study has no responses." in result.stderr


def test_all_pairs_ranks_those_that_were_judged(study_folder: Path, judged: list[str]) -> None:
    result = run("score", study_folder, "--metric", "l2", "--all-pairs", "--json")
    row = json.loads(result.stdout)["metrics"][0]
    assert (row["n_pairs"], row["n_scored"]) == (3, 6)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--metric", "lpps"), 'no metric "lpps"; do you mean '),
        (("--metric", "l2", "--metric", "l2"), '"l2" is named twice'),
        (("--metric", "l2", "--device", "tpu"), 'no device "tpu"; use auto, cpu'),
        (("--metric", "l2", "--device", "cuda:99"), 'device "cuda:99" is not available'),
        (("--metric", "l2", "--stimuli", "no-such-folder"), "no manifest.csv in no-such-folder"),
        (("--metric", "l2", "-o", "no-such-folder/d.csv"), "no folder no-such-folder to write d.csv into"),
    ],
)
def test_score_refuses_bad_input(
    arguments: tuple[str, ...], sentence: str, study_folder: Path, judged: list[str]
) -> None:
    result = run("score", study_folder, *arguments)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_score_refuses_sources_that_do_not_fit(study_folder: Path, judged: list[str]) -> None:
    result = run("score", "responses.csv", "--metric", "l2")
    assert result.exit_code == 1
    assert "name the one that has its images with --stimuli DIR" in result.stderr
    judged[:] = ["00077_n-1"]
    assert '"00077_n-1" is judged but not in the manifest' in run("score", study_folder, "--metric", "l2").stderr
    judged[:] = []
    assert "has no accepted responses" in run("score", study_folder, "--metric", "l2").stderr


def test_distance_refuses_bad_input(study_folder: Path, tmp_path: Path) -> None:
    good = study_folder / "stimuli" / "00000_0.png"
    Image.new("RGB", (32, 31)).save(tmp_path / "other.png")
    Image.new("RGB", (16, 16)).save(tmp_path / "small.png")
    (tmp_path / "text.png").write_text("no image")
    for arguments, sentence in [
        ((good, tmp_path / "gone.png"), "There is no image"),
        ((good, tmp_path / "text.png"), "is not a PNG, JPEG, TIFF, BMP or WebP image"),
        ((good, tmp_path / "other.png"), "has 32 × 32 pixels and the image 32 × 31; crop them"),
        ((tmp_path / "small.png", tmp_path / "small.png"), "too small for stlpips-alex"),
        ((good, good, "--metric", "lpips"), 'no metric "lpips"; do you mean lpips-l2 or'),
        ((good, good, "--device", "cuda:"), 'no device "cuda:"'),
    ]:
        result = run("distance", *arguments)
        assert result.exit_code == 1
        assert sentence in result.stderr
    assert run("distance", good).exit_code == 2


def test_the_extra_is_installed_by_make_where_make_installed_the_rest(tmp_path: Path) -> None:
    package, environment = '"shift-study[metric]"', str(tmp_path / ".venv")
    by_pip = f"pip install {package}"
    # In site-packages nothing lies beside the package but other packages.
    assert how_to_install(package, environment=environment, checkout=tmp_path) == by_pip
    (tmp_path / "Makefile").touch()
    assert how_to_install(package, environment=environment, checkout=tmp_path) == "make metric"
    assert how_to_install(package, environment=str(tmp_path / "elsewhere"), checkout=tmp_path) == by_pip
    assert INSTALL in (by_pip, "make metric")


@pytest.mark.parametrize("verb", [("distance", "a.png", "b.png"), ("score", "my-study", "--metric", "ssim")])
def test_a_missing_extra_is_said_in_one_sentence(verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    result = run(*verb)
    assert result.exit_code == 1
    expected = f'Error: `shift-study {verb[0]}` needs the extra "metric": {INSTALL}\n'
    assert result.stderr == expected


@pytest.mark.parametrize("name", ["pyiqa:ssim", "my_metrics:f"])
def test_what_needs_torch_to_be_known_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    result = run("metrics", name)
    assert result.exit_code == 1
    assert result.stderr == f'Error: {name} needs the extra "metric": {INSTALL}\n'


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.slow
def test_a_gpu_agrees_with_the_cpu(crop_pair: Any) -> None:
    for name in METRICS:
        pair = crop_pair("coffee", 3, 256, 256)
        with torch.inference_mode():
            expected = load_metric(name)(*pair).item()
            found = load_metric(name, "cuda")(*(image.cuda() for image in pair)).item()
        assert found == pytest.approx(expected, rel=1e-4)

"""`compare` through the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import shift_study

pytestmark = pytest.mark.usefixtures("rough_ceilings")

Run = Callable[..., Result]
FEW = ("--replicates", "200", "--permutations", "100")


@pytest.fixture
def run() -> Run:
    return lambda *arguments: CliRunner().invoke(shift_study.main, ["compare", *map(str, arguments)])


def test_a_table_and_sentences(run: Run, pim1_distances: Path, tmp_path: Path) -> None:
    figure = tmp_path / "map.png"
    result = run("ghildyal2022", "--distances", f"pim1={pim1_distances}", "--figure", figure, *FEW)
    assert result.exit_code == 0
    assert "301 pairs of 50 images of 50 photographs, 1,158 answers" in result.stdout
    assert re.search(r"^pim1 +0\.097 .*0\.7745", result.stdout, re.MULTILINE)
    assert re.search(r"^pixel shift +0\.000 +0\.7739", result.stdout, re.MULTILINE)
    assert "Whether pim1 knows anything beyond the shift cannot be told with these data" in result.stdout
    assert "pim1 and pixel shift are equivalent in JND mAP: within ±0.01" in result.stdout
    assert "who are not known" in result.stdout
    assert figure.stat().st_size > 1000


def test_json_of_one_of_several_metrics(run: Run, pim1_distances: Path, tmp_path: Path) -> None:
    lines = pim1_distances.read_text().splitlines()[1:]
    path = tmp_path / "two.csv"
    path.write_text(
        "metric,pair,distance\n"
        + "".join(f"pim1,{line}\n" for line in lines)
        + "".join(f"short,{line}\n" for line in lines[:5])
    )
    result = run("ghildyal2022", "--distances", path, "--metric", "pim1", "--json", *FEW)
    figures = json.loads(result.stdout)
    assert [metric["name"] for metric in figures["metrics"]] == ["pim1"]
    assert figures["metrics"][0]["jnd_map"]["estimate"] == pytest.approx(0.7745365, abs=5e-8)
    assert figures["left_out"] == {}
    assert [one["outcome"] for one in figures["comparisons"]] == ["concordance", "jnd_map"]
    assert "partial_kendall" not in figures["metrics"][0]
    both = json.loads(run("ghildyal2022", "--distances", path, "--json", *FEW).stdout)
    assert both["metrics"] == figures["metrics"]
    assert "short is left out" in both["left_out"]["short"]


@pytest.mark.slow
def test_without_distances_it_says_what_to_hold_metrics_against(run: Run) -> None:
    result = run("ghildyal2022", *FEW)
    assert result.exit_code == 0
    assert "noise ceiling" in result.stdout
    assert "Headroom above the shift: 0.0" in result.stdout


def test_an_unknown_metric_is_said(run: Run, pim1_distances: Path) -> None:
    result = run("ghildyal2022", "--distances", pim1_distances, "--metric", "ssim")
    assert result.exit_code == 1
    assert "The distances hold no metric ssim; they hold pim1_distances." in result.stderr
    assert "give some with --distances" in run("ghildyal2022", "--metric", "ssim").stderr


def test_a_figure_of_another_kind_is_refused_before_anything_is_computed(run: Run) -> None:
    result = run("ghildyal2022", "--figure", "map.gif")
    assert result.exit_code == 1
    assert "map.gif" in result.stderr


@pytest.mark.slow
def test_a_file_that_holds_what_it_cannot_is_left_out_and_the_others_are_compared(
    run: Run, pim1_distances: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("pair,distance\n00007_n-3,abc\n", encoding="utf-8")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    bad = [part for name in ("bad", "empty") for part in ("--distances", str(tmp_path / f"{name}.csv"))]
    result = run("ghildyal2022", *bad, "--distances", f"pim1={pim1_distances}", "--json", *FEW)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert [metric["name"] for metric in found["metrics"]] == ["pim1"]
    assert [sentence.partition(" is left out: ")[0] for sentence in found["left_out"].values()] == [
        "bad.csv",
        "empty.csv",
    ]
    alone = run("ghildyal2022", *bad, "--json", *FEW)
    assert alone.exit_code == 1
    assert json.loads(alone.stdout)["floor"]["estimate"] == pytest.approx(0.429, abs=0.005)
    assert "None of the metrics could be compared: bad.csv is left out: " in alone.stderr

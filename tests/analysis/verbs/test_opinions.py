"""The verb `opinions`: text, JSON, CSV, LaTeX, a figure, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy.stats import spearmanr

import shift_study
from analysis.opinions.opinion_agreement import OpinionAgreement
from made_opinions import made_opinions, write_distances, write_scores


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(one) for one in arguments])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Scores, and distances of a metric that knows them well and of one that hardly does."""
    opinions, truth = made_opinions()
    generator = np.random.default_rng(0)
    good, bad = (np.exp(-truth + noise * generator.normal(size=len(truth))) for noise in (0.3, 2.0))
    return (
        write_scores(tmp_path / "scores.csv", opinions),
        write_distances(tmp_path / "good.csv", opinions, good),
        write_distances(tmp_path / "bad.csv", opinions, bad),
    )


def test_all_forms_have_the_same_figures(files: tuple[Path, Path, Path]) -> None:
    scores, good, bad = files
    arguments = ("opinions", scores, "--distances", good, "--distances", f"b_d={bad}", "--replicates", 200)
    text, as_json, as_csv, as_latex = (run(*arguments, *form) for form in ((), ("--json",), ("--csv",), ("--latex",)))
    found = OpinionAgreement.from_json(json.loads(as_json.stdout))
    assert [one.name for one in found.metrics] == ["good", "b_d"]
    opinions, truth = made_opinions()
    values = np.exp(-truth + 0.3 * np.random.default_rng(0).normal(size=len(truth)))
    assert found.metrics[0].srcc.estimate == pytest.approx(spearmanr(values, -opinions.score).statistic)
    rows = list(csv.DictReader(as_csv.stdout.splitlines()))
    assert [row["metric"] for row in rows] == ["good", "b_d", "noise ceiling"]
    assert float(rows[0]["krcc_low"]) == found.metrics[0].krcc.low
    assert f"{found.metrics[0].plcc.estimate:.3f}" in text.stdout
    assert "good is better (+" in text.stdout
    assert "good is better (−" in text.stdout  # RMSE
    assert "-" not in text.stdout.replace("τ-b", "")
    assert "noise ceiling" in text.stdout
    assert r"b\_d & " in as_latex.stdout
    assert r"\toprule" in as_latex.stdout


@pytest.mark.slow
def test_a_figure_is_drawn(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    figure = tmp_path / "srcc.svg"
    called = r"runs/$a_^$\_m.safetensors"  # what would be a formula, and a bad one, in a label
    result = run("opinions", files[0], "--distances", f"{called}={files[1]}", "--replicates", 200, "--figure", figure)
    assert result.exit_code == 0, result.output
    assert called in figure.read_text(encoding="utf-8")
    assert figure.read_text(encoding="utf-8").startswith("<?xml")
    refused = run("opinions", files[0], "--distances", files[1], "--figure", tmp_path / "srcc.gif")
    assert "does not say a format of a figure" in refused.output


def test_of_many_metrics_the_text_says_the_comparisons_of_srcc(files: tuple[Path, Path, Path]) -> None:
    scores, good, bad = files
    named = [part for number in range(4) for part in ("--distances", f"m{number}={(good, bad)[number % 2]}")]
    text = run("opinions", scores, *named, "--replicates", 300).stdout
    assert text.count(" in SRCC: ") == 6
    assert " in KRCC: " not in text
    assert "Those of KRCC, PLCC and RMSE are in the JSON form" in text


def test_scores_alone_give_the_ceiling(files: tuple[Path, Path, Path]) -> None:
    result = run("opinions", files[0], "--replicates", 200)
    assert result.exit_code == 0
    assert "noise ceiling" in result.stdout


def test_a_figure_of_no_metric_is_refused(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    result = run("opinions", files[0], "--figure", tmp_path / "srcc.svg")
    assert result.exit_code == 2
    assert "--figure shows metrics, but none is given; add one with --distances" in " ".join(result.output.split())


def test_metrics_that_are_all_unusable_end_with_a_sentence(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("reference,image,distance\nr00.png,r00_0.png,1\n", encoding="utf-8")
    result = run("opinions", files[0], "--distances", tmp_path / "short.csv", "--replicates", 200)
    assert result.exit_code == 1
    assert "None of the metrics could be used: short is left out: it has no distance for 119 of 120" in result.output


def test_higher_is_worse_turns_the_correlations(files: tuple[Path, Path, Path]) -> None:
    scores, good, _ = files
    result = run("opinions", scores, "--distances", good, "--higher-is-worse", "--replicates", 200, "--json")
    assert json.loads(result.stdout)["metrics"][0]["srcc"]["estimate"] < -0.8
    assert "orders the images against people" in json.loads(result.stdout)["notes"][-1]

"""`bapps table` and `clic table` through the command line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import shift_study
from analysis.triplets.paper import PAPER_ROWS
from made_triplets import made_triplets, plain_flips, plain_two_afc
from metric.networks.configurations import CONFIGURATIONS
from metric.registry import METRICS

SAMPLES = Path(__file__).parents[2] / "data" / "ghildyal2022" / "bapps_val_alex_shift_tolerant_every_100th.csv"

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    return lambda *arguments: CliRunner().invoke(shift_study.main, [*map(str, arguments), "--replicates", "400"])


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "made.parquet"
    made_triplets(("l2", "mine")).assign(size_px=64).to_parquet(path, index=False)
    return path


@pytest.fixture
def clic(tmp_path: Path) -> Path:
    path = tmp_path / "clic.csv"
    table = made_triplets(("dists", "mine"), counts=(120,), categories=("clic",), votes=1, references=6)
    table.assign(set="clic", size_px=None, schema="shift-study/triplet-scores/1").to_csv(path, index=False)
    return path


def test_the_published_samples_beside_the_paper(run: Run) -> None:
    result = run("bapps", "table", f"stlpips-alex={SAMPLES}", "--size", 64)
    assert result.exit_code == 0
    assert "364 triplets of BAPPS in 6 categories; images resized to 64 px; people's votes, 5 on each" in result.stdout
    assert re.search(
        r"^stlpips-alex +71\.14 \(6\d\.\d+ to 7\d\.\d+\) +2\.28 \(\d\.\d+ to \d\.\d+\)$", result.stdout, re.M
    )
    assert re.search(r"^  paper, Table 2 +69\.83 +3\.48 +4\.75 +6\.84$", result.stdout, re.M)
    assert re.search(r"^PIM-1 +69\.45 +1\.63 +3\.06 +4\.39$", result.stdout, re.M)
    assert re.search(r"^chance +50\.00$", result.stdout, re.M)
    assert re.search(r"^best answers to these votes +8\d\.\d\d \(", result.stdout, re.M)
    assert "LPIPS (Alex) ours" not in result.stdout  # it stands beside
    assert re.search(r"^2AFC, % +cnn +color +deblur +frameinterp +superres +traditional$", result.stdout, re.M)
    assert "these of 364." in result.stdout
    assert "--metric l2 --metric ssim" in result.stdout


def test_a_file_that_does_not_say_its_size_has_both_tables_beside(run: Run) -> None:
    text = run("bapps", "table", SAMPLES).stdout
    assert "The paper's Table 2 (64 px)" in text
    assert "The paper's Table 3 (256 px)" in text
    assert "say it with --size 64 or --size 256" in text
    assert "Table 2" not in run("bapps", "table", SAMPLES, "--size", 256).stdout
    assert "The paper has no table of bapps at 128 px" in run("bapps", "table", SAMPLES, "--size", 128).stdout


def test_json_has_the_figures_of_each_metric(run: Run, made: Path) -> None:
    figures = json.loads(run("bapps", "table", made, "--json", "--shifts", "1,3").stdout)
    rows = made_triplets(("l2", "mine"))
    for metric in figures["metrics"]:
        here = rows[rows["metric"] == metric["name"]]
        assert metric["two_afc"] == pytest.approx(plain_two_afc(here), abs=1e-10)
        assert metric["rank_flip_rate"] == {
            str(shift): pytest.approx(plain_flips(here, shift)[0], abs=1e-10) for shift in (1, 3)
        }
        assert metric["two_afc_interval"]["low"] < metric["two_afc"] < metric["two_afc_interval"]["high"]
    assert [metric["name"] for metric in figures["metrics"]] == ["l2", "mine"]
    assert [one["p_holm"] is None for one in figures["comparisons"]] == [False] * 3
    assert figures["chance"] == 50


def test_csv_has_a_line_for_each_figure(run: Run, made: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("bapps", "table", made, "--csv").stdout)))
    ours = [row for row in rows if row["source"] == "here" and row["metric"] == "mine" and row["category"] == "cnn"]
    assert [(row["outcome"], row["shift_px"]) for row in ours] == [
        ("two_afc", ""),
        *(("rank_flip_rate", str(shift)) for shift in (1, 2, 3)),
    ]
    assert all(float(row["low"]) <= float(row["estimate"]) <= float(row["high"]) for row in ours)
    (paper,) = [r for r in rows if (r["source"], r["metric"], r["shift_px"]) == ("paper, Table 2", "SSIM", "2")]
    assert (paper["outcome"], float(paper["estimate"])) == ("rank_flip_rate", 25.50)
    assert [row["metric"] for row in rows if row["source"] == "people"] == [
        "best_answers",
        "majority_of_others",
        "one_person",
        "one_person_plug_in",
    ]


def test_latex_is_a_whole_tabular(run: Run, made: Path) -> None:
    text = run("bapps", "table", made, "--latex").stdout
    assert text.startswith("% needs \\usepackage{booktabs}\n\\begin{tabular}{lrrrr}\n\\toprule\n")
    assert text.endswith("\\bottomrule\n\\end{tabular}\n")
    body = [line for line in text.splitlines() if " & " in line and "multicolumn" not in line]
    assert {line.count("&") for line in body} == {4}
    assert "\\quad paper, Table 2 & 62.91 & 12.27 & 23.07 & 28.83 \\\\" in body
    assert "2AFC, \\%" in text
    named = run("bapps", "table", f"a_metric={SAMPLES}", "--size", 128, "--latex").stdout
    assert "a\\_metric & 71.14 {\\scriptsize [" in named


def test_clic_gives_accuracy_and_numbers_of_flips(run: Run, clic: Path) -> None:
    rows = made_triplets(("dists", "mine"), counts=(120,), categories=("clic",), votes=1, references=6)
    figures = json.loads(run("clic", "table", clic, "--json").stdout)
    for metric in figures["metrics"]:
        here = rows[rows["metric"] == metric["name"]]
        assert metric["two_afc"] == pytest.approx(plain_two_afc(here), abs=1e-10)
        assert metric["rank_flips"] == {str(shift): plain_flips(here, shift)[1] for shift in (1, 2, 3)}
    assert figures["clusters"] == "references"
    text = run("clic", "table", clic).stdout
    assert "120 triplets of CLIC; images of their own size; people's votes, 1 on each" in text
    assert re.search(r"^ +Accuracy, % +Rank flips: 1 px +2 px +3 px$", text, re.M)
    assert re.search(r"^  paper, Table 4 +75\.63 +28 +36 +50$", text, re.M)
    assert re.search(r"^L2 +58\.16 +833 +2,102 +2,214$", text, re.M)
    number = metric["rank_flips"]["1"]
    assert re.search(rf"^mine +\d\d\.\d\d \(.*\) +{number} \(\d+ to \d+\)", text, re.M)
    assert "over 20 references, 400 draws" in text
    assert "needs two votes or more" in text
    assert "best answers" not in text
    latex = run("clic", "table", clic, "--latex").stdout
    assert "No.\\ of rank flips" in latex


def test_votes_that_are_not_peoples_are_said_not_to_be(run: Run, tmp_path: Path) -> None:
    made_triplets(("ssim",)).assign(votes="distortion strength").to_csv(tmp_path / "made.csv", index=False)
    text = run("bapps", "table", tmp_path / "made.csv").stdout
    assert "The votes are not people's (distortion strength)" in text
    assert "triplets of a set of BAPPS's layout" in text
    assert "votes by a rule" in text
    assert "paper" not in text


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["bapps", "table", SAMPLES, "--json", "--csv"], 2, "give one of them"),
        (["bapps", "table", SAMPLES, "--shifts", "0,1"], 2, "give whole pixels from 1"),
        (["bapps", "table", SAMPLES, "--shifts", "one"], 2, "give whole pixels from 1"),
        (["bapps", "table", SAMPLES, "--shifts", "2"], 1, "has no distances at a shift of 2 px; score it"),
        (["clic", "table", SAMPLES], 1, "holds scores of bapps, not of clic; see them with shift-study bapps table"),
        (["bapps", "table", SAMPLES, "--votes-each", "4"], 1, "cannot be of 4 votes; give another number of votes"),
        (["bapps", "table"], 2, "Missing argument 'FILES...'"),
        (["bapps", "table", SAMPLES, SAMPLES], 1, "both hold scores of bapps_val_alex_shift_tolerant_every_100th"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, arguments: list[str], code: int, says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert says in " ".join(result.output.split())


def test_rows_of_the_paper_are_named_as_the_metrics_are() -> None:
    assert {name for row in PAPER_ROWS for name in row.metrics} <= set(METRICS)
    for number in (2, 3, 4):
        names = [name for row in PAPER_ROWS if row.table == number for name in row.metrics]
        assert len(names) == len(set(names))


def test_figures_of_the_paper_are_those_of_its_ablation_studies() -> None:
    """Networks that stand in Tables 3 and 5, which were copied apart."""
    known = [c.published for c in CONFIGURATIONS.values() if c.published]
    table3 = {row.metrics: (row.two_afc, tuple(row.rank_flip_rate.values())) for row in PAPER_ROWS if row.table == 3}
    published = [(figures.two_afc, figures.rank_flip_rate) for figures in known]
    assert table3["vanilla-alex",] in published
    assert table3["stlpips-alex",] in published

"""The page of metrics against all sets of judgments: its figures, its files, and what it refuses."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import shift_study
from analysis.report.judgment_sets import provenance
from made_opinions import made_opinions, write_distances, write_scores

PIM = Path(__file__).parents[2] / "data" / "ghildyal2022" / "pim1_distances.csv"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(one) for one in arguments])


@pytest.fixture
def opinions(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Scores, distances of a good metric and of a bad one."""
    made, truth = made_opinions()
    generator = np.random.default_rng(0)
    good, bad = (np.exp(-truth + noise * generator.normal(size=len(truth))) for noise in (0.3, 2.0))
    return (
        write_scores(tmp_path / "scores.csv", made),
        write_distances(tmp_path / "good.csv", made, good),
        write_distances(tmp_path / "bad.csv", made, bad),
    )


@pytest.fixture
def triplets(tmp_path: Path) -> Path:
    """Triplets of two categories, five votes each, under a metric that mostly goes with them, and flips in a tenth."""
    generator = np.random.default_rng(1)
    lines = ["metric,category,sample,judge,d0,d1,d0_n0,d1_n0,d0_n1,d1_n1"]
    for number in range(200):
        votes = generator.integers(0, 6)
        d0, d1 = (0.2, 0.1) if (votes > 2) != (generator.random() < 0.2) else (0.1, 0.2)
        shifted = f"{d1},{d0}" if number % 10 == 0 else f"{d0},{d1}"
        lines.append(f"good,{'ab'[number % 2]},s{number},{votes / 5},{d0},{d1},{d0},{d1},{shifted}")
    path = tmp_path / "triplets.csv"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


class _Addresses(HTMLParser):
    """What a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]


@pytest.mark.slow
def test_all_three_kinds_stand_on_one_page_with_the_figures_of_their_own_verbs(
    opinions: tuple[Path, Path, Path], triplets: Path, tmp_path: Path
) -> None:
    scores, good, bad = opinions
    page = tmp_path / "card"
    draws = ("--replicates", 500)
    arguments = (
        *("scorecard", "-o", page, "--no-pdf", *draws, "--study", "ghildyal2022", "--distances", f"good={PIM}"),
        *("--triplets", triplets, "--opinions", scores, "--opinion-distances", good, "--opinion-distances", bad),
    )
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["metrics"] == ["good", "bad"]
    by = {(one["judgments"], one["figure"]): one for one in found["columns"]}
    assert list(by) == [
        ("Same–different", "γ within shifts"),
        ("Same–different", "JND mAP"),
        ("Triplets, BAPPS", "2AFC, %"),
        ("Triplets, BAPPS", "flips at 1 px, %"),
        ("Opinions, scores", "SRCC"),
        ("Opinions, scores", "PLCC"),
    ]
    compared = json.loads(run("compare", "ghildyal2022", "--distances", f"good={PIM}", *draws, "--json").stdout)
    assert by["Same–different", "JND mAP"]["values"]["good"] == compared["metrics"][0]["jnd_map"]
    assert by["Same–different", "γ within shifts"]["ceiling_high"] == compared["ceiling"]["concordance"]["estimate"]
    table = json.loads(run("bapps", "table", triplets, *draws, "--json").stdout)
    assert by["Triplets, BAPPS", "2AFC, %"]["values"]["good"]["estimate"] == table["metrics"][0]["two_afc"]
    people = table["ceiling"]
    assert by["Triplets, BAPPS", "2AFC, %"]["ceiling_low"] == people["majority_of_others"]["estimate"]
    assert by["Triplets, BAPPS", "2AFC, %"]["ceiling_high"] == people["best_answers"]["estimate"]
    assert by["Triplets, BAPPS", "flips at 1 px, %"]["values"]["good"]["estimate"] == pytest.approx(10)
    agreed = json.loads(run("opinions", scores, "--distances", bad, *draws, "--json").stdout)
    assert by["Opinions, scores", "PLCC"]["values"]["bad"] == agreed["metrics"][0]["plcc"]
    assert by["Opinions, scores", "SRCC"]["ceiling_low"] == agreed["ceiling"]["srcc"]["estimate"]
    assert "bad" not in by["Same–different", "JND mAP"]["values"]

    html = (page / "report.html").read_text(encoding="utf-8")
    loads = _Addresses()
    loads.feed(html)
    assert loads.found
    assert all(address.startswith(("#", "data:image/svg+xml")) for address in loads.found)
    with (page / "tables" / "scorecard.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert r"\toprule" in (page / "tables" / "scorecard.tex").read_text(encoding="utf-8")
    assert json.loads((page / "results.json").read_text(encoding="utf-8"))["results"]["scorecard"]["metrics"]
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert "is not empty" in refused.output


@pytest.mark.slow
def test_sets_may_be_left_out_and_a_metric_may_be_spread_over_files(
    opinions: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    scores, good, _ = opinions
    lines = good.read_text(encoding="utf-8").splitlines()
    halves = [tmp_path / "one.csv", tmp_path / "two.csv"]
    for path, part in zip(halves, (lines[1:60], lines[60:]), strict=True):
        path.write_text("\n".join([lines[0], *part, ""]), encoding="utf-8")
    arguments = ["scorecard", "-o", tmp_path / "card", "--no-pdf", "--opinions", scores, "--replicates", 100]
    for path in halves:
        arguments += ["--opinion-distances", f"good={path}"]
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "1 metric on 1 set of judgments" in result.stdout
    again = run(*arguments, "--force", "--opinion-distances", f"good={halves[0]}")
    assert "gives good a second distance for r00_0.png of r00.png; leave out one of the files" in again.output


@pytest.mark.slow
def test_a_metric_that_has_no_distance_for_any_image_is_said_to_be_left_out(
    opinions: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    scores, good, bad = opinions
    bad.write_text(bad.read_text(encoding="utf-8").replace(".png", ".PNG"), encoding="utf-8")
    distances = ("--opinion-distances", good, "--opinion-distances", bad)
    page = tmp_path / "card"
    result = run("scorecard", "-o", page, "--no-pdf", "--replicates", 100, "--opinions", scores, *distances)
    assert result.exit_code == 0, result.output
    said = "bad is left out: it has no distance for any image with a score, but for r00_0.PNG of r00.PNG; name images"
    assert said in result.stdout
    assert said in (page / "report.html").read_text(encoding="utf-8")
    assert "1 metric on 1 set" in result.stdout


@pytest.mark.slow
def test_two_files_of_opinions_with_one_name_are_two_sets(opinions: tuple[Path, Path, Path], tmp_path: Path) -> None:
    scores, good, _ = opinions
    again = tmp_path / "again" / "scores.csv"
    again.parent.mkdir()
    again.write_bytes(scores.read_bytes())
    files = ("--opinions", scores, "--opinions", again, "--opinion-distances", good)
    page = tmp_path / "card"
    result = run("scorecard", "-o", page, "--no-pdf", "--replicates", 100, *files, "--json")
    assert result.exit_code == 0, result.output
    judgments = [one["judgments"] for one in json.loads(result.stdout)["columns"]]
    assert judgments[::2] == [f"Opinions, scores in {tmp_path}", f"Opinions, scores in {again.parent}"]
    assert "against 2 sets of judgments" in (page / "report.html").read_text(encoding="utf-8")


def test_votes_that_are_not_peoples_are_nowhere_called_so(triplets: Path, tmp_path: Path) -> None:
    lines = triplets.read_text(encoding="utf-8").splitlines()
    triplets.write_text("\n".join([f"votes,{lines[0]}", *(f"rule: ssim,{line}" for line in lines[1:]), ""]), "utf-8")
    page = tmp_path / "card"
    result = run("scorecard", "-o", page, "--no-pdf", "--replicates", 100, "--triplets", triplets)
    assert result.exit_code == 0, result.output
    html = (page / "report.html").read_text(encoding="utf-8")
    assert "<title>Metrics against judgments</title>" in html
    assert "against 1 set of judgments: Triplets, BAPPS (votes not human)" in html
    assert "majority of the other voters" in html
    assert "judgments of people" not in html
    assert "share of people" not in html


def test_flips_are_shown_at_the_shifts_that_all_metrics_have(triplets: Path, tmp_path: Path) -> None:
    head, *lines = triplets.read_text(encoding="utf-8").splitlines()
    more = [line.replace("good", "more", 1) + ",0.1,0.2" for line in lines]
    (tmp_path / "more.csv").write_text("\n".join([f"{head},d0_n2,d1_n2", *more, ""]), encoding="utf-8")
    files = ("--triplets", triplets, "--triplets", tmp_path / "more.csv")
    result = run("scorecard", "-o", tmp_path / "card", "--no-pdf", "--replicates", 100, *files, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["metrics"] == ["good", "more"]
    assert [one["figure"] for one in found["columns"]] == ["2AFC, %", "flips at 1 px, %"]
    assert "Flips at 2 px are left out: not every metric was scored there" in found["left_out"][0]


def test_one_vote_each_has_no_ceiling_on_the_page(triplets: Path, tmp_path: Path) -> None:
    lines = triplets.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines[1:], 1):
        cells = line.split(",")
        lines[number] = ",".join([*cells[:3], f"{round(float(cells[3]))}", *cells[4:]])
    triplets.write_text("\n".join([*lines, ""]), encoding="utf-8")
    page = tmp_path / "card"
    result = run("scorecard", "-o", page, "--no-pdf", "--replicates", 100, "--triplets", triplets, "--json")
    assert result.exit_code == 0, result.output
    score = json.loads(result.stdout)["columns"][0]
    assert (score["ceiling_low"], score["ceiling_high"], score["chance"]) == (None, None, 50.0)
    html = (page / "report.html").read_text(encoding="utf-8")
    assert "best answers" not in html
    assert "means over 2 categories" in html
    assert "needs two votes or more" in html
    # It shows no figures of the paper, nor has it options for these.
    assert "The paper" not in html
    assert "stands beside" not in html


def test_without_judgments_or_with_distances_for_none_it_says_so(tmp_path: Path) -> None:
    assert "There are no judgments; give some with --study" in run("scorecard", "-o", tmp_path / "card").output
    result = run("scorecard", "-o", tmp_path / "card", "--study", "ghildyal2022", "--opinion-distances", PIM)
    assert result.exit_code == 1
    assert "holds distances for judgments that are not given; add them with --opinions" in result.output


def test_no_password_of_a_database_is_on_the_page() -> None:
    study = "postgresql://me:secret@host/db"
    shown = provenance(study, [], 100, 0, f"shift-study scorecard --study {study}")
    assert "me:" in str(shown)
    assert "secret" not in str(shown)

"""Verbs and the task of their responses: what fits is there, and the rest says what would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import shift_study
from analysis.errors import AnalysisError
from analysis.responses.response_files import write_file
from analysis.responses.tidy_table import from_rows
from analysis.tasks.registry import TASKS

Row = Callable[..., dict[str, Any]]
Run = Callable[..., Result]

OF_SAME_DIFFERENT = [
    ("table1",),
    ("psychometric",),
    ("psychometric", "--hierarchical"),
    ("reliability",),
    ("mixed",),
    ("jnd", "--distances", "d.csv"),
]


@pytest.fixture
def run(make_odd_rows: Callable[..., list[dict[str, Any]]], pilot_with: Callable[..., Run]) -> Run:
    """The composed command, beside an odd-one-out study of six people."""
    answers = [
        (f"p{person}", shift, bool((trial + person) % (shift + 1)))
        for person in range(6)
        for shift in (1, 2, 9)
        for trial in range(10)
    ]
    return pilot_with(make_odd_rows(answers))


@pytest.mark.parametrize("arguments", OF_SAME_DIFFERENT, ids=" ".join)
def test_a_verb_that_has_no_results_for_a_task_names_those_that_have(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(arguments[0], "pilot", *arguments[1:])
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {arguments[0]} is of same-different studies; pilot is of odd-one-out: use exclusions, dprime or "
        "report.\n"
    )


@pytest.mark.parametrize("arguments", [("table1",), ("dprime",), ("exclusions",), ("report", "-o", "report")])
def test_no_verb_has_results_for_a_task_that_is_not_known_but_export_writes_its_table(
    make_row: Row, pilot_with: Callable[..., Run], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    run = pilot_with([make_row(task="rating", colour="red") | {"response": "warm"}])
    options = [tmp_path / part if part == "report" and index else part for index, part in enumerate(arguments)]
    result = run(options[0], "pilot", *options[1:])
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: pilot is of the task rating, for which {arguments[0]} has no results here; export writes its table.\n"
    )
    assert run("export", "pilot", "-o", tmp_path / "a.csv").exit_code == 0
    header, row = (tmp_path / "a.csv").read_text().splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert (cells["task"], cells["response"], cells["colour"]) == ("rating", "warm", "red")


@pytest.mark.parametrize("task", [*TASKS, "rating"])
def test_of_no_responses_the_verbs_say_so_whatever_the_task(
    make_row: Row, make_task_row: Row, tmp_path: Path, pilot_with: Callable[..., Run], task: str
) -> None:
    path = tmp_path / "responses.csv"
    row = make_row(task=task, colour="red") if task == "rating" else make_task_row(task)
    if task == "rating":
        del row["pair"]
    write_file(from_rows([row]).iloc[:0], path)
    run = pilot_with([])
    for verb in [("table1",), ("dprime",), ("report", "-o", tmp_path / "report")]:
        result = run(verb[0], path, *verb[1:], "--rules", "unfinished,validation,one_sided")
        assert result.exit_code == 1
        assert "There are no responses yet" in result.stderr or f"{verb[0]} is of same-different" in result.stderr
    assert run("export", path, "-o", tmp_path / "b.csv").exit_code == 0
    assert (tmp_path / "b.csv").read_text() == path.read_text()


def test_what_other_packages_ask_for_is_of_same_different_too(
    tmp_path: Path, make_task_row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "triplets.csv"
    write_file(from_rows([make_task_row("2afc")]), path)
    doors = shift_study.Doors()
    with pytest.raises(AnalysisError, match=r"score is of same-different studies; .* is of 2afc: use "):
        doors.judgments(str(path))
    with pytest.raises(AnalysisError, match=r"new is of same-different studies; .* is of 2afc: use "):
        doors.pilot_shifts(str(path), 9, [1.0])


def test_the_verbs_of_same_different_are_those_that_there_are() -> None:
    verbs = {*shift_study.main.commands}  # type: ignore[attr-defined]
    assert {*TASKS["same-different"].verbs, *TASKS["odd-one-out"].verbs} <= verbs


def test_d_prime_of_odd_one_out(run: Run, tmp_path: Path) -> None:
    figure = tmp_path / "d.svg"
    result = run("dprime", "pilot", "--replicates", 200, "--figure", figure)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["shift", "answers", "right", "d′"]
    assert lines[1].split()[:3] == ["1", "60", "50.0%"]
    assert lines[4].startswith("180 answers; correction: log-linear; 95% bootstrap interval over 6 participants and")
    assert figure.read_text().startswith("<?xml")
    found = json.loads(run("dprime", "pilot", "--replicates", 200, "--json", "--correction", "none").stdout)
    assert [row["correct"]["estimate"] for row in found["rows"]] == pytest.approx([0.5, 2 / 3, 0.9])
    assert found["rows"][1]["d_prime"]["estimate"] == pytest.approx(2.3214, abs=5e-5)


def test_d_prime_of_odd_one_out_has_one_model(run: Run) -> None:
    result = run("dprime", "pilot", "--model", "independent-observation")
    assert result.exit_code == 1
    assert "pilot is of odd-one-out, of which there is the differencing model alone" in result.stderr


def test_exclusions_of_odd_one_out_have_the_flow_alone(run: Run) -> None:
    found = json.loads(run("exclusions", "pilot", "--json").stdout)
    assert (found["sensitivity"], found["validation_chances"]) == (None, None)
    assert found["flow"]["participants"] == 6
    text = run("exclusions", "pilot").stdout
    assert "Participants who answer more than half of their trials with the largest shift wrong." in text
    assert "threshold" not in text


def test_a_report_on_odd_one_out_from_end_to_end(run: Run, tmp_path: Path) -> None:
    result = run("report", "pilot", "-o", tmp_path / "report", "--no-pdf", "--replicates", 500)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "report" / "report.html").read_text()
    assert "named the one that was unlike the two others" in page
    assert "At a shift of 1 px the odd image of three was found in 50.0%" in page
    results = json.loads((tmp_path / "report" / "results.json").read_text())
    assert [row["answers"] for row in results["results"]["oddity"]["rows"]] == [60, 60, 60]
    assert sorted(p.name for p in (tmp_path / "report" / "tables").glob("*.csv")) == ["oddity.csv", "participants.csv"]
    assert results["left_out"] == []


def test_a_report_on_odd_one_out_takes_no_distances(run: Run, tmp_path: Path, pim1_distances: Path) -> None:
    result = run("report", "pilot", "-o", tmp_path / "report", "--distances", pim1_distances)
    assert result.exit_code == 1
    assert "metrics are held against same-different judgments alone; leave the distances out" in result.stderr

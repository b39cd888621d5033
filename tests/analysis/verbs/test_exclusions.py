"""`exclusions`, and `--rules` of the other verbs, through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Row = Callable[..., dict[str, Any]]
Run = Callable[..., Result]


@pytest.fixture
def run(beside_pilot: Callable[..., Run]) -> Run:
    """The composed command, beside a study `pilot` that goes by `too_fast`; p2 fails the validation test."""
    return beside_pilot(
        lambda who, shift: {"reaction_time_ms": 100.0 if (who, shift) == ("p1", 9) else 900.0}, ("too_fast",)
    )


def test_the_verbs_follow_the_rules_of_the_study_or_those_named(run: Run, tmp_path: Path) -> None:
    expected = {(): {"too_fast": 1}, ("--rules", "validation"): {"validation": 2}, ("--rules", "none"): {}}
    for number, (options, reasons) in enumerate(expected.items()):
        table = json.loads(run("table1", "pilot", "--json", *options).stdout)["exclusions"]["responses"]
        export = run("export", "pilot", "-o", tmp_path / f"{number}.csv", "--json", *options)
        written = json.loads(export.stdout)["responses"]
        flow = json.loads(run("exclusions", "pilot", "--json", *options).stdout)["flow"]
        assert table["excluded"] == written["excluded"] == reasons
        assert {row["reason"]: row["responses"] for row in flow["rows"]} == reasons


def test_a_rule_that_there_is_not_ends_with_the_names_of_those_that_there_are(run: Run, tmp_path: Path) -> None:
    for arguments in (
        ("export", "pilot", "-o", tmp_path / "a.csv"),
        ("table1", "pilot"),
        ("exclusions", "pilot"),
        ("jnd", "pilot", "--distances", "d.csv"),
    ):
        result = run(*arguments, "--rules", "sleepy")
        assert result.exit_code == 1
        assert "'sleepy' is no exclusion rule; name some of unfinished, validation, catch_dprime" in result.stderr


def test_the_flow_on_a_terminal(run: Run, tmp_path: Path) -> None:
    figure = tmp_path / "flow.svg"
    result = run("exclusions", "pilot", "--rules", "validation,one_sided,too_fast", "--figure", figure)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[1].split() == ["assessed", "2", "4"]
    assert " ".join(lines[2].split()).startswith("− validation 1 2 Participants who fail the paper's")
    assert ["analysed", "1", "1"] in [line.split() for line in lines]
    assert "one_sided could not be applied to any response." in lines
    assert any(line.startswith("without validation") and "different shifts" in line for line in lines)
    assert "by a coin fails the validation test with a probability of 0.75" in lines[-1]
    assert figure.read_text().startswith("<?xml")


@pytest.mark.slow
def test_a_source_without_participants(run: Run) -> None:
    result = run("exclusions", "ghildyal2022")
    assert result.exit_code == 0
    assert "validation could not be applied to any response." in result.stdout
    assert "participants  " not in result.stdout
    assert json.loads(run("exclusions", "ghildyal2022", "--json").stdout)["validation_chances"] is None

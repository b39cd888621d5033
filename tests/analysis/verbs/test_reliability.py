"""`reliability` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

import shift_study


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(argument) for argument in arguments])


def test_reliability_of_the_published_answers(tmp_path: Path) -> None:
    figure = tmp_path / "alpha.svg"
    options = ("--replicates", 200, "--splits", 20, "--figure", figure)
    result = run("reliability", "ghildyal2022", *options)
    assert result.exit_code == 0
    assert "Krippendorff's α          0.340" in result.stdout
    assert "1,158 to 301 pairs of 50 photographs" in result.stdout
    assert "It is not known who gave the answers" in result.stdout
    assert figure.read_text().startswith("<?xml")
    figures = json.loads(run("reliability", "ghildyal2022", *options, "--json").stdout)
    assert len(figures["shifts"]) == 10
    assert figures["participants"] is None


def test_one_answer_is_no_agreement(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text('{"00001_n-3.png": [1]}')
    result = run("reliability", path)
    assert result.exit_code == 1
    assert "No pair has two answers" in result.stderr

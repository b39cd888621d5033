"""`mixed` through the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import shift_study


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(argument) for argument in arguments])


def test_the_model_of_the_published_answers(tmp_path: Path) -> None:
    figure = tmp_path / "images.svg"
    result = run("mixed", "ghildyal2022", "--figure", figure)
    assert result.exit_code == 0
    assert "shift            3.88  (3.18 to 4.75)       p < 0.001" in result.stdout
    assert "Standard deviation of photographs, log odds: 0.46  (0.24 to 0.69)   p = 0.001" in result.stdout
    assert "  often “different”: 00276" not in result.stdout
    assert "seldom “different”: 00276 -0" in result.stdout
    assert "The order of the trials is not known of each answer, and is left out." in result.stdout
    assert figure.read_text().startswith("<?xml")
    figures = json.loads(run("mixed", "ghildyal2022", "--json").stdout)
    assert figures["rows"][1]["name"] == "shift"
    assert "bayes" not in figures


def test_bayes_without_bambi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bambi", None)
    result = run("mixed", "ghildyal2022", "--bayes")
    assert result.exit_code == 1
    assert "takes the package bambi" in result.stderr

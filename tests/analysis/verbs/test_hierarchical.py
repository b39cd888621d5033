"""`psychometric --hierarchical` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import shift_study
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.planning.simulated_table import tidy_table
from analysis.responses.response_files import write_file


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, ["psychometric", *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("study") / "answers.csv"
    write_file(
        tidy_table(simulate(Design(participants=5, images=20, per_shift=2), Population(), generator), generator), path
    )
    return path


def test_each_participant_has_a_line(file: Path, tmp_path: Path) -> None:
    figure = tmp_path / "people.svg"
    result = run(file, "--hierarchical", "--rules", "none", "--replicates", 100, "--figure", figure)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "Core              log-normal, of a typical participant and photograph"
    assert sum(line.startswith("s000") for line in lines) == 5
    assert "100 answers of 5 participants to 20 photographs" in result.stdout
    assert figure.read_text().startswith("<?xml")


@pytest.mark.slow
def test_json_has_all_of_it_and_is_the_same_again(file: Path) -> None:
    first, again = (
        json.loads(run(file, "--hierarchical", "--rules", "none", "--replicates", 100, "--json").stdout)
        for _ in range(2)
    )
    assert first == again
    assert {row["participant"] for row in first["rows"]} == {f"s000{number}" for number in range(1, 6)}
    assert first["deviations"][0].keys() == {"of", "parameter", "sd", "odds_of_none"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ghildyal2022",), "not known who gave the answers, so that nothing can be said of single people"),
        (("ghildyal2022-table1",), "holds numbers of answers and not who gave them"),
        (("ghildyal2022", "--figure", "people.bmp"), "end its name in .png, .svg or .pdf"),
    ],
)
def test_what_cannot_be_told_is_one_sentence(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments, "--hierarchical")
    assert result.exit_code == 1
    assert says in result.stderr.replace("\n", " ")

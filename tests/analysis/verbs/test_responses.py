"""`export`, `table1` and `jnd` through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import shift_study
from analysis.responses.response_files import SUFFIXES, read_file
from analysis.verbs import VERBS

Row = Callable[..., dict[str, Any]]
Run = Callable[..., Result]


@pytest.fixture
def run(beside_pilot: Callable[..., Run]) -> Run:
    """The composed command, beside a study `pilot` of one participant who passes and one who does not."""
    return beside_pilot(lambda who, shift: {"question_screen": "laptop"})


def test_jnd_of_the_published_study_as_json(run: Run, pim1_distances: Path) -> None:
    result = run("jnd", "ghildyal2022", "--distances", pim1_distances, "--ties", "paper", "--json")
    assert result.exit_code == 0
    figures = json.loads(result.stdout)
    assert figures["jnd_map"] == pytest.approx(0.7725041, abs=5e-8)
    assert (figures["n_pairs"], figures["ties"]) == (301, "paper")


def test_jnd_on_a_terminal(run: Run, pim1_distances: Path) -> None:
    result = run("jnd", "ghildyal2022", "--distances", pim1_distances)
    assert result.exit_code == 0
    assert "JND mAP   0.774" in result.stdout
    assert "301 with at least 3 responses" in result.stdout
    assert "expected: 32 pairs share a distance" in result.stdout


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_exported_gives_the_same_figures(run: Run, tmp_path: Path, pim1_distances: Path, suffix: str) -> None:
    path = tmp_path / f"exported{suffix}"
    assert run("export", "ghildyal2022", "-o", path).exit_code == 0
    rows = [json.loads(run("table1", source, "--json").stdout)["rows"] for source in ("ghildyal2022", path)]
    assert rows[0] == rows[1]
    scores = [
        json.loads(run("jnd", source, "--distances", pim1_distances, "--ties", "paper", "--json").stdout)
        for source in ("ghildyal2022", path)
    ]
    # The paper's form of file does not say that these are people.
    assert [score.pop("simulated")["not_known"] for score in scores] == [0, 1158 if suffix == ".json" else 0]
    assert scores[0] == scores[1]


def test_export_of_the_published_study_is_its_file_again(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "exported.json"
    run("export", "ghildyal2022", "-o", path)
    original = Path(__file__).parents[3] / "analysis/responses/data/ghildyal2022/user_jnd.json"
    assert path.read_bytes() == original.read_bytes()


def test_export_writes_marks_and_says_what_it_wrote(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "responses.parquet"
    result = run("export", "pilot", "-o", path, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "file": str(path),
        "written": 4,
        "participants": {"total": 2, "excluded": {"unfinished": 0, "validation": 1}, "analysed": 1},
        "responses": {"total": 4, "excluded": {"unfinished": 0, "validation": 2}, "analysed": 2},
        "not_assessed": {"unfinished": 0, "validation": 0},
        "simulated": {"responses": 2, "simulated": 0, "not_known": 0},
    }
    assert f"Wrote 4 responses to {path}." in result.stderr
    assert "Excluded: 1 of 2 participants, 2 of 4 responses (validation 1 participant)." in result.stderr
    table = read_file(path)
    assert table["exclusion_reason"].tolist() == ["", "", "validation", "validation"]
    assert table["question_screen"].tolist() == ["laptop"] * 4


def test_export_keeps_an_existing_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "responses.csv"
    path.write_text("precious")
    result = run("export", "pilot", "-o", path)
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert path.read_text() == "precious"
    assert run("export", "pilot", "-o", path, "--force").exit_code == 0
    assert len(read_file(path)) == 4


def test_export_of_a_study_without_responses_writes_the_header(tmp_path: Path, pilot_with: Callable[..., Run]) -> None:
    path = tmp_path / "responses.csv"
    assert pilot_with([])("export", "pilot", "-o", path).exit_code == 0
    assert len(path.read_text().splitlines()) == 1
    result = CliRunner().invoke(shift_study.main, ["table1", str(path)])
    assert result.exit_code == 1
    assert "There are no responses yet" in result.stderr


def test_table1_on_a_terminal_says_who_was_excluded(run: Run) -> None:
    result = run("table1", "pilot")
    assert result.exit_code == 0
    assert result.stdout.split()[:4] == ["Pixel", "shift", "Same", "Shifted"]
    assert "Excluded: 1 of 2 participants, 2 of 4 responses" in result.stdout


def test_table1_in_other_layouts(run: Run, tmp_path: Path) -> None:
    assert json.loads(run("table1", "pilot", "--json").stdout)["totals"]["responses"] == 2
    assert run("table1", "pilot", "--csv").stdout.startswith("shift_px,same,different,same_percent,")
    assert r"\toprule" in run("table1", "pilot", "--latex").stdout
    result = run("table1", "pilot", "--figure", tmp_path / "table1.png", "--json")
    json.loads(result.stdout)
    assert "Wrote" in result.stderr
    assert (tmp_path / "table1.png").stat().st_size > 0


def test_an_unknown_source_lists_what_is_possible(run: Run, tmp_path: Path) -> None:
    for source in ("nowhere", str(tmp_path / "nothing.csv")):
        result = run("table1", source)
        assert result.exit_code == 1
        assert f"{source} does not exist; name a study folder, a database URL" in result.stderr
        assert "ghildyal2022" in result.stderr
    (tmp_path / "notes.txt").write_text("notes")
    assert "is a file of another kind" in run("table1", tmp_path / "notes.txt").stderr


def test_a_bad_value_in_an_exported_file_ends_with_one_sentence(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "responses.csv"
    run("export", "pilot", "-o", path)
    path.write_text(path.read_text().replace(",different,", ",sam,", 1))
    result = run("table1", path)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {path}: line 3: response is 'sam', not one of same, different.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["table1"],
        ["table1", "ghildyal2022", "--json", "--csv"],
        ["jnd", "pilot"],
        ["export", "pilot"],
        ["jnd", "pilot", "--distances", "a.csv", "--ties", "random"],
        ["jnd", "pilot", "--distances", "a.csv", "--min-responses", "0"],
    ],
)
def test_wrong_usage_exits_with_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


NAMES = [
    [verb.name, *below]
    for verb in VERBS
    for below in ([[name] for name in verb.commands] if isinstance(verb, click.Group) else [[]])
]


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_help_shows_an_example(run: Run, name: list[str]) -> None:
    result = run(*name, "--help")
    assert result.exit_code == 0
    assert f"Example:  shift-study {' '.join(name)} " in result.stdout


def test_importing_the_verbs_loads_no_heavy_package() -> None:
    script = (
        "import sys, analysis.verbs; "
        "print(sorted({'numpy', 'pandas', 'scipy', 'matplotlib', 'pyarrow'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_table_a_study_lends_is_checked(pilot_with: Callable[..., Run], make_row: Row) -> None:
    result = pilot_with([make_row(shift_px=-1)])("table1", "pilot")
    assert result.exit_code == 1
    assert "pilot: row 1: shift_px is -1" in result.stderr


def test_pandas_reads_an_exported_csv(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "responses.csv"
    run("export", "pilot", "-o", path)
    table = pd.read_csv(path, dtype={"image": str})
    assert table["excluded"].tolist() == [False, False, True, True]


def test_files_of_a_spreadsheet_with_semicolons_are_recognised(run: Run, tmp_path: Path, pim1_distances: Path) -> None:
    responses, distances = tmp_path / "R.CSV", tmp_path / "d.csv"
    responses.write_text("schema;study;participant\nshift-study/responses/1;s;p0001\n", encoding="utf-8")
    distances.write_text(pim1_distances.read_text(encoding="utf-8").replace(",", ";"), encoding="utf-8")
    for refused in (
        run("table1", str(responses)),
        run("jnd", "ghildyal2022", "--distances", str(distances)),
    ):
        assert refused.exit_code == 1
        assert "its columns are not separated by commas; save it with commas" in refused.output

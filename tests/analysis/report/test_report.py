"""The report of a study: everything in it, as page, PDF, tables and figures, and what it says where data lack."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import shift_study
from analysis.agreement.comparison import Comparison
from analysis.exclusions.marking import mark
from analysis.planning.plan import new_plan, write_plan
from analysis.planning.simulated_metric import SimulatedMetric
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.planning.simulated_table import distances_by_pair, tidy_table
from analysis.psychometric.function import PsychometricFunction
from analysis.report.build import Settings, build
from analysis.report.content import Report
from analysis.report.provenance import data_sha256
from analysis.report.table_files import as_latex
from analysis.report.writing import write_report
from analysis.responses.response_files import write_file
from analysis.responses.sources import published_judgments

pytestmark = pytest.mark.slow

QUICK = Settings(replicates=500, permutations=100)


@pytest.fixture(scope="module")
def study() -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    """A simulated study of 12 participants and 30 images, and the distances of two metrics."""
    generator = np.random.default_rng(4)
    simulated = simulate(Design(participants=12, images=40, per_shift=4), Population(), generator)
    distances = {
        name: simulated.distances(generator, SimulatedMetric(noise_sd=noise))
        for name, noise in (("fine", 0.1), ("poor", 2.0))
    }
    table = mark(tidy_table(simulated, generator))
    return table, {name: distances_by_pair(simulated, values) for name, values in distances.items()}


@pytest.fixture(scope="module")
def report(study: tuple[pd.DataFrame, dict[str, dict[str, float]]]) -> Report:
    return build(*study, replace(QUICK, min_responses=1), footer=(("Source", "simulated"),))


@pytest.fixture(scope="module")
def folder(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("made") / "report"
    assert write_report(report, made) == []
    return made


class _Page(HTMLParser):
    """What a page shows, and whatever it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"]] if values.get("id") else []  # type: ignore[list-item]
        source = values.get("src") or ""
        if tag == "img":
            self.images += 1
            assert values.get("alt"), values
        if tag in ("link", "script", "iframe") or (source and not source.startswith("data:")):
            self.fetched.append(f"{tag} {source}")
        if tag == "a":
            self.links.append(values.get("href") or "")


def test_the_page_needs_nothing_else(folder: Path, report: Report) -> None:
    page = _Page((folder / "report.html").read_text(encoding="utf-8"))
    assert page.fetched == []
    assert page.images == len(report.figures)
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_every_section_has_something_to_show(report: Report) -> None:
    names = [section.name for section in report.sections]
    assert names == [
        "study",
        "participants",
        "answers",
        "psychometric",
        "people",
        "d-prime",
        "observers",
        "reliability",
        "metrics",
        "sensitivity",
    ]
    assert all(section.paragraphs for section in report.sections)
    assert all(section.items for section in report.sections if section.name != "study")
    assert report.left_out == ()
    assert len({table.name for table in report.tables}) == len(report.tables)
    assert all(len(row) == len(table.heads) for table in report.tables for row in table.cells)


def test_every_table_and_figure_is_a_file_as_well(folder: Path, report: Report) -> None:
    for table in report.tables:
        with (folder / "tables" / f"{table.name}.csv").open(encoding="utf-8", newline="") as stream:
            lines = list(csv.reader(stream))
        assert len(lines) == 1 + len(table.frame)
        latex = (folder / "tables" / f"{table.name}.tex").read_text(encoding="utf-8")
        assert latex.count(r"\\") == 1 + len(table.cells)
        assert latex.isascii(), table.name
    for figure in report.figures:
        assert (folder / "figures" / f"{figure.name}.svg").read_bytes().startswith(b"<?xml")
        assert (folder / "figures" / f"{figure.name}.pdf").read_bytes().startswith(b"%PDF")
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_results_are_those_of_the_analyses(
    folder: Path, study: tuple[pd.DataFrame, dict[str, dict[str, float]]]
) -> None:
    document = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert document["left_out"] == []
    function = PsychometricFunction.from_json(document["results"]["psychometric"])
    assert function.answers == len(study[0])
    comparison = Comparison.from_json(document["results"]["comparison"])
    assert [metric.name for metric in comparison.metrics] == ["fine", "poor"]
    pair, by_map = [c for c in comparison.comparisons if c.family == "metrics"]
    assert (pair.outcome, pair.first) == ("concordance", "fine")
    assert (by_map.outcome, by_map.verdict) == ("jnd_map", "better")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f"{function.threshold_px.estimate:.2f} px" in page
    assert pair.sentence in page
    assert by_map.sentence in page
    assert "Noise ceiling (estimated)" in page
    assert "of 40 images of 40 photographs with at least 1 answers" in page


def test_a_report_is_not_written_over_anything_else(report: Report, folder: Path, tmp_path: Path) -> None:
    from analysis.errors import AnalysisError

    with pytest.raises(AnalysisError, match="is not empty"):
        write_report(report, folder)
    (tmp_path / "thesis.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(AnalysisError, match="holds no report"):
        write_report(report, tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text(encoding="utf-8") == "years of work"
    with pytest.raises(AnalysisError, match="is a file"):
        write_report(report, tmp_path / "thesis.tex", overwrite=True)


def test_a_report_that_fails_leaves_the_one_before(report: Report, folder: Path, tmp_path: Path) -> None:
    before = tmp_path / "report"
    before.mkdir()
    (before / "report.html").write_text("before", encoding="utf-8")

    def fails(name: str) -> None:
        if name == "page":
            raise OSError(28, "No space left on device")

    from analysis.errors import AnalysisError

    with pytest.raises(AnalysisError, match="No space left on device; choose another"):
        write_report(replace(report, sections=report.sections[:2]), before, pdf=False, overwrite=True, step=fails)
    assert (before / "report.html").read_text(encoding="utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_without_pango_the_rest_is_written(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    original = builtins.__import__

    def missing(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return original(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", missing)
    (sentence,) = write_report(replace(report, sections=report.sections[:2]), tmp_path / "report")
    assert "the library Pango is missing" in sentence
    assert (tmp_path / "report" / "report.html").is_file()
    assert not (tmp_path / "report" / "report.pdf").exists()


def test_writing_a_pdf_leaves_pillow_as_strict_as_it_was(folder: Path) -> None:
    from PIL import ImageFile

    assert (folder / "report.pdf").is_file()
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_latex_is_escaped(report: Report) -> None:
    (table,) = [table for table in report.tables if table.name == "participants"]
    odd = replace(table, cells=(("50% of a_b & c", "1 ± 2", "−3", "#1"),))
    assert r"50\% of a\_b \& c & 1 $\pm$ 2 & $-$3 & \#1 \\" in as_latex(odd)


def test_the_hash_is_of_the_answers_and_not_of_marks_or_files(
    study: tuple[pd.DataFrame, dict[str, dict[str, float]]], tmp_path: Path
) -> None:
    responses, _ = study
    digest = data_sha256(responses)
    assert digest == data_sha256(mark(responses, ("one_sided", "too_fast")))
    assert digest != data_sha256(responses.iloc[1:])
    from analysis.responses.response_files import read_file

    for suffix in (".csv", ".jsonl", ".parquet"):
        write_file(responses, tmp_path / f"table{suffix}")
        assert data_sha256(read_file(tmp_path / f"table{suffix}")) == digest


def test_what_lacks_is_said_and_the_rest_is_there() -> None:
    published = mark(published_judgments())
    few = published[published["shift_px"].isin([0, 3, 9])].reset_index(drop=True)
    distances = {"constant": dict.fromkeys(few["pair"], 1.0), "partial": {str(few["pair"].iloc[0]): 1.0}}
    made = build(few, distances, QUICK)
    by_name = {section.name: section for section in made.sections}
    assert "4 different shifts or more; these have answers at 3" in by_name["psychometric"].left_out[0]
    assert any("constant is left out" in sentence for sentence in by_name["metrics"].left_out)
    assert any("partial is left out" in sentence for sentence in by_name["metrics"].left_out)
    assert any("validation could not be applied" in sentence for sentence in by_name["participants"].left_out)
    assert by_name["d-prime"].items
    assert by_name["answers"].items
    assert by_name["metrics"].items


def test_where_everything_is_excluded_every_section_says_so(
    study: tuple[pd.DataFrame, dict[str, dict[str, float]]], tmp_path: Path
) -> None:
    responses = study[0].assign(participant_state=pd.array(["unfinished"] * len(study[0]), dtype="string"))
    made = build(mark(responses), {}, QUICK)
    assert any("Without unfinished" in reason or "All rules" in reason for reason in made.left_out)
    assert not any("leave out nothing" in text for section in made.sections for text in section.paragraphs)
    assert all(
        "are excluded" in section.left_out[0]
        for section in made.sections
        if section.name not in ("participants", "sensitivity")
    )
    write_report(made, tmp_path / "report", pdf=False)
    assert "Left out." in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(argument) for argument in arguments])


def test_the_report_of_a_file_through_the_command_line(
    study: tuple[pd.DataFrame, dict[str, dict[str, float]]], tmp_path: Path
) -> None:
    responses, distances = study
    write_file(responses, tmp_path / "responses.csv")
    lines = ["pair,distance", *(f"{pair},{distance}" for pair, distance in distances["fine"].items())]
    (tmp_path / "fine.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    plan = new_plan(study="simulated", rules=("unfinished",), metrics=("fine", "other"), replicates=500)
    write_plan(replace(plan, permutations=100, min_responses=1).hashed(), tmp_path / "plan.json")
    command = ("report", tmp_path / "responses.csv", "--distances", tmp_path / "fine.csv", "--no-pdf")
    result = run(*command, "--plan", tmp_path / "plan.json", "-o", tmp_path / "report", "--core", "weibull", "--json")
    assert result.exit_code == 0, result.stderr
    printed = json.loads(result.stdout)
    assert printed["left_out"] == []
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Planned core of the psychometric function: log-normal; used: weibull." in page
    assert "The planned metric other was not compared." in page
    assert "This report does not follow it in everything." in page
    assert page.count("Planned ") == 1
    assert plan.registered_at in page
    again = run(*command, "-o", tmp_path / "report")
    assert again.exit_code == 1
    assert "is not empty" in again.stderr


def test_bad_input_of_a_report_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}", encoding="utf-8")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    for arguments, says in (
        (("nowhere",), "nowhere does not exist"),
        ((tmp_path / "other.csv",), "is missing"),
        (("ghildyal2022", "--plan", tmp_path / "plan.json"), "not an analysis plan"),
        (("ghildyal2022", "--distances", tmp_path / "missing.csv"), "missing.csv cannot be read"),
    ):
        result = run("report", *arguments, "-o", tmp_path / "report")
        assert result.exit_code == 1
        assert says in result.stderr
        assert not (tmp_path / "report").exists()


def test_the_password_of_a_database_is_not_passed_on() -> None:
    from analysis.report.provenance import without_password

    assert without_password("report postgresql://me:secret@host/db -o x") == "report postgresql://me:…@host/db -o x"
    assert without_password("report postgresql://me@host/db") == "report postgresql://me@host/db"

"""What verbs, figures and reports say of answers that no people gave."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from analysis import figure_style

Row = Callable[..., dict[str, Any]]
Run = Callable[..., Result]

ALL = "Simulated observers answered: what stands here says nothing about people."
SOME = "40 of 120 responses are of simulated observers: what stands here is not of people alone."
UNKNOWN = "Whether people or simulated observers gave the responses is not known."


@pytest.fixture
def study(make_row: Row, pilot_with: Callable[..., Run]) -> Callable[[Callable[[int], dict[str, Any]]], Run]:
    """Takes what the answers of each of six participants have beside; gives the command beside their study."""

    def command(values: Callable[[int], dict[str, Any]]) -> Run:
        rows = [
            make_row(
                participant=f"p{person + 1:04d}",
                trial=number + 1,
                image=f"{number:05d}",
                pair=f"{number:05d}_n-{number % 5}",
                shift_px=number % 5,
                response="different" if (number + person) % 7 < number % 5 else "same",
            )
            | values(person)
            for person in range(6)
            for number in range(20)
        ]
        return pilot_with(rows, ())

    return command


def everybody(person: int) -> dict[str, Any]:
    return {"simulated": True, "participant": f"s{person + 1:04d}"}


def two_of_six(person: int) -> dict[str, Any]:
    return {"simulated": person < 2}


VERBS = {
    "table1": (),
    "exclusions": (),
    "psychometric": ("--replicates", "100"),
    "dprime": ("--replicates", "100"),
    "reliability": ("--replicates", "100", "--splits", "10"),
    "mixed": ("--replicates", "100"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_below_its_figures_and_in_its_json_who_answered(
    study: Callable[[Callable[[int], dict[str, Any]]], Run], verb: str
) -> None:
    for values, sentence, simulated in ((everybody, ALL, 120), (two_of_six, SOME, 40)):
        run = study(values)
        said = run(verb, "pilot", *VERBS[verb])
        assert (said.exit_code, said.stdout.splitlines()[-1]) == (0, sentence), said.output
        document = json.loads(run(verb, "pilot", *VERBS[verb], "--json").stdout)
        assert document["simulated"] == {"responses": 120, "simulated": simulated, "not_known": 0}
    run = study(lambda person: {"simulated": False})
    assert "simulated" not in run(verb, "pilot", *VERBS[verb]).output
    assert json.loads(run(verb, "pilot", *VERBS[verb], "--json").stdout)["simulated"]["simulated"] == 0


def test_what_is_excluded_does_not_count(study: Callable[[Callable[[int], dict[str, Any]]], Run]) -> None:
    left_out = {"excluded": True, "exclusion_reason": "excluded_by_researcher"}
    run = study(lambda person: {"simulated": person < 2} | (left_out if person < 2 else {}))
    assert "simulated" not in run("table1", "pilot").output


def test_tables_stay_what_programs_read(study: Callable[[Callable[[int], dict[str, Any]]], Run]) -> None:
    run = study(everybody)
    table = run("table1", "pilot", "--csv")
    assert ALL not in table.stdout
    assert ALL in table.stderr
    assert run("table1", "pilot", "--latex").stdout.splitlines()[-1] == f"% {ALL}"


def test_of_tables_of_old_versions_it_is_not_known_but_where_the_ids_tell(
    study: Callable[[Callable[[int], dict[str, Any]]], Run], tmp_path: Path
) -> None:
    run = study(lambda person: {"simulated": None})
    assert run("table1", "pilot").stdout.splitlines()[-1] == UNKNOWN
    # `s0007` is whom an earlier export called so; `subject7` may be anybody.
    run = study(lambda person: {"simulated": None, "participant": f"s{person:04d}" if person else "subject7"})
    said = run("table1", "pilot").stdout.splitlines()[-1]
    assert said.startswith("100 of 120 responses are of simulated observers: ")
    assert said.endswith("Whether people or simulated observers gave 20 of the 120 responses is not known.")
    export = run("export", "pilot", "-o", tmp_path / "answers.csv", "--json")
    assert json.loads(export.stdout)["simulated"] == {"responses": 120, "simulated": 100, "not_known": 20}
    # An id says nothing against a table that says it, of however few.
    run = study(lambda person: {"simulated": False if person else None, "participant": f"s{person:04d}"})
    assert run("table1", "pilot").stdout.splitlines()[-1].startswith("20 of 120 responses are of simulated observers: ")


@pytest.mark.parametrize(
    ("verb", "options"), [("table1", ()), ("psychometric", ("--replicates", "100")), ("exclusions", ())]
)
def test_a_figure_says_it_for_who_sees_nothing_else(
    study: Callable[[Callable[[int], dict[str, Any]]], Run],
    tmp_path: Path,
    verb: str,
    options: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(figure_style._STYLE, "svg.fonttype", "none")
    for values, label in ((everybody, "Simulated observers"), (two_of_six, "40 of 120 responses are of simulated")):
        path = tmp_path / f"{values.__name__}.svg"
        assert study(values)(verb, "pilot", *options, "--figure", path).exit_code == 0
        assert label in path.read_text(encoding="utf-8")
    path = tmp_path / "people.svg"
    assert study(lambda person: {})(verb, "pilot", *options, "--figure", path).exit_code == 0
    assert "imulated observers" not in path.read_text(encoding="utf-8")


def test_a_report_says_it_in_title_first_sentence_figures_and_results(
    study: Callable[[Callable[[int], dict[str, Any]]], Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(figure_style._STYLE, "svg.fonttype", "none")
    options = ("--replicates", "500", "--no-pdf")
    for values, title, label, sentence in (
        (everybody, "simulated observers", "Simulated observers", ALL),
        (two_of_six, *["40 of 120 responses are of simulated observers"] * 2, SOME),
    ):
        folder = tmp_path / values.__name__
        made = study(values)("report", "pilot", "-o", folder, *options)
        assert (made.exit_code, made.stdout.splitlines()[-1]) == (0, sentence)
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert f"<h1>Report on the study pilot: {title}</h1>" in page
        head = page[page.index("</h1>") :]
        assert head.index(sentence) < head.index("Observers called")
        assert page.count(f" {label}.</figcaption>") == page.count('<figure id="figure-')
        drawn = [path.read_text(encoding="utf-8") for path in (folder / "figures").glob("*.svg")]
        assert drawn and all(label in figure for figure in drawn)
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        assert results["simulated"]["simulated"] == (120 if values is everybody else 40)

"""Table 1 as the paper prints it, and of its published part."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.observers.table1 import Table1, table1
from analysis.observers.table1_figure import SameByShift, save_figure
from analysis.observers.table1_layouts import as_csv, as_latex, as_text
from analysis.responses.sources import read_responses
from analysis.responses.tidy_table import from_rows

Row = Callable[..., dict[str, Any]]

# Number of "same" answers of 150, and the percentage that the paper prints.
PAPER = {
    0: (140, "93.3%"),
    1: (121, "80.7%"),
    2: (84, "56.0%"),
    3: (52, "34.7%"),
    4: (52, "34.7%"),
    5: (40, "26.7%"),
    6: (35, "23.3%"),
    7: (31, "20.7%"),
    8: (27, "18.0%"),
    9: (15, "10.0%"),
}


@pytest.fixture
def paper(make_row: Row) -> pd.DataFrame:
    """30 participants who each judged 5 pairs of every shift, with the paper's number of "same" answers."""
    rows = []
    for participant in range(30):
        for shift, (same, _) in PAPER.items():
            for place in range(5):
                answer = 5 * participant + place
                image = f"{answer % 50:05d}"
                rows.append(
                    make_row(
                        participant=f"p{participant:04d}",
                        trial=5 * shift + place + 1,
                        pair=f"{image}_n-{shift}",
                        image=image,
                        shift_px=shift,
                        response="same" if answer % 150 < same else "different",
                    )
                )
    return from_rows(rows)


@pytest.fixture
def published(no_study: Callable[[str], None]) -> Table1:
    return table1(read_responses("ghildyal2022", no_study))


def test_the_papers_counts_give_the_papers_table(paper: pd.DataFrame) -> None:
    table = table1(paper)
    assert [(row.shift_px, row.same, row.different) for row in table.rows] == [
        (shift, same, 150 - same) for shift, (same, _) in PAPER.items()
    ]
    lines = as_text(table).splitlines()[2:12]
    assert [line.split()[:4] for line in lines] == [
        [str(shift), str(same), str(150 - same), percent] for shift, (same, percent) in PAPER.items()
    ]
    assert (table.responses, table.pairs) == (1500, 500)


def test_the_published_answers(published: Table1) -> None:
    assert (published.responses, published.pairs) == (1158, 301)
    assert [row.same for row in published.rows] == [111, 93, 66, 43, 39, 30, 25, 24, 22, 9]
    pairs = [row.pairs for row in published.rows]
    # Section 6 of the paper: 30.1 pairs a shift, standard deviation 1.6, from 28 to 33.
    assert np.mean(pairs) == pytest.approx(30.1)
    assert np.std(pairs) == pytest.approx(1.6, abs=0.05)
    assert (min(pairs), max(pairs)) == (28, 33)


def test_standard_deviations_agree_with_numpy(published: Table1) -> None:
    file = Path(__file__).parents[3] / "analysis/responses/data/ghildyal2022/user_jnd.json"
    judgments = json.loads(file.read_text())
    for row in published.rows:
        deviations = [np.std(given) for pair, given in judgments.items() if pair.endswith(f"-{row.shift_px}.png")]
        assert row.sd_mean == pytest.approx(np.mean(deviations), abs=1e-12)
        assert row.sd_sd == pytest.approx(np.std(deviations), abs=1e-12)


def test_intervals_agree_with_wilsons_closed_form(published: Table1) -> None:
    z = 1.959963984540054
    for row in published.rows:
        n = row.same + row.different
        p = row.same / n
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        assert row.same_low_percent == pytest.approx(100 * (middle - half))
        assert row.same_high_percent == pytest.approx(100 * (middle + half))


def test_a_pair_with_one_answer_counts_with_no_deviation(make_row: Row) -> None:
    other = {"pair": "00008_n-3", "image": "00008"}
    answers = [make_row(trial=1), make_row(trial=2, response="different"), make_row(trial=3, **other)]
    (row,) = table1(from_rows(answers)).rows
    assert (row.pairs, row.sd_mean, row.sd_sd) == (2, 0.25, 0.25)


def test_excluded_responses_are_not_counted(make_row: Row) -> None:
    excluded = {"excluded": True, "exclusion_reason": "validation"}
    table = table1(from_rows([make_row(trial=1), make_row(trial=2, response="different", **excluded)]))
    assert (table.responses, table.rows[0].same_percent) == (1, 100.0)
    assert table.exclusions.responses_excluded["validation"] == 1


def test_no_responses_yet_is_said() -> None:
    with pytest.raises(AnalysisError, match="no responses yet"):
        table1(from_rows([]))


def test_layouts_agree_with_the_json(published: Table1) -> None:
    figures = json.loads(json.dumps(published.to_json()))
    assert list(figures) == ["rows", "totals", "exclusions"]
    first = figures["rows"][0]
    assert first["same_percent"] == 92.5
    assert figures["totals"]["same_percent"] == 100 * 462 / 1158
    header, *lines = as_csv(published).splitlines()
    assert dict(zip(header.split(","), map(float, lines[0].split(",")), strict=True)) == first
    assert r"0 & 111 & 9 & 92.5\% & $0.12 \pm 0.19$ & 32 \\" in as_latex(published).splitlines()


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_the_figure_is_the_same_file_every_time(tmp_path: Path, published: Table1, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"figure{suffix}"
    save_figure(published, path)
    first = path.read_bytes()
    save_figure(published, path)
    assert first.startswith(magic)
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


def test_the_figure_draws_the_table(published: Table1) -> None:
    from matplotlib.figure import Figure

    points = SameByShift.of(published)
    ax = Figure().add_subplot()
    points.plot(ax)
    assert ax.get_xlabel() == "Shift (pixels)"
    drawn = ax.containers[0].lines[0]
    assert drawn.get_xdata().tolist() == list(points.shift_px)
    assert drawn.get_ydata().tolist() == list(points.same_percent)


def test_a_figure_of_another_format_is_refused(tmp_path: Path, published: Table1) -> None:
    with pytest.raises(AnalysisError, match=r"\.png, \.svg or \.pdf"):
        save_figure(published, tmp_path / "figure.jpg")

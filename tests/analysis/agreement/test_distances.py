"""Files of distances of several metrics."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from analysis.agreement.distances import read_metrics
from analysis.errors import AnalysisError


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_metric_is_named_by_its_file_by_a_column_or_by_hand(tmp_path: Path) -> None:
    ssim = write(tmp_path, "ssim.csv", "pair,distance\na,1\nb,2\n")
    both = write(tmp_path, "both.csv", "metric,pair,distance\nl2,a,3\nl2,b,4\nlpips,a,5\n")
    metrics, files = read_metrics([ssim, both, f"other={ssim}"])
    assert metrics == {
        "ssim": {"a": 1.0, "b": 2.0},
        "l2": {"a": 3.0, "b": 4.0},
        "lpips": {"a": 5.0},
        "other": {"a": 1.0, "b": 2.0},
    }
    assert {name: path.name for name, path in files.items()} == {
        "ssim": "ssim.csv",
        "l2": "both.csv",
        "lpips": "both.csv",
        "other": "ssim.csv",
    }
    assert read_metrics([]) == ({}, {})


def test_a_path_may_have_an_equals_sign(tmp_path: Path) -> None:
    path = write(tmp_path, "k=3.csv", "pair,distance\na,1\n")
    assert read_metrics([path])[0] == {"k=3": {"a": 1.0}}


def test_commas_at_the_end_of_a_line_are_no_cells(tmp_path: Path) -> None:
    path = write(tmp_path, "m.csv", "pair,distance\na,1,\nb,2, ,\n")
    assert read_metrics([path])[0] == {"m": {"a": 1.0, "b": 2.0}}


def test_distances_that_are_no_finite_numbers_are_kept_as_such(tmp_path: Path) -> None:
    path = write(tmp_path, "m.csv", "pair,distance\na,\nb,nan\nc,-inf\n")
    distances = read_metrics([path])[0]["m"]
    assert math.isnan(distances["a"])
    assert math.isnan(distances["b"])
    assert distances["c"] == -math.inf


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("pair,distance\na,far\n", "line 2: the distance of a is 'far', not a number"),
        ("pair,distance\na,1\na,2\n", "line 3: the pair a was already given"),
        ("pair,distance\n", "holds no distances"),
        ("pair;distance\na;1\n", "not separated by commas"),
        ("metric,pair,distance\n,a,1\n", "the metric of a is not named"),
        ("pair,distance\na,1\nb,0,25\n", "line 3 has more cells than the first line names columns"),
        ("pair,distance,distance\na,1,2\n", "two columns are named distance"),
    ],
)
def test_a_bad_file_is_said(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        read_metrics([write(tmp_path, "m.csv", content)])


def test_names_must_tell_metrics_apart(tmp_path: Path) -> None:
    path = write(tmp_path, "m.csv", "pair,distance\na,1\n")
    both = write(tmp_path, "both.csv", "metric,pair,distance\nm,a,3\nl,a,4\n")
    with pytest.raises(AnalysisError, match="both hold distances of m"):
        read_metrics([path, both])
    with pytest.raises(AnalysisError, match="holds 2 metrics"):
        read_metrics([f"x={both}"])
    with pytest.raises(AnalysisError, match="is not NAME=FILE"):
        read_metrics([f"={path}"])
    with pytest.raises(AnalysisError, match="cannot be read"):
        read_metrics([f"x={tmp_path / 'nothing.csv'}"])

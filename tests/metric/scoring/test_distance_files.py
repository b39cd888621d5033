"""Distances written to CSV come back as they were."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metric.errors import MetricError
from metric.scoring.distance_files import plan_files, write_distances
from metric.scoring.score import Scores

_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_PAIR_IDS = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1)
_DISTANCES = st.dictionaries(_PAIR_IDS, _FINITE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("distances")


@given(distances=_DISTANCES)
def test_every_pair_and_distance_comes_back(distances: dict[str, float], folder: Path) -> None:
    path = folder / "distances.csv"
    write_distances(path, distances)
    with path.open(encoding="utf-8", newline="") as file:
        assert {row["pair"]: float(row["distance"]) for row in csv.DictReader(file)} == distances


@given(distances=st.dictionaries(st.text(), _DISTANCES), seconds=st.dictionaries(st.text(), _FINITE))
def test_scores_come_back_from_json(distances: dict[str, dict[str, float]], seconds: dict[str, float]) -> None:
    scores = Scores(distances, seconds, "cpu")
    assert Scores.from_json(scores.to_json()) == scores


def test_one_metric_keeps_the_name_and_several_add_theirs(tmp_path: Path) -> None:
    output = tmp_path / "d.csv"
    assert plan_files(None, ["l2", "ssim"]) == {}
    assert plan_files(output, ["l2"]) == {"l2": output}
    assert plan_files(output, ["l2", "ssim"]) == {"l2": tmp_path / "d-l2.csv", "ssim": tmp_path / "d-ssim.csv"}


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match="cannot be written"):
        write_distances(tmp_path, {"a": 1.0})
    with pytest.raises(MetricError, match="no folder"):
        plan_files(tmp_path / "gone" / "d.csv", ["l2"])


def test_a_file_that_exists_is_replaced_only_by_force(tmp_path: Path) -> None:
    (tmp_path / "d-ssim.csv").touch()
    with pytest.raises(MetricError, match=r"d-ssim\.csv exists already; .*--force"):
        plan_files(tmp_path / "d.csv", ["l2", "ssim"])
    assert plan_files(tmp_path / "d.csv", ["l2", "ssim"], overwrite=True)["ssim"] == tmp_path / "d-ssim.csv"

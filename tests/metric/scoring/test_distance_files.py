"""Distances written to CSV come back as they were."""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metric.errors import MetricError
from metric.scoring.distance_files import plan_files, write_distances

_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_PAIR_IDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1)
_DISTANCES = st.dictionaries(_PAIR_IDS, _FINITE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("distances")


@given(distances=_DISTANCES)
def test_every_pair_and_distance_comes_back(distances: dict[str, float], folder: Path) -> None:
    path = folder / "distances.csv"
    write_distances(path, "ssim", distances)
    with path.open(encoding="utf-8", newline="") as file:
        assert {row["pair"]: float(row["distance"]) for row in csv.DictReader(file)} == distances


def test_one_metric_keeps_the_name_and_several_add_theirs(tmp_path: Path) -> None:
    output = tmp_path / "d.csv"
    assert plan_files(None, ["l2", "ssim"]) == {}
    assert plan_files(output, ["l2"]) == {"l2": output}
    assert plan_files(output, ["l2", "ssim"]) == {"l2": tmp_path / "d-l2.csv", "ssim": tmp_path / "d-ssim.csv"}


def test_files_of_metrics_with_paths_for_names_are_told_apart(tmp_path: Path) -> None:
    names = ["runs/a/m.safetensors", "runs/b/m.safetensors", "runs-a/m.safetensors", "RUNS/a/m.safetensors"]
    files = plan_files(tmp_path / "d.csv", [*names, "é" * 300 + "/m.safetensors", "ssim"])
    assert len({path.name.casefold() for path in files.values()}) == 6
    assert files["runs/b/m.safetensors"].name == "d-runs-b-m.safetensors.csv"
    assert files["ssim"].name == "d-ssim.csv"
    for path in files.values():
        path.with_name(f"{path.name}.partial-99").touch()
        assert path.parent == tmp_path


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match="cannot be written"):
        write_distances(tmp_path, "ssim", {"a": 1.0})
    with pytest.raises(MetricError, match="no folder"):
        plan_files(tmp_path / "gone" / "d.csv", ["l2"])


def test_a_file_that_exists_is_replaced_only_by_force(tmp_path: Path) -> None:
    (tmp_path / "d-ssim.csv").touch()
    with pytest.raises(MetricError, match=r"d-ssim\.csv exists already; .*--force"):
        plan_files(tmp_path / "d.csv", ["l2", "ssim"])
    assert plan_files(tmp_path / "d.csv", ["l2", "ssim"], overwrite=True)["ssim"] == tmp_path / "d-ssim.csv"


def test_a_file_whose_run_was_killed_before_its_end_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "d.csv").touch()
    (tmp_path / "d.csv.partial-1").touch()  # of a run that began and scored nothing
    with pytest.raises(MetricError, match=r"d\.csv exists already"):
        plan_files(tmp_path / "d.csv", ["l2"])
    (tmp_path / "d.csv.partial-1").write_text("{}\n")
    assert plan_files(tmp_path / "d.csv", ["l2"]) == {"l2": tmp_path / "d.csv"}


def test_a_disk_that_is_full_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    write_distances(path, "ssim", {"a": 1.0})
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(MetricError, match=r"d\.csv cannot be written: File too large"):
            write_distances(path, "ssim", {str(number): 0.5 for number in range(1000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


_KILLED = """
import os, pathlib, sys
from metric.scoring.distance_files import write_distances

class Killing(dict):
    def items(self):
        for number in range(10_000):
            yield str(number), 0.5
        os.kill(os.getpid(), 9)

write_distances(pathlib.Path(sys.argv[1]), "ssim", Killing())
"""


def test_a_kill_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(path)])
    assert killed.returncode == -9
    assert not path.exists()
    write_distances(path, "ssim", {"a": 1.0})
    assert path.read_text() == "pair,distance,metric\na,1.0,ssim\n"
    assert list(tmp_path.iterdir()) == [path]

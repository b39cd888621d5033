"""Runs that are killed and begun again."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor

import shift_study
from metric.errors import MetricError
from metric.interface import FeatureMetric, Features
from metric.loading import load_metric
from metric.registry import METRICS
from metric.scoring.journal import journal_files
from metric.scoring.manifest_pairs import ImagePair, read_manifest
from metric.scoring.run import run


class _Failing(FeatureMetric):
    """The mean squared difference, until it has been asked often enough."""

    def __init__(self, good: int) -> None:
        super().__init__(METRICS["l2"])
        self.good = good
        self.asked = 0

    def features(self, images: Tensor) -> Features:
        return (images.double(),)

    def distance(self, reference: Features, images: Features) -> Tensor:
        self.asked += 1
        value = (reference[0] - images[0]).square().mean(dim=(1, 2, 3))
        return value if self.asked <= self.good else value * torch.nan


@pytest.fixture
def pairs(study_folder: Path) -> list[ImagePair]:
    return read_manifest(study_folder)


def _score(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(shift_study.main, ["score", str(folder), "--all-pairs", *arguments])


def test_a_run_goes_on_where_it_failed(pairs: list[ImagePair], tmp_path: Path) -> None:
    files = {"l2": tmp_path / "d.csv"}
    with pytest.raises(MetricError, match="gives nan"):
        run(pairs, [_Failing(2)], files=files)
    again = _Failing(99)
    said: list[tuple[int, int]] = []
    scores, computed = run(pairs, [again], files=files, begin=lambda *counts: said.append(counts))
    assert scores.distances == run(pairs, [load_metric("l2")])[0].distances
    assert again.asked == 2  # of four differing pairs
    assert said == [(computed, len(pairs) - computed)]
    assert 0 < computed < len(pairs)
    assert _read(files["l2"]) == scores.distances["l2"]
    assert journal_files(files["l2"]) == []


def test_a_distance_may_be_a_whole_number(pairs: list[ImagePair], tmp_path: Path) -> None:
    files = {"l2": tmp_path / "d.csv"}
    whole = _Failing(0)
    whole.spec = replace(whole.spec, identical=7)
    with pytest.raises(MetricError, match="gives nan"):
        run(pairs, [whole], files=files)
    scores, computed = run(pairs, [load_metric("l2")], files=files)
    assert computed == len(pairs) - 1
    assert scores.distances["l2"]["00000_n-0"] == 7


def test_a_run_that_was_killed_between_its_files_goes_on(study_folder: Path, tmp_path: Path) -> None:
    arguments = ("--metric", "l2", "--metric", "ssim", "-o", str(tmp_path / "d.csv"))
    broken = study_folder / "stimuli" / "00001_3.png"
    whole = broken.read_bytes()
    broken.write_bytes(b"")
    assert _score(study_folder, *arguments).exit_code == 1
    broken.write_bytes(whole)
    (tmp_path / "d-l2.csv").touch()
    again = _score(study_folder, *arguments)
    assert again.exit_code == 0, again.stderr
    assert "5 of 6 pairs are scored already; going on." in again.stderr
    for metric in ("l2", "ssim"):
        assert len(_read(tmp_path / f"d-{metric}.csv")) == 6
    assert "d-l2.csv exists already" in _score(study_folder, *arguments).stderr


def test_a_run_that_scored_nothing_leaves_nothing(study_folder: Path, tmp_path: Path) -> None:
    (study_folder / "stimuli" / "00000_0.png").write_bytes(b"")
    before = set(tmp_path.iterdir())
    assert _score(study_folder, "--metric", "l2", "-o", str(tmp_path / "d.csv")).exit_code == 1
    assert set(tmp_path.iterdir()) == before


def test_a_run_on_another_kind_of_device_is_not_taken_up(study_folder: Path, tmp_path: Path) -> None:
    arguments = ("--metric", "l2", "--device", "cpu", "-o", str(tmp_path / "d.csv"))
    broken = study_folder / "stimuli" / "00001_3.png"
    broken.write_bytes(b"")
    assert _score(study_folder, *arguments).exit_code == 1
    journal = tmp_path / "d.csv.partial"
    header, *rows = journal.read_text().splitlines(keepends=True)
    journal.write_text(json.dumps({**json.loads(header), "device": "cuda"}) + "\n" + "".join(rows))
    assert "another device (cuda instead of cpu)" in _score(study_folder, *arguments).stderr


def test_force_begins_again(study_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "d.csv"
    (tmp_path / "d.csv.partial").write_text("no json\n")
    refused = _score(study_folder, "--metric", "l2", "-o", str(output))
    assert refused.exit_code == 1
    assert "begin again with --force" in refused.stderr
    assert _score(study_folder, "--metric", "l2", "-o", str(output), "--force").exit_code == 0
    assert journal_files(output) == []
    assert len(output.read_text().splitlines()) == 1 + 6


def test_similarities_are_written_with_their_sign_turned(study_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "d.csv"
    assert _score(study_folder, "--metric", "psnr", "-o", str(output)).exit_code == 0
    found = _read(output)
    assert found["00000_n-0"] == -120
    assert found["00000_n-0"] < found["00000_n-1"] < 0


def test_bfloat16_is_refused_where_there_is_none(study_folder: Path) -> None:
    result = _score(study_folder, "--metric", "ssim", "--precision", "bfloat16")
    assert result.exit_code == 1
    assert "ssim has no precision but float32; ask for no other" in result.stderr


def _read(path: Path) -> dict[str, float]:
    with path.open(newline="") as file:
        return {row["pair"]: float(row["distance"]) for row in csv.DictReader(file)}


_HELD = """
import pathlib, time

asked = 0

def distance(reference, images):
    global asked
    asked += 1
    hold = pathlib.Path(__file__).with_name("hold")
    if asked == 5 and hold.exists():
        hold.with_name("held").touch()
        time.sleep(600)
    return (reference - images).square().mean(dim=(1, 2, 3))
"""


@pytest.mark.slow
def test_a_killed_run_is_taken_up(study_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "held_metric.py").write_text(_HELD)
    (tmp_path / "hold").touch()
    output = tmp_path / "d.csv"
    arguments = ("--metric", "held_metric:distance", "-o", str(output))
    verb = [sys.executable, "-m", "shift_study", "score", str(study_folder), "--all-pairs", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "held_metric", raising=False)
    with subprocess.Popen(verb, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment) as running:
        try:
            while running.poll() is None and not (tmp_path / "held").exists():
                time.sleep(0.02)
            second = _score(study_folder, *arguments)
        finally:
            running.kill()
    assert second.exit_code == 1
    assert second.stderr.splitlines()[-1] == (
        f"Error: Another run is writing {output}.partial; wait until it ends, or choose another file with -o."
    )
    assert not output.exists()
    kept = (tmp_path / "d.csv.partial").read_text().splitlines()[1:]
    assert len(kept) == 4
    (tmp_path / "hold").unlink()
    again = _score(study_folder, *arguments)
    assert again.exit_code == 0, again.stderr
    assert "4 of 6 pairs are scored already; going on." in again.stderr
    found = _read(output)
    assert len(found) == 6
    for line in kept:
        pair, _, distance = json.loads(line)
        assert found[pair] == distance
    assert journal_files(output) == []

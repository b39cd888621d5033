"""Runs that are killed and begun again, and that several processes share."""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor

import shift_study
from metric.errors import MetricError
from metric.interface import FeatureMetric, Features
from metric.registry import METRICS, load_metric
from metric.scoring.journal import journal_files
from metric.scoring.manifest import ImagePair, read_manifest
from metric.scoring.processes import Processes
from metric.scoring.run import discard_journals, run
from metric.scoring.score import score_pairs


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
    assert scores.distances == score_pairs(pairs, [load_metric("l2")]).distances
    assert again.asked == 2  # of four differing pairs
    assert said == [(computed, len(pairs) - computed)]
    assert 0 < computed < len(pairs)
    discard_journals(files)
    assert journal_files(files["l2"]) == []


def test_an_unfinished_line_is_scored_again(pairs: list[ImagePair], tmp_path: Path) -> None:
    files = {"l2": tmp_path / "d.csv"}
    run(pairs, [load_metric("l2")], files=files)
    (journal,) = journal_files(files["l2"])
    content = journal.read_text()
    journal.write_text(content[:-5])
    scores, computed = run(pairs, [load_metric("l2")], files=files)
    assert computed == 1
    assert scores.distances == score_pairs(pairs, [load_metric("l2")]).distances
    assert journal.read_text() == content


def test_a_run_goes_on_where_the_disk_was_full(pairs: list[ImagePair], tmp_path: Path) -> None:
    files = {"l2": tmp_path / "d.csv"}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(MetricError, match=r"d\.csv\.partial cannot be written: File too large"):
            run(pairs, [load_metric("l2")], files=files)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    scores, computed = run(pairs, [load_metric("l2")], files=files)
    assert 0 < computed < len(pairs)
    assert scores.distances == score_pairs(pairs, [load_metric("l2")]).distances


def test_a_pair_with_other_images_is_scored_again(pairs: list[ImagePair], tmp_path: Path) -> None:
    files = {"l2": tmp_path / "d.csv"}
    run(pairs, [load_metric("l2")], files=files)
    swapped = replace(pairs[1], stimulus=pairs[2].stimulus, stimulus_sha256=pairs[2].stimulus_sha256)
    scores, computed = run([pairs[0], swapped, *pairs[2:]], [load_metric("l2")], files=files)
    assert computed == 1
    assert scores.distances["l2"][swapped.pair] == scores.distances["l2"][pairs[2].pair]


def test_a_run_of_other_weights_is_not_taken_up(pairs: list[ImagePair], tmp_path: Path) -> None:
    files = {"l2": tmp_path / "d.csv"}
    run(pairs, [load_metric("l2")], files=files, settings={"l2": {"all": "a"}})
    with pytest.raises(MetricError, match=r"another all \(a instead of b\); remove it, or begin again with --force"):
        run(pairs, [load_metric("l2")], files=files, settings={"l2": {"all": "b"}})


@pytest.mark.parametrize("content", ["no json\n", '{"schema": "shift-study/scoring/1"}\n[1]\n', "[]\n"])
def test_a_damaged_journal_is_named(pairs: list[ImagePair], tmp_path: Path, content: str) -> None:
    (tmp_path / "d.csv.partial").write_text(content)
    with pytest.raises(MetricError, match=r"d\.csv\.partial is damaged; remove it"):
        run(pairs, [load_metric("l2")], files={"l2": tmp_path / "d.csv"})


def test_processes_share_pairs_by_reference(pairs: list[ImagePair]) -> None:
    shares = [Processes(rank, 2).share(pairs) for rank in range(2)]
    assert sorted(pair.pair for share in shares for pair in share) == sorted(pair.pair for pair in pairs)
    assert not {pair.reference for pair in shares[0]} & {pair.reference for pair in shares[1]}
    assert all(shares)


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


def _command(*arguments: object) -> Sequence[str]:
    return [sys.executable, "-m", "shift_study", *map(str, arguments)]


_HELD = """
import pathlib, time

asked = 0

def distance(reference, images):
    global asked
    asked += 1
    hold = pathlib.Path(__file__).with_name("hold")
    if asked == 3 and hold.exists():
        hold.with_name("held").touch()
        time.sleep(600)
    return (reference - images).square().mean(dim=(1, 2, 3))
"""


@pytest.mark.slow
def test_a_killed_run_is_taken_up(study_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "held_metric.py").write_text(_HELD)
    (tmp_path / "hold").touch()
    output = tmp_path / "d.csv"
    verb = _command("score", study_folder, "--all-pairs", "--metric", "held_metric:distance", "-o", output)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    running = subprocess.Popen(verb, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment)
    while running.poll() is None and not (tmp_path / "held").exists():
        time.sleep(0.02)
    running.kill()
    running.wait()
    assert not output.exists()
    kept = (tmp_path / "d.csv.partial").read_text().splitlines()[1:]
    assert len(kept) == 4  # two pairs that differ, and the two before them that do not
    (tmp_path / "hold").unlink()
    again = subprocess.run(verb, capture_output=True, text=True, check=True, env=environment)
    assert "4 of 6 pairs are scored already; going on." in again.stderr
    found = _read(output)
    assert len(found) == 6
    for line in kept:
        pair, _, distance = json.loads(line)
        assert found[pair] == distance
    assert journal_files(output) == []


@pytest.mark.slow
def test_two_processes_write_what_one_does(study_folder: Path, tmp_path: Path) -> None:
    verb = ["score", str(study_folder), "--all-pairs", "--metric", "stlpips-alex", "--json"]
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"),
            *("-m", "shift_study", *verb, "-o", str(tmp_path / "two.csv")),
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    subprocess.run(_command(*verb, "-o", tmp_path / "one.csv"), check=True, capture_output=True)
    one, two = _read(tmp_path / "one.csv"), _read(tmp_path / "two.csv")
    assert list(two) == list(one)
    assert list(two.values()) == pytest.approx(list(one.values()), rel=1e-5)
    assert journal_files(tmp_path / "two.csv") == []

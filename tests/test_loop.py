"""`make loop` in miniature: from photographs by way of a study and its observers to a trained metric beside others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMALL = {
    "OBSERVERS": 8,
    "TRIPLETS": 34,
    "TRIPLETS_EACH": 8,
    "IMAGES": 10,
    "SHIFTS": "0,9",
    "SIZE": 48,
    "SET": "schedule.epochs=1 schedule.decay_epochs=0",
    "PUBLISHED": "ssim l2",
}


def make(folder: Path, **settings: object) -> subprocess.CompletedProcess[str]:
    """The recipe itself, with the command that is installed here; nothing is installed."""
    given = {"BIN": Path(sys.executable).parent, "DIR": folder} | SMALL | settings
    words = [f"{name}={value}" for name, value in given.items()]
    command = ["make", "loop", "--no-print-directory", "--old-file=.venv/installed-metric", *words]
    # Where make runs the tests, this one is not a part of it.
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True)


@pytest.mark.slow
def test_the_loop_ends_with_the_trained_metric_beside_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "loop"
    done = make(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    for verb in ("new", "simulate", "bapps export", "train", "bapps score", "score", "bapps table", "compare"):
        assert f"/shift-study {verb} " in done.stdout, verb
    # Each verb says what comes next.
    assert f"Next:     shift-study report {folder / 'preferences'}" in done.stdout
    assert f"`shift-study train lpips --data {folder / 'judged' / 'shift_0'}` trains a metric" in done.stdout
    assert f"`shift-study compare {folder / 'shifts'} --distances {folder / 'distances-ssim.csv'}" in done.stderr
    held_out, _, shifts = (folder / "figures.txt").read_text(encoding="utf-8").partition("γ within shifts")
    assert "triplets of a set of BAPPS's layout; images resized to 48 px; votes of simulated observers" in held_out
    assert shifts.rstrip().endswith("Simulated observers answered: what stands here says nothing about people.")
    for name in ("trained", "ssim", "l2"):
        assert re.search(rf"^{name} +\d+\.\d\d \(\d+\.\d\d to \d+\.\d\d\)", held_out, re.M), name
        assert re.search(rf"^{name} .* [01]\.\d{{4}}  \([01]\.\d{{4}} to [01]\.\d{{4}}\)", shifts, re.M), name
    assert done.stdout.endswith((folder / "figures.txt").read_text(encoding="utf-8"))
    page = (folder / "scorecard" / "report.html").read_text(encoding="utf-8")
    assert "trained" in page
    assert "2 sets of judgments are not of people: what stands there says nothing about them." in page

    # What is there is not made again, and other settings are not mixed with it.
    again = make(folder)
    assert again.returncode == 0
    assert "/shift-study " not in again.stdout
    other = make(folder, SEED=2)
    assert other.returncode != 0
    assert "was not made by make loop SEED=2" in other.stderr
    assert "name another folder, make loop DIR=NAME" in other.stderr

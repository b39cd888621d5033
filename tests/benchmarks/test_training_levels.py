"""That flips are counted of the levels that are asked for, and what a proof must have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import training_levels
from benchmarks.training_levels import PARTS, Shown, kept_distances, level_distances, outcomes, run, shares
from metric import load
from metric.triplets.crops import crop_columns
from metric.triplets.made_set import MadeSet
from metric.triplets.photograph_files import Photograph

SHOWN = Shown(np.array([0.0, 1.0]), np.array([0, 0]))


def distances(*by_level: list[list[float]]) -> np.ndarray:
    """(2, 4, L, 2), alike for both triplets, of each level's two distances at each of four shifts."""
    return np.repeat(np.stack([np.array(level) for level in by_level], axis=1)[None], 2, axis=0)


def test_flips_are_of_the_levels_that_are_summed() -> None:
    turns = [[1.0, 4.0], [5.0, 4.0], [1.0, 4.0], [5.0, 4.0]]
    stays = [[1.0, 3.0], [1.0, 3.0], [1.0, 3.0], [3.0, 1.0]]
    found = distances(turns, stays)
    assert outcomes([found], PARTS["level 1"], SHOWN).by_seed.tolist() == [[50, 100, 0, 100]]
    assert outcomes([found], PARTS["levels 2 to 5"], SHOWN).by_seed.tolist() == [[50, 0, 0, 100]]
    assert outcomes([found], PARTS["all levels"], SHOWN).by_seed.tolist() == [[50, 0, 0, 100]]


def test_a_level_has_its_share_of_the_distance_without_shift() -> None:
    found = distances(
        [[1.0, 2.0], [9.0, 9.0], [9.0, 9.0], [9.0, 9.0]], [[3.0, 6.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    )
    assert shares([found]) == pytest.approx([0.25, 0.75])
    assert shares([found, found[:, :, ::-1]]) == pytest.approx([0.5, 0.5])


@pytest.mark.slow
def test_levels_add_up_to_the_metric(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    MadeSet(count=1, size_px=24, seed=1, enlarged=2).make([Photograph.of("noise", lambda: noise)], tmp_path / "made")
    found = level_distances("lpips-alex", tmp_path / "made")
    assert found.shape == (6, 4, 5, 2)
    home = tmp_path / "made" / "2afc" / "val" / "traditional"
    reference, second = (np.array(Image.open(home / part / "000000.png")) for part in ("ref", "p1"))
    whole = load("lpips-alex")(reference[:, crop_columns(48)], second[:, crop_columns(48, 2)])
    assert found[0, 2, :, 1].sum() == pytest.approx(float(whole), rel=1e-4)


def test_distances_are_kept_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "levels" / "one.npy"

    def no_room(path: Path, _: np.ndarray) -> None:
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(training_levels, "level_distances", lambda *_: np.ones(3))
    with monkeypatch.context() as full:
        full.setattr(training_levels.np, "save", no_room)
        with pytest.raises(OSError, match="No space"):
            kept_distances("l2", tmp_path, file)
    assert not file.exists()
    assert kept_distances("l2", tmp_path, file).tolist() == [1, 1, 1]
    monkeypatch.setattr(training_levels, "level_distances", lambda *_: pytest.fail("computed again"))
    assert kept_distances("l2", tmp_path, file).tolist() == [1, 1, 1]


def test_without_a_proof_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--part scratch"):
        run(tmp_path, 1)
    (tmp_path / "plan.json").write_text('{"seeds": [0]}', encoding="utf-8")
    with pytest.raises(SystemExit, match="trainings are not all done"):
        run(tmp_path, 1)

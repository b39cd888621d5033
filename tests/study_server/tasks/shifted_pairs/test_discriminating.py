"""Images on which two metrics disagree most, out of a pool that is scored once."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as some
from PIL import Image
from scipy.stats import norm, rankdata

from shift_study import main
from study_server.errors import StudyError
from study_server.export.responses import response_rows
from study_server.folder.check import check_folder
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.stimuli.photographs import Pixels, read_png
from study_server.storage.database import Database
from study_server.storage.registration import register
from study_server.tasks.shifted_pairs.discriminating import choose, disagreement
from study_server.tasks.shifted_pairs.new_study import Discriminating

COUNT = 4


class Scorer:
    """How much brighter a version is to the left and to the right; it counts what it is asked, and may break down."""

    def __init__(self, last: int = 10**9) -> None:
        self.asked, self.last = 0, last

    def __call__(self, reference: Pixels, versions: list[Pixels]) -> list[list[float]]:
        self.asked += 1
        if self.asked > self.last:
            raise KeyboardInterrupt
        half = reference.shape[1] // 2
        change = [np.abs(version.astype(float) - reference) for version in versions]
        return [[float(each[:, :half].mean()), float(each[:, half:].mean())] for each in change]


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Photographs with noise of different strength left and right."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    rng = np.random.default_rng(5)
    for number in range(8):
        left, right = rng.uniform(5, 60, 2)
        strength = np.repeat([left, right], [50, 50])[np.newaxis, :, np.newaxis]
        pixels = np.clip(128 + strength * rng.normal(size=(70, 100, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def make(folder: Path, photographs: Path, scorer: Scorer, pool: int = 48, **options: Any) -> StudyFolder:
    given: dict[str, Any] = {"count": COUNT, "size": 32, "shifts": [0, 2, 3, 9], "seed": 3} | options
    design = Discriminating(("left", "right"), scorer, pool)
    source = str(photographs)
    return make_study(folder, source=source, practice_images=source, discriminating=design, **given).folder


def test_a_recompressed_copy_among_the_selected_is_named(photographs: Path, tmp_path: Path) -> None:
    for path in list(photographs.glob("*.png")):
        Image.open(path).save(photographs / f"{path.stem}.jpg", quality=95)
    design = Discriminating(("left", "right"), Scorer(), 96)
    made = make_study(
        tmp_path / "study", source=str(photographs), practice_images="demo", discriminating=design, count=16, size=32,
        shifts=[0, 2, 3, 9], seed=3,
    )  # fmt: skip
    said = {name: remarks for name, remarks in made.remarks.items() if Path(name).suffix in (".png", ".jpg")}
    assert len(said) == 8
    for name, (remark,) in said.items():
        other = f"{Path(name).stem}{'.jpg' if name.endswith('.png') else '.png'}"
        assert remark.startswith(f"looks like {other}, ")


def test_half_of_the_images_are_those_in_which_one_metric_sees_more(photographs: Path, tmp_path: Path) -> None:
    scorer = Scorer()
    study = make(tmp_path / "study", photographs, scorer)
    assert Counter(row.selection for row in study.rows) == {"left > right": 8, "right > left": 8}
    assert study.settings.stimuli.selected_by == ["left", "right"]
    assert scorer.asked == 8 * 6
    assert len({row.source_file for row in study.rows}) == COUNT
    for row in study.rows:
        if row.shift_px in (2, 3):
            reference, stimulus = (read_png(study.path / file) for file in (row.reference_file, row.stimulus_file))
            ((left, right),) = scorer(reference, [stimulus])
            assert (left > right) == (row.selection == "left > right")
    assert check_folder(study).faults == []
    assert not (tmp_path / "study.pool.jsonl").exists()
    header, *pool = map(json.loads, (study.path / "pool.jsonl").read_text().splitlines())
    assert (header["metrics"], header["scored_shifts"]) == (["left", "right"], [2, 3])
    assert sum(len(entry["windows"]) for entry in pool) == 48


def test_the_responses_say_on_what_ground_an_image_was_selected(photographs: Path, tmp_path: Path) -> None:
    study = make(tmp_path / "study", photographs, Scorer())
    database = Database(study.database_url)
    register(study, database)
    with database.reading() as session:
        found = session.connection().exec_driver_sql("SELECT name, selection FROM stimulus_group").all()
    database.close()
    assert dict(found) == {row.image: row.selection for row in study.rows}
    assert response_rows(str(study.path)) == []


def test_a_pool_that_was_broken_off_is_gone_on_with(photographs: Path, tmp_path: Path) -> None:
    whole = make(tmp_path / "whole" / "study", photographs, Scorer())
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "study", photographs, Scorer(last=21))
    journal = tmp_path / "study.pool.jsonl"
    assert not (tmp_path / "study").exists() and len(journal.read_text().splitlines()) == 1 + 3
    with journal.open("a") as file:
        file.write('{"photograph": "7.png", "win')  # killed in the middle of a line
    scorer = Scorer()
    again = make(tmp_path / "study", photographs, scorer)
    assert scorer.asked == 8 * 6 - 18
    for name in ("manifest.csv", "pool.jsonl"):
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes()


def test_the_verb_goes_on_with_the_seed_of_the_pool(photographs: Path, tmp_path: Path) -> None:
    command = [
        "new", "study", "--images", str(photographs), "--practice-images", str(photographs), "--size", "32",
        "--count", "2", "--shifts", "0,2,9", "--pool", "16", "--design", "discriminating", "--metric", "l2", "--metric",
    ]  # fmt: skip
    for folder in (tmp_path / "study", tmp_path / "again"):
        command[1] = str(folder)
        result = CliRunner().invoke(main, [*command, "psnr"])
        assert result.exit_code == 0, result.output
        pool = (folder / "pool.jsonl").read_text()
        (tmp_path / "again.pool.jsonl").write_text("".join(pool.splitlines(keepends=True)[:3]))
    assert (tmp_path / "again" / "manifest.csv").read_bytes() == (tmp_path / "study" / "manifest.csv").read_bytes()
    assert CliRunner().invoke(main, command[:-1]).exit_code == 2
    assert "--metric twice" in CliRunner().invoke(main, [*command[:-5], "--metric", "l2"]).stderr


def test_where_nothing_could_be_scored_nothing_is_left(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "study", photographs, Scorer(last=0))
    assert [path.name for path in tmp_path.iterdir()] == ["photographs"]


def test_a_journal_of_another_pool_is_refused(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "study", photographs, Scorer(last=7))
    with pytest.raises(StudyError, match=r"study.pool.jsonl is of another pool \(shifts, scored_shifts differ\)"):
        make(tmp_path / "study", photographs, Scorer(), shifts=[0, 2, 9])
    (tmp_path / "study.pool.jsonl").write_text("no JSON\n")
    with pytest.raises(StudyError, match=r"study\.pool\.jsonl is damaged"):
        make(tmp_path / "study", photographs, Scorer())


def test_too_small_a_pool_and_shifts_without_a_middle_are_refused(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="9 images are needed, and the pool has 8 of 8 photographs: add"):
        make(tmp_path / "study", photographs, Scorer(), pool=1, count=9)
    with pytest.raises(StudyError, match="takes a shift between 0 and the largest"):
        make(tmp_path / "study", photographs, Scorer(), shifts=[0, 9])
    Image.fromarray(np.full((70, 100, 3), 7, np.uint8)).save(photographs / "grey.png")
    (photographs / "broken.png").write_bytes(b"no image")
    made = make_study(
        tmp_path / "made", source=str(photographs), count=2, size=32, shifts=[0, 2, 9],
        practice_images=str(photographs), discriminating=Discriminating(("left", "right"), Scorer(), 30),
    )  # fmt: skip
    assert set(made.skipped) == {"grey.png", "broken.png"}
    assert made.skipped["grey.png"].endswith("so uniform that a shift cannot be seen in it")


# --- which are chosen -------------------------------------------------------------------------------------------------


def test_scales_and_shifts_do_not_count() -> None:
    distances = np.random.default_rng(0).normal(size=(40, 2, 2))
    scores = norm.ppf((rankdata(distances, axis=0) - 0.5) / 40)
    expected = (scores[..., 0] - scores[..., 1]).mean(axis=1)
    straight = [1.0] * 40
    assert disagreement(distances, straight) == pytest.approx(expected)
    scaled = distances.copy()
    scaled[..., 0] = np.exp(scaled[..., 0])
    scaled[:, 1] += 100
    assert disagreement(scaled, straight) == pytest.approx(expected)


def test_images_are_ranked_among_those_that_moved_as_far() -> None:
    """A metric that follows the distance more closely than another sees no more in diagonals for that."""
    rng = np.random.default_rng(1)
    lengths = np.tile([1.0, 2**0.5], 200)
    moved = np.log(lengths)[:, np.newaxis, np.newaxis]
    distances = moved + rng.normal(size=(400, 2, 2)) * [0.1, 0.6]
    differences = disagreement(distances, lengths.tolist())
    assert np.mean(differences[lengths > 1]) == pytest.approx(0, abs=0.01)
    directions = ["up" if length == 1 else "up-left" for length in lengths]
    chosen = choose(differences, [str(n) for n in range(400)], directions, 40)
    first = [directions[place] for place in chosen if differences[place] > 0]
    assert Counter(first) == {"up": 10, "up-left": 10}
    assert Counter(directions[place] for place in chosen) == {"up": 20, "up-left": 20}


def test_the_images_of_largest_disagreement_are_chosen_from_both_ends() -> None:
    differences = np.array([0.1, 3.0, -2.0, 1.0, -0.5, 2.0, -3.0, 0.2])
    single, right = [str(n) for n in range(8)], ["right"] * 8
    assert choose(differences, single, right, 4) == [1, 2, 5, 6]
    assert choose(differences, single, right, 3) == [1, 5, 6]
    # Of one photograph a second one only where there are no others.
    assert choose(differences, ["a", "b", "c", "d", "e", "b", "c", "h"], right, 4) == [1, 3, 4, 6]
    assert choose(differences, ["a"] * 4 + ["b"] * 4, right, 3) == [1, 5, 6]
    # As many of each direction.
    assert choose(differences, single, ["up", "up", "up", "down", "down", "up", "up", "down"], 4) == [1, 3, 4, 6]
    with pytest.raises(ValueError, match="9 of 8 images cannot be chosen"):
        choose(differences, single, right, 9)


@given(st.data(), some.arrays(np.float64, st.integers(1, 30), elements=st.floats(-5, 5)))
def test_as_many_as_are_wanted_and_none_twice(data: st.DataObject, differences: np.ndarray) -> None:  # type: ignore[type-arg]
    size = len(differences)
    photographs = data.draw(st.lists(st.sampled_from("abcde"), min_size=size, max_size=size))
    directions = data.draw(st.lists(st.sampled_from(["up", "down", "left"]), min_size=size, max_size=size))
    count = data.draw(st.integers(0, size))
    chosen = choose(differences, photographs, directions, count)
    assert len(set(chosen)) == len(chosen) == count
    assert chosen == sorted(chosen)

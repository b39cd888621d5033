"""Triplets from photographs against crops and distortions worked out independently."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shift_study import Doors
from study_server.errors import StudyError
from study_server.stimuli.directions import DIRECTIONS
from study_server.stimuli.image_sources import demo_photographs, folder_photographs
from study_server.stimuli.manifest import read_manifest, write_manifest
from study_server.stimuli.photographs import Photograph, PhotographSource, Pixels, read_pixels, read_png
from study_server.tasks.two_afc.check import check_triplet
from study_server.tasks.two_afc.distorted_photographs import DistortedPhotographs
from study_server.tasks.two_afc.making import make_triplets
from study_server.tasks.two_afc.manifest_row import TripletRow
from study_server.tasks.two_afc.originals import originals_of
from study_server.tasks.two_afc.triplet import TripletDesign
from triplet_sets import noise, plain_distortion, save

# Row and column of the window's corner per pixel moved, written out once more.
MOVED = {
    "right": (0, 1), "left": (0, -1), "up": (-1, 0), "down": (1, 0),
    "up-right": (-1, 1), "up-left": (-1, -1), "down-right": (1, 1), "down-left": (1, -1),
}  # fmt: skip
DESIGN = TripletDesign(size=24, shifts=(0, 1, 3), direction="mixed", seed=5, count=16)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Smooth enough for a blur to leave something, and with room for margins."""
    for number in range(16):
        coarse = noise(40, 35, seed=number)
        save(tmp_path / "photographs" / f"{number:02d}.png", np.kron(coarse, np.ones((5, 5, 1), np.uint8)))
    return tmp_path / "photographs"


def source(folder: Path, distort: Callable[..., Pixels] = plain_distortion, catches: int = 0) -> DistortedPhotographs:
    return DistortedPhotographs(folder_photographs(folder, seed=0), distort, catches)


def make(root: Path, folder: Path, design: TripletDesign = DESIGN, **options: object) -> list[TripletRow]:
    rows, skipped = make_triplets(root, design, source(folder, **options))  # type: ignore[arg-type]
    assert skipped == {}
    return rows


def test_every_crop_is_a_part_of_the_photograph_or_of_its_distortion(photographs: Path, tmp_path: Path) -> None:
    """The whole photograph is distorted here: that only a piece of it was there shows in no crop."""
    rows = make(tmp_path / "study", photographs)
    assert [row.stimulus for row in rows[:3]] == ["00001_n-0", "00001_n-1", "00001_n-3"]
    assert len(rows) == 48 and len({row.source_file for row in rows}) == 16
    for row in rows:
        photograph = read_pixels(photographs / row.source_file)
        down, right = MOVED[row.direction]
        for role, text in (("reference", None), ("first", row.distortion_first), ("second", row.distortion_second)):
            top, left, whole = row.crop_y, row.crop_x, photograph
            if text is not None:
                top, left = top + down * row.shift_px, left + right * row.shift_px
                kind, strength = text.split()
                whole = plain_distortion(photograph, kind, float(strength), 0)
            assert top >= 0 and left >= 0
            crop = read_png(tmp_path / "study" / row.files[role])  # type: ignore[index]
            assert np.array_equal(crop, whole[top : top + 24, left : left + 24])


def test_directions_and_distortions_are_balanced(photographs: Path, tmp_path: Path) -> None:
    rows = make(tmp_path / "study", photographs)
    unshifted = [row for row in rows if row.shift_px == 0]
    assert Counter(row.direction for row in unshifted) == dict.fromkeys(DIRECTIONS, 2)
    kinds = Counter(row.distortion_first.split()[0] for row in unshifted)
    assert len(kinds) == 6 and set(kinds.values()) == {2, 3}
    assert all(row.distortion_first != row.distortion_second for row in rows)
    assert all(row.catch_answer == "" and row.share_second is None for row in rows)


def test_the_reference_is_one_file_and_the_rows_are_a_manifest(photographs: Path, tmp_path: Path) -> None:
    rows = make(tmp_path / "study", photographs)
    write_manifest(rows, tmp_path / "study" / "manifest.csv")
    assert read_manifest(tmp_path / "study" / "manifest.csv", TripletRow) == rows
    references = defaultdict(set)
    for row in rows:
        references[row.triplet].add(row.reference_file)
    assert all(len(files) == 1 for files in references.values())
    named = {file for row in rows for file in row.files.values()}
    written = {f"stimuli/{path.name}" for path in (tmp_path / "study" / "stimuli").iterdir()}
    assert written == named and len(named) == 16 * (1 + 2 * 3)


def test_the_same_seed_gives_the_same_files(photographs: Path, tmp_path: Path) -> None:
    """With everything that distortions draw."""
    distort = Doors().distort_photograph
    design = replace(DESIGN, count=7)
    once = make(tmp_path / "once", photographs, design, distort=distort, catches=2)
    assert make(tmp_path / "again", photographs, design, distort=distort, catches=2) == once
    for row in once:
        for file in row.files.values():
            assert (tmp_path / "once" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    other = make(tmp_path / "other", photographs, replace(design, seed=6), distort=distort, catches=2)
    assert {row.first_sha256 for row in other}.isdisjoint(row.first_sha256 for row in once)
    practice, _ = make_triplets(tmp_path / "practice", design, source(photographs, distort), "practice")
    assert [(r.source_file, r.window) for r in practice] != [(r.source_file, r.window) for r in once]


@pytest.mark.parametrize("catches", [1, 4, 16])
def test_catch_triplets_show_the_photograph_itself_and_something_much_worse(
    catches: int, photographs: Path, tmp_path: Path
) -> None:
    root = tmp_path / "study"
    rows = make(root, photographs, distort=Doors().distort_photograph, catches=catches)
    caught = {row.triplet: row.catch_answer for row in rows if row.catch_answer}
    assert len(caught) == catches
    assert abs(Counter(caught.values())["first"] - catches / 2) <= 0.5
    for row in rows:
        if not row.catch_answer:
            assert "none" not in (row.distortion_first, row.distortion_second)
            continue
        worse = {"first": "second", "second": "first"}[row.catch_answer]
        said = {"first": row.distortion_first, "second": row.distortion_second}
        assert said[row.catch_answer] == "none" and said[worse].endswith(" 1")
        if row.shift_px == 0:
            assert row.digests[row.catch_answer] == row.reference_sha256  # type: ignore[index]
            crops = [read_png(root / row.files[role]).astype(float) for role in ("reference", worse)]  # type: ignore[index]
            assert np.sqrt(np.mean((crops[0] - crops[1]) ** 2)) >= 12


def test_where_a_blur_is_not_obvious_a_catch_triplet_gets_noise(tmp_path: Path) -> None:
    ramp = np.add.outer(np.arange(200), np.arange(200))[..., None] // 4 + np.arange(3)
    save(tmp_path / "photographs" / "a.png", ramp.astype(np.uint8))
    design = replace(DESIGN, count=1, direction="right")
    (row, *_) = make(
        tmp_path / "study", tmp_path / "photographs", design, distort=Doors().distort_photograph, catches=1
    )
    assert sorted((row.distortion_first, row.distortion_second)) == ["noise 1", "none"]


def test_what_cannot_be_used_is_skipped_with_its_reason(photographs: Path, tmp_path: Path) -> None:
    save(photographs / "small.png", noise(25, 40))
    save(photographs / "uniform.png", np.full((90, 90, 3), 7, np.uint8))
    (photographs / "damaged.png").write_bytes(b"not an image")
    rows, skipped = make_triplets(
        tmp_path / "study", replace(DESIGN, count=None, direction="right"), source(photographs)
    )
    assert len(rows) == 3 * 16
    assert skipped == {
        "small.png": "25x40 pixels; a crop of 24 px with shifts to 3 px needs 27x24",
        "uniform.png": "so uniform that a shift cannot be seen in it",
        "damaged.png": "not an image that can be read",
    }
    with pytest.raises(StudyError) as caught:
        make_triplets(tmp_path / "more", replace(DESIGN, count=17), source(photographs))
    assert "17 triplets are needed for stimuli, and 16 could be made of the 19 photographs" in str(caught.value)
    assert "uniform.png: so uniform" in str(caught.value) and "lower --count or --size" in str(caught.value)


def test_distortions_that_give_the_same_pixels_make_no_triplet(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="its two distorted images have the same pixels, so that neither"):
        make(tmp_path / "study", photographs, distort=lambda pixels, *_: pixels)


def test_a_distortion_in_which_no_shift_can_be_seen_makes_no_triplet(photographs: Path, tmp_path: Path) -> None:
    def uniform(pixels: Pixels, kind: str, strength: float, seed: int) -> Pixels:
        return np.full_like(pixels, seed % 256)

    with pytest.raises(StudyError, match="so uniform that a shift cannot be seen in it"):
        make(tmp_path / "study", photographs, distort=uniform)


def test_more_catch_triplets_than_triplets(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="17 catch triplets of 16 triplets: ask for fewer"):
        make(tmp_path / "study", photographs, catches=17)


def test_a_photograph_gives_several_triplets_where_its_source_allows_it(tmp_path: Path) -> None:
    demo = DistortedPhotographs(demo_photographs(), plain_distortion)
    rows, _ = make_triplets(tmp_path / "study", TripletDesign(32, (0, 1), "right", 1, count=12), demo)
    used = Counter(row.source_file for row in rows)
    assert len(used) == 10 and sorted(used.values()) == [2] * 8 + [4] * 2
    assert len({(row.source_file, row.window) for row in rows}) == 12


def test_a_photograph_that_has_given_all_it_has_is_not_called_unusable(tmp_path: Path) -> None:
    small = [Photograph(save(tmp_path / f"{n}.png", noise(25, 24, seed=n)), f"{n}.png") for n in range(2)]
    large = Photograph(save(tmp_path / "large.png", noise(90, 80)), "large.png")
    photographs = PhotographSource("some", [*small, large], several_crops=True)
    design = TripletDesign(24, (0, 1), "right", 1, count=5)
    rows, skipped = make_triplets(tmp_path / "study", design, DistortedPhotographs(photographs, plain_distortion))
    assert skipped == {}
    assert Counter(row.source_file for row in rows) == {"0.png": 2, "1.png": 2, "large.png": 6}


def test_without_a_number_there_is_one_triplet_of_each_photograph(tmp_path: Path) -> None:
    demo = demo_photographs()
    save(tmp_path / "uniform.png", np.full((90, 90, 3), 7, np.uint8))
    some = replace(demo, photographs=[Photograph(tmp_path / "uniform.png", "uniform.png"), *demo.photographs])
    design = TripletDesign(32, (0, 1), "right", 1)
    rows, skipped = make_triplets(tmp_path / "study", design, DistortedPhotographs(some, plain_distortion))
    assert Counter(row.source_file for row in rows) == dict.fromkeys((p.name for p in demo.photographs), 2)
    assert list(skipped) == ["uniform.png"]


def test_no_more_photographs_are_distorted_than_are_asked_for(photographs: Path, tmp_path: Path) -> None:
    distorted = []

    def counted(pixels: Pixels, kind: str, strength: float, seed: int) -> Pixels:
        distorted.append(kind)
        return plain_distortion(pixels, kind, strength, seed)

    make(tmp_path / "study", photographs, replace(DESIGN, count=5), distort=counted)
    assert len(distorted) == 2 * 5


def test_the_folder_that_was_distorted_is_checked_again(photographs: Path, tmp_path: Path) -> None:
    distort = Doors().distort_photograph
    rows = make(tmp_path / "study", photographs, distort=distort, catches=3)
    for at in range(0, len(rows), 3):
        triplet = rows[at : at + 3]
        assert check_triplet(tmp_path / "study", triplet) == ([], False)
        assert check_triplet(tmp_path / "study", triplet, originals_of(str(photographs), distort)) == ([], True)
        # Without what distorts them, there is only the reference to compare with.
        assert check_triplet(tmp_path / "study", triplet, originals_of(str(photographs))) == ([], False)


def test_the_door_to_the_distortions_loads_no_torch() -> None:
    code = (
        "import sys, numpy, shift_study\n"
        "from study_server.tasks.two_afc.distortion_plan import KINDS\n"
        "pixels = numpy.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=numpy.uint8)\n"
        "for kind in KINDS:\n"
        "    made = shift_study.Doors().distort_photograph(pixels, kind, 0.5, 1)\n"
        "    assert made.shape == pixels.shape and made.dtype == numpy.uint8 and (made != pixels).any(), kind\n"
        "print(*{'torch', 'pandas'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.split() == []


def test_the_web_side_makes_triplets_without_the_metrics() -> None:
    code = (
        "import sys, study_server.tasks.two_afc.making, study_server.tasks.two_afc.originals\n"
        "print(*{'torch', 'pandas', 'metric', 'analysis'} & set(sys.modules))"
    )
    assert not subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()

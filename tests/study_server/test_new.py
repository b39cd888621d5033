"""`shift-study new` on demo photographs and on folders: what it makes, what it refuses, what it leaves behind."""

from __future__ import annotations

import csv
import json
import os
import shutil
import stat
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import study_server.tasks.shifted_pairs.making
from shift_study import main
from study_server.errors import StudyError
from study_server.folder.check import check_folder
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.stimuli import manifest
from study_server.stimuli.directions import DIRECTIONS, Direction
from study_server.stimuli.image_sources import demo_photographs, folder_photographs, locate
from study_server.stimuli.photographs import png_chunks, read_pixels, read_png
from study_server.tasks.shifted_pairs.pair_row import PairRow


def photograph(path: Path, width: int = 90, height: int = 80, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    for number in range(6):
        photograph(tmp_path / "photos" / f"{number}.png", seed=number)
    return tmp_path / "photos"


def make(folder: Path, source: Path | str, *, count: int = 3, size: int = 32, **options: object) -> StudyFolder:
    options.setdefault("practice_images", str(source))  # small ones, which are soon read
    return make_study(folder, source=str(source), count=count, size=size, **options).folder  # type: ignore[arg-type]


def new(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["new", *map(str, arguments)])


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def everything(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


# --- What is made -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_stimuli_are_crops_of_the_photographs(direction: Direction, photographs: Path, tmp_path: Path) -> None:
    study = make(tmp_path / "study", photographs, direction=direction, max_shift=5, seed=4)
    assert len(study.rows) == 3 * 6
    for row in study.rows:
        source = read_pixels(photographs / row.source_file)
        n = row.shift_px
        ways = direction.split("-")  # one along each axis on a diagonal
        left = row.crop_x + n * (ways.count("right") - ways.count("left"))
        top = row.crop_y + n * (ways.count("down") - ways.count("up"))
        assert min(left, top) >= 0
        stimulus = read_png(study.path / row.stimulus_file)
        assert stimulus.shape == (32, 32, 3)
        assert np.array_equal(stimulus, source[top : top + 32, left : left + 32])
        expected = source[row.crop_y : row.crop_y + 32, row.crop_x : row.crop_x + 32]
        assert np.array_equal(read_png(study.path / row.reference_file), expected)
        assert set(png_chunks(study.path / row.stimulus_file)) == {"IHDR", "IDAT", "IEND"}
    assert check_folder(study).faults == []


def test_same_seed_same_study_to_the_byte(photographs: Path, tmp_path: Path) -> None:
    make(tmp_path / "a" / "study", photographs, seed=11)
    make(tmp_path / "b" / "study", photographs, seed=11)
    make(tmp_path / "c" / "study", photographs, seed=12)
    assert files(tmp_path / "a" / "study") == files(tmp_path / "b" / "study")
    assert files(tmp_path / "a" / "study") != files(tmp_path / "c" / "study")
    windows = [
        {(row.source_file, row.crop_x, row.crop_y) for row in StudyFolder(tmp_path / n / "study").rows} for n in "ac"
    ]
    assert windows[0] != windows[1]


def test_the_folder_is_closed_and_what_is_in_it_like_any_other(photographs: Path, tmp_path: Path) -> None:
    """Not closed to others, as temporary folders are: where the server runs as another user, one chmod lets it in."""
    (tmp_path / "plain").mkdir()
    study = make(tmp_path / "study", photographs)
    assert stat.S_IMODE(study.path.stat().st_mode) == 0o700
    for path in (study.path / "stimuli", study.practice_path):
        assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_demo(tmp_path: Path) -> None:
    result = new(tmp_path / "study", "--images", "demo", "--count", "12", "--size", "40", "--max-shift", "3", "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["images"] == 12 and figures["pairs"] == 48 and figures["photographs_used"] == 10
    assert figures["skipped"] == {}
    study = StudyFolder(tmp_path / "study")
    assert all(row.licence for row in study.rows)
    names = {p.name for p in demo_photographs().photographs}
    assert {row.source_file for row in study.rows} == names
    assert not names & {trial.row.source_file for trial in study.practice_trials}
    windows = {(row.source_file, row.crop_x, row.crop_y) for row in study.rows}
    assert len(windows) == 12
    assert study.settings.stimuli.source == "demo"
    assert [trial.row.shift_px for trial in study.practice_trials] == [3, 0, 3, 0]
    report = check_folder(study)
    assert report.faults == [] and report.images_recut_from_source == report.images == 16


def test_settings_record_how_it_was_made(photographs: Path, tmp_path: Path) -> None:
    result = new(
        tmp_path / "My study!", "--images", photographs, "--count", "4", "--max-shift", "1", "--size", "32",
        "--direction", "up", "--seed", "9",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    settings = StudyFolder(tmp_path / "My study!").settings
    made = settings.stimuli
    assert (made.count, made.max_shift, made.size, made.direction, made.seed) == (4, 1, 32, "up", 9)
    assert made.source == str(photographs)
    assert settings.study.name == "My-study"
    assert (settings.trials.strategy, settings.trials.per_shift, settings.trials.seed) == ("balanced", 2, 9)


def test_few_images_are_given_out_as_in_the_paper(photographs: Path, tmp_path: Path) -> None:
    """Three images cannot carry ten trials with each image once."""
    settings = make(tmp_path / "study", photographs).settings
    assert (settings.trials.strategy, settings.trials.per_shift) == ("paper", 1)


def test_shifts_larger_than_the_crop(photographs: Path, tmp_path: Path) -> None:
    study = make(tmp_path / "study", photographs, size=16, max_shift=20)
    assert check_folder(study).faults == []


def test_an_empty_folder_is_filled_not_replaced(photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    before = (tmp_path / "study").stat().st_ino
    make(tmp_path / "study", photographs)
    assert (tmp_path / "study").stat().st_ino == before
    assert everything(tmp_path) - everything(tmp_path / "study") >= {"study", "photos"}
    assert not [p for p in (tmp_path / "study").iterdir() if p.name.startswith(".")]


def test_into_the_current_folder(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    result = new(".", "--images", "../photos", "--count", "3", "--size", "32")
    assert result.exit_code == 0, result.output
    assert CliRunner().invoke(main, ["check", "."]).exit_code == 0
    assert StudyFolder(Path()).settings.study.name == "here"


# --- Folders of photographs -------------------------------------------------------------------------------------------

NAMES = [
    "plain.png", "two words.png", "a,b.png", 'say "cheese".png', "Füße 足 🐾.png", "it's.png", "100%.png", "#1.png",
    " leading.png", "semi;colon.png", "sub folder/deeper/a.PNG", "no\u00a0break\u202fspace.png", "u2028\u2028x.png",
    "back\\slash.png",
]  # fmt: skip


def test_odd_file_names(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        photograph(tmp_path / "photos" / name, seed=number)
    study = make(tmp_path / "study", tmp_path / "photos", count=len(NAMES))
    assert {row.source_file for row in study.rows} == set(NAMES)
    report = check_folder(study)
    assert report.faults == [] and report.images_recut_from_source == report.images


@pytest.mark.parametrize("name", [b"caf\xe9.png", b"line\nbreak.png", b"return\r.png"])
def test_a_file_name_that_cannot_be_recorded_is_skipped(name: bytes, photographs: Path, tmp_path: Path) -> None:
    os.rename(os.fsencode(photographs / "0.png"), os.fsencode(photographs) + b"/" + name)  # noqa: PTH104
    result = new(tmp_path / "study", "--images", photographs, "--count", "5", "--size", "32")
    assert result.exit_code == 0, result.output
    reason = "its name is not UTF-8 or has control characters; rename it"
    assert reason in result.stderr
    assert reason in (tmp_path / "study" / "skipped.csv").read_text(encoding="utf-8")


def test_a_relative_folder_is_found_again_from_elsewhere(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert new("study", "--images", "photos", "--count", "3", "--size", "32").exit_code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    result = CliRunner().invoke(main, ["check", "../study", "--json"])
    report = json.loads(result.stdout)
    assert result.exit_code == 0 and report["images_recut_from_source"] == report["images"] == 7


def test_a_link_to_a_folder(photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(photographs)
    study = make(tmp_path / "study", tmp_path / "link", count=6)
    report = check_folder(study)
    assert report.faults == [] and report.images_recut_from_source == report.images


def test_what_cannot_be_used_is_skipped_and_listed_with_the_reason(photographs: Path, tmp_path: Path) -> None:
    (photographs / "notes.txt").write_text("not looked at")
    (photographs / "text.jpg").write_text("not an image")
    (photographs / "empty.png").touch()
    whole = photograph(photographs / "cut.png", seed=9).read_bytes()
    (photographs / "cut.png").write_bytes(whole[: len(whole) // 2])
    photograph(photographs / "small, very.png", width=40, height=80)
    Image.new("RGB", (90, 80), "teal").save(photographs / "flat.png")
    result = new(tmp_path / "study", "--images", photographs, "--count", "6", "--size", "32", "--json")
    assert result.exit_code == 0, result.output
    skipped = json.loads(result.stdout)["skipped"]
    with (tmp_path / "study" / "skipped.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1:] == [[name, reason] for name, reason in skipped.items()]
    reasons = {
        "text.jpg": "not an image that can be read",
        "empty.png": "not an image that can be read",
        "cut.png": "damaged or truncated",
        "small, very.png": "40x80 pixels; a crop of 32 px with shifts to 9 px needs 41x32",
        "flat.png": "so uniform that a shift cannot be seen in it",
    }
    assert set(skipped) <= set(reasons)  # those after the sixth good one are not opened
    for name, reason in skipped.items():
        assert reasons[name] in skipped[name], reason
        assert f"skipped {name}: " in result.stderr


def test_too_few_are_left(photographs: Path, tmp_path: Path) -> None:
    photograph(photographs / "small.png", width=20)
    before = everything(tmp_path)
    result = new(tmp_path / "study", "--images", photographs, "--count", "8", "--size", "32")
    assert result.exit_code == 1
    assert "8 images are needed for stimuli, and 6 could be made of the 7 photographs" in result.stderr
    assert "small.png: 20x80 pixels" in result.stderr
    assert "--count" in result.stderr
    assert everything(tmp_path) == before


def test_crops_larger_than_any_photograph(photographs: Path, tmp_path: Path) -> None:
    result = new(tmp_path / "study", "--images", photographs, "--count", "3", "--size", "200")
    assert result.exit_code == 1
    assert "90x80 pixels; a crop of 200 px with shifts to 9 px needs 209x200" in result.stderr
    assert "of which 0 were usable" in result.stderr


def test_practice_photographs_of_ones_own(photographs: Path, tmp_path: Path) -> None:
    for number in range(4):
        photograph(tmp_path / "practice" / f"p{number}.png", seed=100 + number)
    study = make(tmp_path / "study", photographs, practice_images=str(tmp_path / "practice"))
    assert {trial.row.source_file for trial in study.practice_trials} == {f"p{n}.png" for n in range(4)}
    assert check_folder(study).faults == []


def test_practice_photographs_too_small_name_their_own_option(tmp_path: Path) -> None:
    photograph(tmp_path / "photos" / "large.png", width=700, height=700)
    result = new(
        tmp_path / "study", "--images", tmp_path / "photos", "--count", "1", "--size", "600", "--max-shift", "1"
    )  # fmt: skip
    assert result.exit_code == 1
    assert "4 images are needed for practice" in result.stderr and "--practice-images" in result.stderr


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("dmeo", "'dmeo' is no source of images: give demo, a folder of images, or coco:SPLIT"),
        ("", "'' is no source of images"),
        ("photos/0.png", "'photos/0.png' is no source of images"),
        ("empty", "empty contains no images that can be read: put photographs"),
        ("texts", "texts contains no images that can be read: put photographs"),
        ("coco:test2016", "coco:test2016 is no split of MSCOCO; there are coco:test2014, coco:test2015, coco:test2017"),
    ],
)
def test_source_that_is_none(
    source: str, complaint: str, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    before = everything(tmp_path)
    result = new("deep/er/study", "--images", source)
    assert result.exit_code == 1
    assert complaint in result.stderr and "Traceback" not in result.stderr
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--images", "demo", "--count", "0"],
        ["--images", "demo", "--count", "many"],
        ["--images", "demo", "--max-shift", "0"],
        ["--images", "demo", "--size", "8"],
        ["--images", "demo", "--direction", "sideways"],
        ["--images", "demo", "--seed", "-1"],
        [],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], tmp_path: Path) -> None:
    result = new(tmp_path / "study", *arguments)
    assert result.exit_code == 2
    assert everything(tmp_path) == set()


@pytest.mark.parametrize("source", ["demo", "coco:test2017"])
def test_a_folder_that_is_not_empty_stays_as_it_is(source: str, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "notes.txt").write_text("mine")
    result = new(tmp_path / "study", "--images", source, "--count", "2")
    assert result.exit_code == 1 and "exists and is not empty: name a new folder" in result.stderr
    assert everything(tmp_path) == {"study", "study/notes.txt"}


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for target in (tmp_path / "file", tmp_path / "file" / "study"):
        result = new(target, "--images", "demo", "--count", "2", "--size", "32")
        assert result.exit_code == 1 and str(target) in result.stderr and "Traceback" not in result.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_bad_names(tmp_path: Path) -> None:
    result = new(tmp_path / "study", "--images", "demo", "--name", "a/b")
    assert result.exit_code == 1 and "--name 'a/b'" in result.stderr
    result = new(tmp_path / "study", "--images", "demo", "--practice-images", "coco:test2017")
    assert result.exit_code == 1 and "--practice-images" in result.stderr
    assert everything(tmp_path) == set()


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_failure_half_way_leaves_nothing(
    existing: bool, error: BaseException, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "new" / "study"
    if existing:
        target.mkdir(parents=True)
    before = everything(tmp_path)
    real = study_server.tasks.shifted_pairs.making.write_png
    written: list[Path] = []

    def write_until_full(pixels: object, path: Path) -> None:
        written.append(path)
        if len(written) > 15:
            raise error
        real(pixels, path)  # type: ignore[arg-type]

    monkeypatch.setattr(study_server.tasks.shifted_pairs.making, "write_png", write_until_full)
    expected = StudyError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="No space" if isinstance(error, OSError) else None):
        make(target, photographs)
    assert 15 < len(written) <= 20  # no image after the second
    assert everything(tmp_path) == before


def test_chosen_shifts_and_each_direction_for_as_many_images(photographs: Path, tmp_path: Path) -> None:
    result = new(
        tmp_path / "study", "--images", photographs, "--count", "16", "--size", "32", "--shifts", "0,2,3,9",
        "--at-each-shift", "3,4,4,3", "--direction", "mixed", "--practice-images", photographs, "--json",
    )  # fmt: skip
    assert result.exit_code == 1 and "16 images are needed for stimuli, and 6 could be made" in result.stderr
    for number in range(6, 16):
        photograph(photographs / f"{number}.png", seed=number)
    result = new(
        tmp_path / "study", "--images", photographs, "--count", "16", "--size", "32", "--shifts", "0,2,3,9",
        "--at-each-shift", "3,4,4,3", "--direction", "mixed", "--practice-images", photographs,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "judges 14 pairs, 3 of 0 px, 4 of 2 px, 4 of 3 px and 3 of 9 px" in result.stdout
    study = StudyFolder(tmp_path / "study")
    assert (study.settings.stimuli.max_shift, study.settings.trials.strategy) == (9, "balanced")
    assert Counter(row.shift_px for row in study.rows) == dict.fromkeys([0, 2, 3, 9], 16)
    assert Counter(row.direction for row in study.rows if not row.shift_px) == dict.fromkeys(DIRECTIONS, 2)
    report = check_folder(study)
    assert report.faults == [] and report.images_recut_from_source == report.images


def test_a_shift_that_the_manifest_lacks_is_named(photographs: Path, tmp_path: Path) -> None:
    study = make(tmp_path / "study", photographs, shifts=[0, 2, 3, 9])
    toml = study.path / "study.toml"
    toml.write_text(toml.read_text().replace("shifts = [0, 2, 3, 9]", "shifts = [0, 2, 4, 9]"))
    with pytest.raises(StudyError, match=r"lacks the pair 00001_n-4: restore it"):
        _ = StudyFolder(study.path).rows


@pytest.mark.parametrize("shifts", ["0", "2,3", "0,3,2", "0,2,2"])
def test_shifts_that_are_no_design_are_refused(shifts: str, tmp_path: Path) -> None:
    result = new(tmp_path / "study", "--images", "demo", "--shifts", shifts)
    assert result.exit_code == 1
    assert f"--shifts {shifts}: give different shifts, ascending from 0: 0,2,3,9" in result.stderr
    assert new(tmp_path / "study", "--images", "demo", "--shifts", "0;2").exit_code == 2
    assert not (tmp_path / "study").exists()


# --- Opening a folder that somebody changed ---------------------------------------------------------------------------


def test_what_is_not_a_study_folder(tmp_path: Path) -> None:
    for target in (tmp_path / "none", tmp_path):
        result = CliRunner().invoke(main, ["check", str(target)])
        assert result.exit_code == 1
        assert "is not a" in result.stderr and "shift-study new" in result.stderr


@pytest.mark.parametrize(
    ("old", "new_text", "complaint"),
    [
        ("count = 3", "count = 4", r"30 pairs of 3 images, but \[stimuli\] in study.toml says 4 images"),
        ("max_shift = 9", "max_shift = 8", "3 images with shifts 0 to 8"),
        ("size = 32", "size = 33", "differ in size or direction"),
        ('direction = "right"', 'direction = "left"', "differ in size or direction"),
        ("shifts = [9, 0, 4, 0]", "shifts = [10]", "asks for 10 px, but the practice stimuli have shifts up to 9"),
    ],
)
def test_settings_that_speak_of_other_stimuli(
    old: str, new_text: str, complaint: str, photographs: Path, tmp_path: Path
) -> None:
    study = make(tmp_path / "study", photographs)
    toml = study.path / "study.toml"
    assert old in toml.read_text()
    toml.write_text(toml.read_text().replace(old, new_text))
    with pytest.raises(StudyError, match=complaint):
        check_folder(StudyFolder(study.path))


def test_no_practice(photographs: Path, tmp_path: Path) -> None:
    study = make(tmp_path / "study", photographs)
    toml = study.path / "study.toml"
    toml.write_text(toml.read_text().replace("shifts = [9, 0, 4, 0]", "shifts = []"))
    shutil.rmtree(study.practice_path)
    again = StudyFolder(study.path)
    assert again.practice_trials == []
    assert check_folder(again).faults == []


def test_locate(photographs: Path) -> None:
    source = folder_photographs(photographs, seed=0)
    assert {locate(source.name, p.name) for p in source.photographs} == {p.path for p in source.photographs}
    assert locate(source.name, "gone.png") is None
    assert locate("demo", "coffee.png") is not None and locate("demo", "gone.png") is None
    assert locate("coco:test2017", "gone.jpg") is None


def test_manifest_order_is_that_of_the_images(photographs: Path, tmp_path: Path) -> None:
    study = make(tmp_path / "study", photographs, max_shift=2)
    pairs = [row.pair for row in manifest.read_manifest(study.manifest_path, PairRow)]
    assert pairs == [f"0000{image}_n-{shift}" for image in (1, 2, 3) for shift in (0, 1, 2)]

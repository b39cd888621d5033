"""`shift-study check` finds whatever somebody or something changed in a study folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from shift_study import main
from study_server.folder.check import check_folder
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.stimuli.manifest import read_manifest, write_manifest
from study_server.stimuli.photographs import Pixels, pixels_sha256, read_png, write_png
from study_server.tasks.shifted_pairs.pair_row import PairRow

PHOTOGRAPHS = "photographs"
OF_PRACTICE = "photographs of practice"


@pytest.fixture(scope="module", params=["right", "up"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small study of a folder of photographs, made once in each of two directions."""
    root = tmp_path_factory.mktemp(request.param)
    for folder, numbers in ((PHOTOGRAPHS, range(3)), (OF_PRACTICE, range(3, 7))):
        (root / folder).mkdir()
        for number in numbers:
            pixels = np.random.default_rng(number).integers(0, 256, (60, 70, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / folder / f"{number}.png")
    make_study(
        root / "study", source=str(root / PHOTOGRAPHS), practice_images=str(root / OF_PRACTICE), count=3, max_shift=4,
        size=24, direction=request.param,
    )  # fmt: skip
    return root


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """A copy of the study with its photographs, recorded where they lie now."""
    shutil.copytree(template, tmp_path / "copy")
    folder = tmp_path / "copy" / "study"
    toml = folder / "study.toml"
    toml.write_text(toml.read_text().replace(str(template), str(tmp_path / "copy")))
    return folder


def faults(folder: Path) -> list[str]:
    result = CliRunner().invoke(main, ["check", str(folder), "--json"])
    assert result.exit_code in (0, 1), result.output
    report = json.loads(result.stdout)
    assert result.exit_code == (1 if report["faults"] else 0)
    found: list[str] = report["faults"]
    return found


def hide_photographs(folder: Path) -> None:
    shutil.rmtree(folder.parent / PHOTOGRAPHS)


def change_row(folder: Path, pair: str, **values: object) -> None:
    rows = read_manifest(folder / "manifest.csv", PairRow)
    write_manifest([replace(r, **values) if r.pair == pair else r for r in rows], folder / "manifest.csv")  # type: ignore[arg-type]


def stimulus(folder: Path, pair: str) -> Path:
    return folder / "stimuli" / f"{pair}.png"


def put(folder: Path, pair: str, pixels: Pixels, *, agree: bool) -> None:
    """Put other pixels in the place of a stimulus; the manifest's hash agrees with them, or does not."""
    write_png(pixels, stimulus(folder, pair))
    if agree:
        change_row(folder, pair, stimulus_sha256=pixels_sha256(pixels))


def row(folder: Path, pair: str) -> PairRow:
    return next(r for r in read_manifest(folder / "manifest.csv", PairRow) if r.pair == pair)


def test_a_good_folder(folder: Path) -> None:
    report = check_folder(StudyFolder(folder))
    assert report.faults == []
    assert report.pairs == 3 * 5 + 4 * 5 and report.images == 3 + 4
    assert report.images_recut_from_source == report.images
    result = CliRunner().invoke(main, ["check", str(folder)])
    assert result.exit_code == 0
    assert "35 pairs of 7 images checked, 7 images cut again" in result.stdout and "no faults" in result.stdout


@pytest.mark.parametrize("originals", [True, False])
def test_missing_originals_are_said(originals: bool, folder: Path) -> None:
    if originals:  # there, but not the same any more
        for photograph in (folder.parent / PHOTOGRAPHS).iterdir():
            with Image.open(photograph) as image:
                image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photograph)
    else:
        hide_photographs(folder)
    result = CliRunner().invoke(main, ["check", str(folder)])
    assert result.exit_code == 0
    assert "35 pairs of 7 images checked, 4 images cut again from their photograph" in result.stdout


@pytest.mark.parametrize("originals", [True, False])
@pytest.mark.parametrize("agree", [True, False])
@pytest.mark.parametrize("pair", ["00002_n-0", "00002_n-1", "00002_n-4"])
def test_one_level_of_one_pixel(pair: str, agree: bool, originals: bool, folder: Path) -> None:
    if not originals:
        hide_photographs(folder)
    pixels = read_png(stimulus(folder, pair)).copy()
    pixels[12, 12, 1] ^= 1
    put(folder, pair, pixels, agree=agree)
    found = faults(folder)
    assert found and all("00002" in fault for fault in found)


@pytest.mark.parametrize("originals", [True, False])
def test_a_rolled_crop_whose_hash_agrees(originals: bool, folder: Path) -> None:
    """The overlap of a rolled image is right; only its newly shown edge is not."""
    if not originals:
        hide_photographs(folder)
    direction = row(folder, "00001_n-3").direction
    shift = {"right": (0, -3), "left": (0, 3), "up": (3, 0), "down": (-3, 0)}[direction]
    put(folder, "00001_n-3", np.roll(read_png(stimulus(folder, "00001_n-0")), shift, (0, 1)), agree=True)
    found = faults(folder)
    assert found and all("00001" in fault for fault in found)


def test_a_padded_edge_of_every_shift_is_found_by_the_photograph(folder: Path) -> None:
    """All versions padded with one colour agree with each other, so it takes the photograph to tell."""
    reference = read_png(stimulus(folder, "00001_n-0"))
    step = {"right": (0, 1), "left": (0, -1), "up": (-1, 0), "down": (1, 0)}[row(folder, "00001_n-0").direction]
    wide = np.full((24 + 8, 24 + 8, 3), 128, np.uint8)
    wide[4:28, 4:28] = reference
    for n in range(1, 5):
        top, left = 4 + n * step[0], 4 + n * step[1]
        put(folder, f"00001_n-{n}", wide[top : top + 24, left : left + 24], agree=True)
    assert len(faults(folder)) == 4
    hide_photographs(folder)
    assert check_folder(StudyFolder(folder)).images_recut_from_source == 4


def test_crops_of_another_place(folder: Path) -> None:
    """A whole image cut elsewhere in the photograph is consistent in itself."""
    moved = row(folder, "00003_n-0")
    for n in range(5):
        change_row(folder, f"00003_n-{n}", crop_x=max(4, moved.crop_x) + 1)
    found = faults(folder)
    assert any("not the crop of" in fault or "leaves the" in fault for fault in found)


def test_swapped_files(folder: Path) -> None:
    one, two = stimulus(folder, "00001_n-2"), stimulus(folder, "00001_n-3")
    one.rename(folder / "aside")
    two.rename(one)
    (folder / "aside").rename(two)
    found = faults(folder)
    assert any(str(one) in fault for fault in found) and any(str(two) in fault for fault in found)


def test_swapped_files_whose_hashes_agree(folder: Path) -> None:
    hide_photographs(folder)
    two, three = read_png(stimulus(folder, "00001_n-2")), read_png(stimulus(folder, "00001_n-3"))
    put(folder, "00001_n-2", three, agree=True)
    put(folder, "00001_n-3", two, agree=True)
    found = faults(folder)
    assert any("00001_n-2" in fault and "not the reference moved" in fault for fault in found)


def test_missing_file(folder: Path) -> None:
    stimulus(folder, "00002_n-3").unlink()
    assert faults(folder) == [f"{stimulus(folder, '00002_n-3')} is missing"]


def test_stray_file(folder: Path) -> None:
    write_png(np.zeros((24, 24, 3), np.uint8), folder / "stimuli" / "00009_n-0.png")
    (folder / "practice" / "stimuli" / "Thumbs.db").touch()
    assert faults(folder) == [
        f"{folder}/stimuli/00009_n-0.png: not in the manifest",
        f"{folder}/practice/stimuli/Thumbs.db: not in the manifest",
    ]


def with_text(path: Path) -> None:
    info = PngInfo()
    info.add_text("Comment", "shift 1")
    Image.open(path).save(path, pnginfo=info)


def with_gamma(path: Path) -> None:
    info = PngInfo()
    info.add(b"gAMA", (45455).to_bytes(4, "big"))
    Image.open(path).save(path, pnginfo=info)


def with_profile(path: Path) -> None:
    Image.open(path).save(path, icc_profile=b"some profile")


def with_resolution(path: Path) -> None:
    Image.open(path).save(path, dpi=(300, 300))


def with_orientation(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.open(path).save(path, exif=exif)


def with_appendix(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0\0\0\4tail1234crc!")


@pytest.mark.parametrize(
    ("add", "chunk"),
    [
        (with_text, "tEXt"),
        (with_gamma, "gAMA"),
        (with_profile, "iCCP"),
        (with_resolution, "pHYs"),
        (with_orientation, "eXIf"),
        (with_appendix, "tail"),
    ],
)
def test_png_that_carries_more_than_pixels(add: Callable[[Path], None], chunk: str, folder: Path) -> None:
    add(stimulus(folder, "00001_n-1"))
    assert faults(folder) == [
        f"{stimulus(folder, '00001_n-1')}: carries the PNG chunk {chunk}; stimuli carry pixels only"
    ]


def test_wrong_size(folder: Path) -> None:
    write_png(np.zeros((24, 25, 3), np.uint8), stimulus(folder, "00001_n-1"))
    assert faults(folder) == [f"{stimulus(folder, '00001_n-1')}: 25x24 pixels where the manifest says 24x24"]


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_no_image(content: bytes, folder: Path) -> None:
    stimulus(folder, "00001_n-1").write_bytes(content)
    found = faults(folder)
    assert len(found) == 1 and str(stimulus(folder, "00001_n-1")) in found[0]


def test_pair_of_another_image_in_an_image(folder: Path) -> None:
    other = row(folder, "00002_n-0")
    change_row(folder, "00001_n-3", source_file=other.source_file)
    assert faults(folder) == ["image 00001: its pairs differ in reference, photograph or crop window"]


def test_practice_is_checked_too(folder: Path) -> None:
    path = folder / "practice" / "stimuli" / "00001_n-4.png"
    pixels = read_png(path).copy()
    pixels[0, 0, 0] ^= 128
    write_png(pixels, path)
    found = faults(folder)
    assert found and all("practice" in fault or "00001_n-4" in fault for fault in found)


def test_every_fault_is_listed(folder: Path) -> None:
    stimulus(folder, "00001_n-1").unlink()
    stimulus(folder, "00003_n-1").unlink()
    result = CliRunner().invoke(main, ["check", str(folder)])
    assert result.exit_code == 1
    assert "00001_n-1.png is missing" in result.stdout and "00003_n-1.png is missing" in result.stdout
    assert "; 2 faults" in result.stdout

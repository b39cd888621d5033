"""Folders as people have them: copies, phones' forms, forms that nobody reads, colours that are not sRGB."""

from __future__ import annotations

import csv
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image, PngImagePlugin

import shift_study
from study_server.errors import StudyError
from study_server.stimuli.duplicates import Duplicates
from study_server.stimuli.image_sources import demo_photographs, folder_photographs
from study_server.stimuli.photographs import Pixels, read_photograph, read_pixels
from test_photographs import P3_TO_XYZ, grey_profile, matrix_profile


def photograph(name: str = "china.jpg", left: int = 0, size: int = 128) -> Pixels:
    path = next(each.path for each in demo_photographs().photographs if each.name == name)
    return read_pixels(path)[100 : 100 + size, left : left + size]


def save(pixels: Pixels, path: Path, **options: Any) -> Path:
    read_pixels(demo_photographs().photographs[0].path)  # Pillow knows HEIF from now on
    Image.fromarray(pixels).save(path, **options)
    return path


def new(folder: Path, photographs: Path, count: int, *options: str) -> Result:
    words = ["new", str(folder), "--images", str(photographs), "--count", str(count), "--size", "32"]
    return CliRunner().invoke(shift_study.main, [*words, "--max-shift", "3", "--practice-images", "demo", *options])


def skipped(folder: Path) -> dict[str, str]:
    if not (folder / "skipped.csv").exists():
        return {}
    with (folder / "skipped.csv").open(encoding="utf-8", newline="") as file:
        return {row["source_file"]: row["reason"] for row in csv.DictReader(file)}


# --- one photograph under several names -------------------------------------------------------------------------------


def test_the_same_photograph_twice_is_one_image(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for left in (0, 130, 260, 390):
        save(photograph(left=left), photographs / f"{left}.png")
    (photographs / "copy of 0.png").write_bytes((photographs / "0.png").read_bytes())
    save(photograph(left=130), photographs / "130.bmp")  # other bytes, the same pixels
    # Whoever comes last is looked at where the others are not enough.
    last = {seed: folder_photographs(photographs, seed).photographs[-1].name for seed in range(50)}
    seed = next(seed for seed, name in last.items() if name == "260.png")
    result = new(tmp_path / "study", photographs, 4, "--seed", str(seed))
    assert result.exit_code == 0, result.output
    reasons = skipped(tmp_path / "study")
    names = {name.rpartition("/")[2] for name in reasons}
    assert len(names) == 2 and len(names & {"0.png", "copy of 0.png"}) == len(names & {"130.png", "130.bmp"}) == 1
    for name, reason in reasons.items():
        other = reason.removeprefix("the same pixels as ").removesuffix(": one photograph counts once")
        assert np.array_equal(read_pixels(photographs / name), read_pixels(photographs / other))
    refused = new(tmp_path / "more", photographs, 5)
    assert refused.exit_code == 1 and "one photograph counts once" in refused.output


def test_a_recompressed_or_resized_copy_is_named(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    whole = [photograph(name, size=256) for name in ("china.jpg", "flower.jpg", "astronaut.png")]
    for number, pixels in enumerate(whole):
        save(pixels, photographs / f"{number}.png")
    save(whole[0], photographs / "again.jpg", quality=60)
    small = np.asarray(Image.fromarray(whole[1]).resize((140, 140), Image.Resampling.LANCZOS))
    save(small, photographs / "small.png")
    result = new(tmp_path / "study", photographs, 5, "--json")
    assert result.exit_code == 0, result.output
    remarks = json.loads(result.stdout)["remarks"]
    pairs = {frozenset((name, text.split()[2].rstrip(","))) for name, (text,) in remarks.items()}
    assert pairs == {frozenset(("0.png", "again.jpg")), frozenset(("1.png", "small.png"))}
    assert all(f"note {name}: looks like " in result.stderr for name in remarks)


def test_a_photograph_is_no_duplicate_of_itself() -> None:
    duplicates = Duplicates()
    for _ in range(2):
        duplicates.refuse_same("a", photograph())
    with pytest.raises(StudyError, match="the same pixels as a"):
        duplicates.refuse_same("b", photograph())


# --- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
def test_what_phones_write_is_read(form: str, tmp_path: Path) -> None:
    suffix = {"HEIF": ".heic", "AVIF": ".avif"}[form]
    path = save(photograph(), tmp_path / f"IMG_1{suffix.upper()}", format=form, quality=100)
    (found,) = folder_photographs(tmp_path, seed=1).photographs
    assert found.path == path
    difference = read_pixels(path).astype(int) - photograph()
    assert abs(difference).mean() < 3
    # A telephone held upright: the orientation is that of the picture.
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.ascontiguousarray(np.rot90(photograph()[:96]))
    save(stored, path, format=form, quality=100, exif=exif.tobytes())
    assert read_pixels(path).shape == (96, 128, 3)


def test_a_telephones_profile_is_converted(tmp_path: Path) -> None:
    """Display P3, which iPhones write, by way of HEIC as by way of PNG."""
    profile = matrix_profile(b"Display P3", P3_TO_XYZ, 2.2)
    for name in ("a.png", "a.heic"):
        save(np.full((64, 64, 3), (200, 60, 40), np.uint8), tmp_path / name, icc_profile=profile)
    plain, phones = (read_pixels(tmp_path / name)[32, 32].astype(int) for name in ("a.png", "a.heic"))
    assert abs(plain - (200, 60, 40)).max() > 5
    assert abs(plain - phones).max() <= 4


def test_forms_that_cannot_be_read_are_counted_and_named(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    (photographs / "raw").mkdir(parents=True)
    forms = {
        "a.jxl": "JPEG XL", "raw/b.CR3": "camera raw", "c.psd": "Photoshop", "d.svg": "SVG", "e.dng": "camera raw",
        "f.ico": "icon", "größe.cr2": "camera raw", "g.heics": "HEIC sequence", "h.pnm": "PNM",
    }  # fmt: skip
    for name in forms:
        (photographs / name).write_bytes(b"whatever")
    for name in (".hidden.jpg", "._IMG_1.jpg", "Thumbs.db", ".DS_Store", "desktop.ini", "notes.txt"):
        (photographs / name).write_bytes(b"no photograph")
    (photographs / "__MACOSX").mkdir()
    (photographs / "__MACOSX" / "g.jpg").write_bytes(b"no photograph")
    nothing = new(tmp_path / "study", photographs, 1)
    assert nothing.exit_code == 1
    assert (
        "no images that can be read; 1 HEIC sequence; 1 JPEG XL; 1 PNM; 1 Photoshop; 1 SVG; 3 camera raw; 1 icon"
        in nothing.output
    )
    save(photograph(), photographs / "good.png")
    result = new(tmp_path / "study", photographs, 1)
    assert result.exit_code == 0, result.output
    assert skipped(tmp_path / "study") == {
        name: f"{form} cannot be read; save it as PNG" for name, form in forms.items()
    }
    assert f"{len(forms)} skipped" in result.stdout


def test_a_photograph_that_lost_its_suffix_is_named(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    save(photograph(), photographs / "good.png")
    for form in ("JPEG", "PNG", "GIF", "TIFF"):
        save(photograph(), photographs / f"download of {form}", format=form)
    (photographs / "README").write_text("no photograph", encoding="utf-8")
    assert new(tmp_path / "study", photographs, 1).exit_code == 0
    assert skipped(tmp_path / "study") == {
        f"download of {form}": f"{form} without a suffix: add it to its name" for form in ("JPEG", "PNG", "GIF", "TIFF")
    }


@pytest.mark.parametrize("usable", [True, False])
def test_a_raw_file_beside_each_photograph_is_one_line_on_the_terminal(usable: bool, tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(30):
        (photographs / f"IMG_{number:02}.NEF").write_bytes(b"whatever")
    (photographs / "IMG_99.jpg").write_bytes(b"no photograph")
    save(photograph(), photographs / "good.png")
    result = new(tmp_path / "study", photographs, 1 if usable else 2, "--seed", "5")
    assert result.exit_code == (not usable), result.output
    assert "30 files (IMG_00.NEF, IMG_01.NEF, …): camera raw cannot be read; save it as PNG" in result.stderr
    assert result.stderr.count(".NEF") == 2
    if usable:
        assert {f"IMG_{number:02}.NEF" for number in range(30)} <= set(skipped(tmp_path / "study"))
    else:
        assert "IMG_99.jpg: not an image that can be read" in result.stderr


# --- what is passed over ----------------------------------------------------------------------------------------------


def test_first_frames_flattened_transparency_and_useless_profiles_are_said(tmp_path: Path) -> None:
    pixels = photograph(size=64)
    frames = [Image.fromarray(pixels), Image.new("RGB", (64, 64), "red")]
    frames[0].save(tmp_path / "film.webp", save_all=True, append_images=frames[1:], lossless=True)
    frames[0].save(tmp_path / "pages.tif", save_all=True, append_images=frames[1:])
    see_through = Image.fromarray(np.dstack([pixels, np.full((64, 64), 128, np.uint8)]))
    see_through.save(tmp_path / "glass.png")
    opaque = Image.fromarray(np.dstack([pixels, np.full((64, 64), 255, np.uint8)]))
    opaque.save(tmp_path / "opaque.png")
    save(pixels, tmp_path / "profile.png", icc_profile=b"no profile at all" * 10)
    notes = {path.name: read_photograph(path).notes for path in tmp_path.iterdir()}
    assert notes == {
        "film.webp": ("2 images in one file: the first is taken",),
        "pages.tif": ("2 images in one file: the first is taken",),
        "glass.png": ("transparent in places: laid on white",),
        "opaque.png": (),
        "profile.png": ("its colour profile is damaged or does not fit its pixels (RGB): ignored",),
    }


def test_a_profile_of_other_pixels_is_said(tmp_path: Path) -> None:
    save(photograph(size=64), tmp_path / "a.png", icc_profile=grey_profile(2.2))
    read = read_photograph(tmp_path / "a.png")
    assert np.array_equal(read.pixels, photograph(size=64))
    assert read.notes == ("its colour profile is damaged or does not fit its pixels (RGB): ignored",)


WIDE_CHROMATICITY = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
SRGB_CHROMATICITY = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


@pytest.mark.parametrize(
    ("chunks", "says"),
    [
        ({b"cICP": bytes([9, 16, 0, 1])}, r"cICP: BT.2020, PQ"),
        ({b"cICP": bytes([12, 13, 0, 1])}, r"cICP: Display P3, transfer 13"),
        ({b"cICP": bytes([1, 13, 0, 1])}, ""),
        ({b"cICP": bytes([1, 13, 0, 0])}, r"those of video, 16 to 235 \(cICP\)"),
        # A profile that nobody can read does not speak for the pixels.
        ({b"iCCP": b"x\0\0no zlib", b"gAMA": struct.pack(">I", 100000)}, "its gamma is 1 and not sRGB's"),
        ({b"iCCP": b"x\0\0" + zlib.compress(b"none" * 50), b"gAMA": struct.pack(">I", 100000)}, "its gamma is 1"),
        ({b"gAMA": struct.pack(">I", 100000)}, "its gamma is 1 and not sRGB's"),
        ({b"gAMA": struct.pack(">I", 45455)}, ""),
        ({b"gAMA": struct.pack(">I", 45455), b"cHRM": struct.pack(">8I", *SRGB_CHROMATICITY)}, ""),
        ({b"cHRM": struct.pack(">8I", *WIDE_CHROMATICITY)}, "primary colours"),
        ({b"gAMA": struct.pack(">I", 100000), b"sRGB": b"\0"}, ""),  # which a viewer prefers (PNG, clause 13.13)
        ({b"gAMA": struct.pack(">I", 100000), b"cICP": bytes([1, 13, 0, 1])}, ""),
    ],
)  # fmt: skip
def test_colours_that_a_viewer_would_show_otherwise(chunks: dict[bytes, bytes], says: str, tmp_path: Path) -> None:
    file, info = io.BytesIO(), PngImagePlugin.PngInfo()
    Image.fromarray(photograph(size=64)).save(file, "PNG", pnginfo=info)
    plain = file.getvalue()
    extra = b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks.items()
    )
    at = 8 + 25  # behind the signature and the header
    (tmp_path / "a.png").write_bytes(plain[:at] + extra + plain[at:])
    if says:
        with pytest.raises(StudyError, match=f"{says}.*save it as sRGB"):
            read_pixels(tmp_path / "a.png")
    else:
        assert np.array_equal(read_pixels(tmp_path / "a.png"), photograph(size=64))


def test_high_dynamic_range_of_a_telephone_is_refused(tmp_path: Path) -> None:
    path = save(photograph(), tmp_path / "a.avif")
    data = path.read_bytes()
    at = data.index(b"colrnclx") + 8
    path.write_bytes(data[:at] + struct.pack(">HH", 9, 16) + data[at + 4 :])
    with pytest.raises(StudyError, match=r"nclx: BT\.2020, PQ"):
        read_pixels(path)


def test_a_profile_that_cannot_be_unpacked_is_said(tmp_path: Path) -> None:
    path = save(photograph(size=64), tmp_path / "a.png")
    data, content = path.read_bytes(), b"iCCPx\0\0no zlib"
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    path.write_bytes(data[:33] + chunk + data[33:])
    assert read_photograph(path).notes == ("its colour profile is damaged: ignored",)


@pytest.mark.parametrize(
    ("space", "index", "profiled", "says"),
    [(65535, "R03", False, True), (65535, "R98", False, False), (1, "R03", False, False), (65535, "R03", True, False)],
)
def test_a_camera_that_says_adobe_rgb_without_a_profile(
    space: int, index: str, profiled: bool, says: bool, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA001: space, 0xA005: {1: index}})
    profile = matrix_profile(b"Display P3", P3_TO_XYZ, 2.2) if profiled else None
    path = save(photograph(size=64), tmp_path / "a.jpg", exif=exif.tobytes(), icc_profile=profile)
    notes = ("its camera says Adobe RGB, without a colour profile: taken as sRGB",) * says
    assert read_photograph(path).notes == notes

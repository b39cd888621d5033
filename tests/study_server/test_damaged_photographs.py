"""Damage that Pillow passes over is refused, as far as the form of the file can tell it."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from study_server.errors import StudyError
from study_server.stimuli.image_sources import demo_photographs
from study_server.stimuli.photographs import Pixels, read_photograph, read_pixels

CHINA = next(photo.path for photo in demo_photographs().photographs if photo.name == "china.jpg")
PROGRESSIVE = pytest.mark.parametrize("progressive", [False, True])


def encoded(form: str, pixels: Pixels | None = None, **options: object) -> bytes:
    """The photograph in a form."""
    file = io.BytesIO()
    Image.fromarray(read_pixels(CHINA) if pixels is None else pixels).save(file, form, **options)
    return file.getvalue()


def decoded(data: bytes, folder: Path) -> Pixels | None:
    """Its pixels, None where it is refused."""
    (folder / "photo").write_bytes(data)
    try:
        return read_pixels(folder / "photo")
    except StudyError:
        return None


@PROGRESSIVE
def test_zeroed_bytes_in_the_scan_of_a_jpeg(progressive: bool, tmp_path: Path) -> None:
    """As a bad sector leaves them: Pillow decodes all of these without a word."""
    whole = encoded("JPEG", quality=90, progressive=progressive)
    refused = passed_by_pillow = 0
    for tenth in range(2, 9):
        data = bytearray(whole)
        at = len(data) * tenth // 10
        data[at : at + 300] = bytes(300)
        refused += decoded(bytes(data), tmp_path) is None
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            passed_by_pillow += 1
    assert (refused, passed_by_pillow) == (7, 7)


def test_zeroed_bytes_in_a_deflated_tiff(tmp_path: Path) -> None:
    """libtiff has all the rows of a strip before it comes to the checksum, and looks no further."""
    whole = encoded("TIFF", compression="tiff_adobe_deflate")
    passed_by_pillow = 0
    for tenth in range(2, 9):
        data = bytearray(whole)
        at = len(data) * tenth // 10
        data[at : at + 300] = bytes(300)
        assert decoded(bytes(data), tmp_path) is None
        with Image.open(io.BytesIO(data)) as image:
            try:
                image.load()
            except OSError:
                continue
        passed_by_pillow += 1
    assert passed_by_pillow > 3


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@settings(max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(1, 20))
def test_a_form_with_checksums_gives_the_very_same_pixels_or_none(
    tmp_path_factory: pytest.TempPathFactory, form: str, rng: random.Random, changes: int
) -> None:
    """Of a TIFF its strips alone: what stands around them has no checksum."""
    pixels = read_pixels(CHINA)[:96, :128]
    whole = encoded(form, pixels, **({"compression": "tiff_adobe_deflate"} if form == "TIFF" else {}))
    data = bytearray(whole)
    first, last = 40, len(data) - 200
    for _ in range(changes):
        data[rng.randrange(first, last)] = rng.randrange(256)
    found = decoded(bytes(data), tmp_path_factory.mktemp("changed"))
    assert found is None or np.array_equal(found, pixels)


@PROGRESSIVE
@pytest.mark.parametrize("seed", range(10))
def test_a_jpeg_with_many_wrong_bytes_is_refused(progressive: bool, seed: int, tmp_path: Path) -> None:
    """A JPEG has no checksum: one wrong byte often makes another stream without fault, and many do not."""
    data = bytearray(encoded("JPEG", quality=90, progressive=progressive))
    rng, scan = random.Random(seed), data.index(b"\xff\xda") + 14
    for _ in range(50):
        data[rng.randrange(scan, len(data) - 2)] = rng.randrange(256)
    assert decoded(bytes(data), tmp_path) is None


@pytest.mark.parametrize(
    "options",
    [
        {}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 2}, {"quality": 1}, {"optimize": True},
        {"restart_marker_blocks": 7}, {"dpi": (300, 300)}, {"comment": b"\xff\xd9 in a comment"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_good_jpegs_of_all_kinds_are_taken_with_pillows_pixels(
    mode: str, options: dict[str, object], tmp_path: Path
) -> None:
    if mode == "CMYK" and "subsampling" in options:
        options = {}
    file = io.BytesIO()
    Image.fromarray(read_pixels(CHINA)[:99, :131]).convert(mode).save(file, "JPEG", **options)
    # What cameras and phones put behind the picture.
    (tmp_path / "photo.jpg").write_bytes(file.getvalue() + b"\0" * 512 + b"SEFH trailer")
    with Image.open(file) as image:
        assert np.array_equal(read_pixels(tmp_path / "photo.jpg"), np.asarray(image.convert("RGB")))


def test_a_picture_with_others_behind_it_as_phones_write_it(tmp_path: Path) -> None:
    frames = [Image.fromarray(read_pixels(CHINA)[:64, :64]), Image.new("RGB", (32, 32), "red")]
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:])
    read = read_photograph(tmp_path / "a.jpg")
    assert read.pixels.shape == (64, 64, 3)
    assert read.notes == ()


def test_the_jpegs_inside_installed_packages_are_good() -> None:
    for photograph in demo_photographs().photographs + demo_photographs(practice=True).photographs:
        assert read_photograph(photograph.path).notes == ()


@pytest.mark.parametrize("form", ["AVIF", "HEIF", "WEBP", "GIF", "JPEG2000"])
def test_a_form_without_checksums_that_is_cut_short_is_refused(form: str, tmp_path: Path) -> None:
    read_pixels(CHINA)  # Pillow knows HEIF from now on
    whole = encoded(form)
    assert decoded(whole, tmp_path) is not None
    for share in (0.3, 0.6, 0.95):
        assert decoded(whole[: int(share * len(whole))], tmp_path) is None
    assert not ImageFile.LOAD_TRUNCATED_IMAGES

"""Damage that Pillow passes over is refused, as far as the form of the file can tell it."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
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


@PROGRESSIVE
@settings(max_examples=60)
@given(st.randoms(use_true_random=False), st.sampled_from([1, 2, 4, 20]))
def test_changed_bytes_in_a_jpeg_are_refused_or_change_nothing_or_cannot_be_told(
    tmp_path_factory: pytest.TempPathFactory, progressive: bool, rng: random.Random, changes: int
) -> None:
    """Of the last sort are only files which libjpeg-turbo decodes at full size without a warning."""
    pixels = read_pixels(CHINA)[:200, :260]
    data = bytearray(encoded("JPEG", pixels, quality=rng.choice([50, 75, 95]), progressive=progressive))
    folder = tmp_path_factory.mktemp("changed")
    whole = decoded(bytes(data), folder)
    scan = data.index(b"\xff\xda") + 14
    for _ in range(changes):
        data[rng.randrange(scan, len(data) - 2)] = rng.randrange(256)
    found = decoded(bytes(data), folder)
    assert whole is not None
    if found is not None and not np.array_equal(found, whole):
        assert simplejpeg.decode_jpeg(bytes(data), strict=True).shape == (200, 260, 3)


@pytest.mark.parametrize("zeros", [1, 300, 65536])
def test_zeros_that_fill_a_block_before_the_end_of_a_jpeg_are_no_damage(zeros: int, tmp_path: Path) -> None:
    whole = encoded("JPEG", thumbnail := read_pixels(CHINA)[:64, :64])
    pixels = decoded(whole, tmp_path)
    exif = b"Exif\0\0" + encoded("JPEG", thumbnail[:8, :8])  # whose end is not that of the photograph
    inside = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    padded = whole[:2] + inside + whole[2:-2] + bytes(zeros) + whole[-2:] + b"trailer"
    found = decoded(padded, tmp_path)
    assert pixels is not None and found is not None and np.array_equal(found, pixels)
    # They do not hide what was lost before them, or what is left of a scan that lost its way.
    assert decoded(whole[:-2] + b"left" * 9 + bytes(zeros) + whole[-2:], tmp_path) is None
    assert decoded(whole[:-300] + bytes(298 + zeros) + whole[-2:], tmp_path) is None


def flat_jpeg(*sampling: tuple[int, int]) -> bytes:
    """Grey everywhere, 64 by 64 pixels, each component with so many blocks across and down in a unit."""

    def segment(marker: int, content: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content

    donor = encoded("JPEG", read_pixels(CHINA)[:16, :16])
    tables, at = b"", donor.index(b"\xff\xc4")
    while donor[at : at + 2] == b"\xff\xc4":
        end = at + 2 + int.from_bytes(donor[at + 2 : at + 4], "big")
        tables, at = tables + donor[at:end], end
    across, down = (8 * max(each[side] for each in sampling) for side in (0, 1))
    # No difference, then no frequencies: 00 1010 by the standard tables of brightness, 00 00 by those of colour.
    unit = "".join(("0000" if n else "001010") * (a * b) for n, (a, b) in enumerate(sampling))
    bits = unit * (-(-64 // across) * -(-64 // down))
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    parts = [bytes([n + 1, a << 4 | b, 0]) for n, (a, b) in enumerate(sampling)]
    frame = struct.pack(">BHHB", 8, 64, 64, len(sampling)) + b"".join(parts)
    order = bytes([len(sampling)]) + b"".join(bytes([n + 1, 0x11 if n else 0]) for n in range(len(sampling)))
    return (
        b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64) + tables + segment(0xC0, frame)
        + segment(0xDA, order + b"\0\x3f\0") + scan + b"\xff\xd9"
    )  # fmt: skip


@pytest.mark.parametrize("luma", [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 4), (3, 1), (4, 2)], ids=str)
def test_a_jpeg_of_any_sampling_is_taken(luma: tuple[int, int], tmp_path: Path) -> None:
    """Pillow decodes more than simplejpeg does: where damage cannot be told it is said, and the photograph used."""
    (tmp_path / "a.jpg").write_bytes(flat_jpeg(luma, (1, 1), (1, 1)))
    read = read_photograph(tmp_path / "a.jpg")
    assert np.array_equal(read.pixels, np.full((64, 64, 3), 128))
    unusual = luma in [(1, 4), (3, 1), (4, 2)]
    assert read.notes == ("a JPEG of unusual sampling: whether it is damaged cannot be told",) * unusual


def test_zeroed_bytes_in_a_jpeg_inside_a_tiff(tmp_path: Path) -> None:
    whole = encoded("TIFF", compression="jpeg")
    assert decoded(whole, tmp_path) is not None
    refused = 0
    for tenth in range(2, 9):
        at = len(whole) * tenth // 10
        refused += decoded(whole[:at] + bytes(300) + whole[at + 300 :], tmp_path) is None
    assert refused >= 4  # each strip begins anew, and an end that is lost makes no sound


FORMS = ["PNG", "TIFF", "WEBP", "GIF", "AVIF", "HEIF", "JPEG2000", "BMP", "JPEG"]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_whatever_is_wrong_with_a_file_is_said_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, form: str, rng: random.Random
) -> None:
    data = bytearray(encoded(form, read_pixels(CHINA)[:64, :80]))
    for _ in range(3):
        at, length = rng.randrange(len(data)), rng.choice([1, 30, 300])
        data[at : at + length] = rng.randbytes(len(data[at : at + length]))
    found = decoded(bytes(data), tmp_path_factory.mktemp("changed"))  # which lets nothing but a StudyError pass
    assert found is None or found.ndim == 3

"""Photographs in every common form against pixels worked out independently."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from study_server.errors import StudyError
from study_server.stimuli.photographs import pixels_sha256, png_chunks, read_pixels, read_png, write_png

Array = NDArray[np.uint8]


@pytest.fixture
def upright() -> Array:
    """Different in every pixel and in no way symmetric, so that every wrong turn shows."""
    return np.random.default_rng(5).integers(0, 256, (30, 47, 3), dtype=np.uint8)


# Where the stored rows and columns come from, by the EXIF standard's names of orientations 1–8: for each, how a camera
# stores an upright picture so that the orientation tag turns it back.
STORED = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, 1),  # 0th row is the visual right-hand side
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),  # 0th row is the visual left-hand side
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation(orientation: int, form: str, upright: Array, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    stored.save(tmp_path / "photo", form, exif=exif, lossless=True)
    assert np.array_equal(read_pixels(tmp_path / "photo"), upright)


def test_exif_orientation_of_a_jpeg(tmp_path: Path) -> None:
    """As a telephone held upright stores it: landscape pixels, orientation 6."""
    ramp = np.zeros((96, 64, 3), np.uint8)
    ramp[:48] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(ramp))).save(tmp_path / "a.jpg", quality=95, exif=exif)
    pixels = read_pixels(tmp_path / "a.jpg")
    assert pixels.shape == (96, 64, 3)
    assert pixels[:40].min() > 245 and pixels[56:].max() < 10


# --- ICC profiles -----------------------------------------------------------------------------------------------------

# Colorants of Display P3 adapted to D50, as its published ICC profile has them (columns: red, green, blue).
P3_TO_XYZ = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]],
)
# Likewise of sRGB.
SRGB_TO_XYZ = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]],
)
D50 = (0.9642, 1.0, 0.8249)


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def icc_profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A version 2 display profile of these tags (ICC.1:2001-04, clauses 6.1 and 6.2)."""
    table, data = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sIIIQI", start + len(data), b"test", 0x02100000, b"mntr", space, b"XYZ ",
        bytes(12), b"acsp", bytes(4), 0, 0, 0, 0, 0,
    )  # fmt: skip
    header += _fixed(*D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def _described(name: bytes) -> bytes:
    return b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(79)


def _xyz(column: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*column)


def _gamma(exponent: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(exponent * 256))


def matrix_profile(name: bytes, colorants: NDArray[np.float64], gamma: float) -> bytes:
    tags = {b"desc": _described(name), b"cprt": b"text" + bytes(5), b"wtpt": _xyz(np.array(D50))}
    for channel, column in zip((b"r", b"g", b"b"), colorants.T, strict=True):
        tags[channel + b"XYZ"] = _xyz(column)
        tags[channel + b"TRC"] = _gamma(gamma)
    return icc_profile(b"RGB ", tags)


def grey_profile(gamma: float) -> bytes:
    tags = {b"desc": _described(b"grey"), b"cprt": b"text" + bytes(5), b"wtpt": _xyz(np.array(D50))}
    return icc_profile(b"GRAY", tags | {b"kTRC": _gamma(gamma)})


def srgb_encoded(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1, as levels 0–255."""
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(
    ("name", "colorants", "gamma"),
    [(b"Display P3 like", P3_TO_XYZ, 2.2), (b"Linear sRGB", SRGB_TO_XYZ, 1.0)],
)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_an_rgb_profile_is_converted_to_srgb(
    name: bytes, colorants: NDArray[np.float64], gamma: float, form: str, tmp_path: Path
) -> None:
    stored = np.random.default_rng(1).integers(40, 216, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(stored).save(
        tmp_path / "a", form, icc_profile=matrix_profile(name, colorants, gamma), lossless=True
    )
    xyz = (stored / 255) ** gamma @ colorants.T
    expected = srgb_encoded(xyz @ np.linalg.inv(SRGB_TO_XYZ).T)
    assert np.abs(expected - stored).max() > 10  # the profile matters
    assert np.abs(read_pixels(tmp_path / "a") - expected).max() <= 2


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_a_grey_profile_is_converted_to_srgb(mode: str, tmp_path: Path) -> None:
    levels = np.arange(256)[None, :]
    image = Image.fromarray(levels.astype(np.uint8))
    if mode == "LA":
        image.putalpha(255)
    elif mode == "I;16":
        image = Image.fromarray((levels * 257).astype(np.uint16))
    image.save(tmp_path / "a.png", icc_profile=grey_profile(1.8))
    expected = srgb_encoded((levels / 255) ** 1.8)
    pixels = read_pixels(tmp_path / "a.png")
    assert np.abs(pixels[..., 1] - expected).max() <= 2
    assert np.ptp(pixels.astype(int), axis=2).max() <= 1


def test_an_srgb_profile_changes_no_pixel(upright: Array, tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(upright).save(tmp_path / "a.png", icc_profile=profile)
    assert np.array_equal(read_pixels(tmp_path / "a.png"), upright)


@pytest.mark.parametrize("profile", [b"no profile at all", grey_profile(1.8)])
def test_a_broken_or_unfitting_profile_is_ignored(profile: bytes, upright: Array, tmp_path: Path) -> None:
    Image.fromarray(upright).save(tmp_path / "a.png", icc_profile=profile)
    assert np.array_equal(read_pixels(tmp_path / "a.png"), upright)


def test_orientation_and_profile_together(upright: Array, tmp_path: Path) -> None:
    profile = matrix_profile(b"P3", P3_TO_XYZ, 2.2)
    Image.fromarray(upright).save(tmp_path / "upright.png", icc_profile=profile)
    exif = Image.Exif()
    exif[0x0112] = 8
    turned = Image.fromarray(np.ascontiguousarray(STORED[8](upright)))
    turned.save(tmp_path / "turned.png", icc_profile=profile, exif=exif)
    pixels = read_pixels(tmp_path / "turned.png")
    assert np.array_equal(pixels, read_pixels(tmp_path / "upright.png"))
    assert not np.array_equal(pixels, upright)


# --- Kinds of pixels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "PPM", "WEBP"])
def test_lossless_colour_is_kept(form: str, upright: Array, tmp_path: Path) -> None:
    Image.fromarray(upright).save(tmp_path / "a", form, lossless=True)
    pixels = read_pixels(tmp_path / "a")
    assert pixels.dtype == np.uint8 and np.array_equal(pixels, upright)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "JPEG"])
def test_grey(form: str, tmp_path: Path) -> None:
    grey = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (16, 1))
    Image.fromarray(grey).save(tmp_path / "a", form, quality=100)
    pixels = read_pixels(tmp_path / "a")
    assert np.abs(pixels.astype(int) - grey[..., None]).max() <= (1 if form == "JPEG" else 0)


def test_black_and_white(tmp_path: Path) -> None:
    bits = np.random.default_rng(2).integers(0, 2, (10, 20)).astype(bool)
    Image.fromarray(bits).save(tmp_path / "a.png")
    assert np.array_equal(read_pixels(tmp_path / "a.png"), np.repeat(bits[..., None] * np.uint8(255), 3, axis=2))


def test_palette(tmp_path: Path) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [10, 20, 30]], np.uint8)
    index = np.random.default_rng(2).integers(0, 3, (10, 20), dtype=np.uint8)
    image = Image.fromarray(index, "P")
    image.putpalette(colours.tobytes())
    image.save(tmp_path / "a.png")
    assert np.array_equal(read_pixels(tmp_path / "a.png"), colours[index])


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 128])])
def test_palette_with_transparency_lies_on_white(transparency: int | bytes, tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette(bytes([255, 0, 0, 0, 255, 0, 10, 20, 30]))
    image.save(tmp_path / "a.png", transparency=transparency)
    half = [10, 20, 30] if transparency == 1 else [132, 137, 142]  # (128 · colour + 127 · 255) / 255
    expected = [[255, 0, 0], [255, 255, 255], half]
    assert np.abs(read_pixels(tmp_path / "a.png")[0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("mode", "form"), [("LA", "PNG"), ("LA", "TIFF"), ("RGBA", "PNG"), ("RGBA", "TIFF"), ("RGBA", "WEBP")]
)
def test_transparency_lies_on_white(mode: str, form: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    stored = rng.integers(0, 256, (12, 13, len(mode)), dtype=np.uint8)
    Image.fromarray(stored, mode).save(tmp_path / "a", form, lossless=True, exact=True)
    colour, alpha = stored[..., :-1].astype(float), stored[..., -1:] / 255
    expected = colour * alpha + 255 * (1 - alpha)
    assert np.abs(read_pixels(tmp_path / "a") - expected).max() <= 1


def test_cmyk_jpeg(tmp_path: Path) -> None:
    patches = [(255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 160, 80)]
    image = Image.new("CMYK", (128, 32))
    for number, (red, green, blue) in enumerate(patches):
        image.paste((255 - red, 255 - green, 255 - blue, 0), (32 * number, 0, 32 * number + 32, 32))
    image.save(tmp_path / "a.jpg", quality=98)
    pixels = read_pixels(tmp_path / "a.jpg")
    for number, colour in enumerate(patches):
        assert np.abs(pixels[16, 32 * number + 16].astype(int) - colour).max() <= 4


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_grey(form: str, tmp_path: Path) -> None:
    values = np.random.default_rng(4).integers(0, 65536, (20, 30)).astype(np.uint16)
    values[0, :2] = 0, 65535
    Image.fromarray(values).save(tmp_path / "a", form)
    assert np.array_equal(read_pixels(tmp_path / "a")[..., 2], np.round(values / 257))


def big_endian_tiff(values: NDArray[np.uint16]) -> bytes:
    """An uncompressed 16-bit grey TIFF in Motorola byte order."""
    height, width = values.shape
    tags = [
        (256, width), (257, height), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (278, height),
        (279, values.nbytes),
    ]  # fmt: skip
    data = values.astype(">u2").tobytes()
    directory = struct.pack(">H", len(tags)) + b"".join(struct.pack(">HHII", t, 4, 1, v) for t, v in tags)
    return b"MM\0*" + struct.pack(">I", 8 + len(data)) + data + directory + bytes(4)


def test_16_bit_grey_of_the_other_byte_order(tmp_path: Path) -> None:
    values = np.arange(0, 65536, 100, dtype=np.uint16).reshape(8, -1)
    (tmp_path / "a.tif").write_bytes(big_endian_tiff(values))
    assert np.array_equal(read_pixels(tmp_path / "a.tif")[..., 0], np.round(values / 257))


def png_bytes(rows: NDArray[np.uint16], colour_type: int) -> bytes:
    """A 16-bit PNG written by hand: no library at hand writes one in colour."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width = rows.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("channels", "colour_type"), [(3, 2), (4, 6), (2, 4)])
def test_16_bit_colour_and_transparency(channels: int, colour_type: int, tmp_path: Path) -> None:
    rows = np.random.default_rng(6).integers(0, 65536, (12, 15, channels)).astype(np.uint16)
    if channels != 3:
        rows[..., -1] = 65535
    (tmp_path / "a.png").write_bytes(png_bytes(rows, colour_type))
    expected = rows[..., :3] / 257 if channels > 2 else rows[..., :1] / 257
    assert np.abs(read_pixels(tmp_path / "a.png") - expected).max() <= 1


def test_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    for name in ("a.gif", "a.webp", "a.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
        assert (read_pixels(tmp_path / name) == [255, 0, 0]).all()


# --- What cannot be used ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_pixels_of_no_agreed_brightness_are_refused(dtype: type, tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 70000, dtype)).save(tmp_path / "a.tif")
    with pytest.raises(StudyError, match="save it as 8- or 16-bit"):
        read_pixels(tmp_path / "a.tif")


@pytest.mark.parametrize("content", [b"", b"Dear diary,\n", b"\x89PNG\r\n\x1a\n"])
def test_no_image_at_all(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(StudyError, match=r"not an image|damaged"):
        read_pixels(tmp_path / "a.jpg")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG2000"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated(form: str, share: float, upright: Array, tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.fromarray(upright).save(whole, form)
    (tmp_path / "a").write_bytes(whole.getvalue()[: int(share * len(whole.getvalue()))])
    with pytest.raises(StudyError, match=r"not an image|damaged or truncated"):
        read_pixels(tmp_path / "a")


def test_decompression_bomb(upright: Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(upright).save(tmp_path / "a.png")
    for limit in (upright[..., 0].size - 1, upright[..., 0].size // 3):  # Pillow warns, Pillow refuses
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(StudyError, match="more pixels than can be opened safely"):
            read_pixels(tmp_path / "a.png")


def test_reading_in_threads_leaves_the_warning_filters_alone(upright: Array, tmp_path: Path) -> None:
    """They belong to the whole process, and downloads are verified in several threads."""
    Image.fromarray(upright).save(tmp_path / "a.png")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(read_pixels, [tmp_path / "a.png"] * 200))) == 200
    assert list(warnings.filters) == before


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "PPM"])
def test_damage_anywhere_is_either_read_or_refused(form: str, upright: Array, tmp_path: Path) -> None:
    """Whatever bytes are wrong: pixels, or a StudyError, but no other exception."""
    whole = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(upright).save(whole, form, **({"exif": exif} if form in ("PNG", "JPEG", "TIFF") else {}))
    rng = random.Random(form)
    for _ in range(60):
        data = bytearray(whole.getvalue())
        for _ in range(rng.choice([1, 3, 20])):
            data[rng.randrange(min(len(data), rng.choice([60, len(data)])))] = rng.randrange(256)
        (tmp_path / "a").write_bytes(data)
        try:
            pixels = read_pixels(tmp_path / "a")
        except StudyError:
            continue
        assert pixels.ndim == 3 and pixels.dtype == np.uint8


# --- PNGs of our own --------------------------------------------------------------------------------------------------


def test_written_png_carries_pixels_only(upright: Array, tmp_path: Path) -> None:
    write_png(upright, tmp_path / "a.png")
    assert set(png_chunks(tmp_path / "a.png")) == {"IHDR", "IDAT", "IEND"}
    assert np.array_equal(read_png(tmp_path / "a.png"), upright)


def test_png_chunks_names_what_does_not_belong(upright: Array, tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "somebody")
    info.add(b"gAMA", struct.pack(">I", 45455))
    Image.fromarray(upright).save(tmp_path / "a.png", pnginfo=info, icc_profile=grey_profile(2.2))
    assert {"tEXt", "gAMA", "iCCP"} <= set(png_chunks(tmp_path / "a.png"))


def test_read_png_refuses(upright: Array, tmp_path: Path) -> None:
    Image.fromarray(upright).save(tmp_path / "jpeg.png", "JPEG")
    Image.fromarray(upright).convert("L").save(tmp_path / "grey.png")
    write_png(upright, tmp_path / "whole.png")
    data = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(data[: len(data) // 2])
    (tmp_path / "header.png").write_bytes(data[:11] + b"\5" + data[12:])  # a header of 5 bytes
    for name, complaint in {
        "jpeg.png": "is not a PNG",
        "grey.png": "L pixels where 8-bit RGB is expected",
        "half.png": "is damaged",
        "header.png": "is damaged",
        "none.png": "is missing",
    }.items():
        with pytest.raises(StudyError, match=f"{name}.*{complaint}"):
            read_png(tmp_path / name)


def test_hash_is_of_the_values_row_by_row() -> None:
    import hashlib

    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert pixels_sha256(pixels) == hashlib.sha256(bytes(range(48))).hexdigest()
    assert pixels_sha256(pixels[:, 1:3]) == hashlib.sha256(pixels[:, 1:3].tobytes()).hexdigest()

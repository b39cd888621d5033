"""Which image files are read, and as what."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from examples import examples
from metric.errors import MetricError
from metric.pixels import read_image, read_pixels, read_size

_RGB = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3)


def test_rgb_is_read_as_it_is(tmp_path: Path) -> None:
    Image.fromarray(_RGB).save(tmp_path / "a.png")
    assert np.array_equal(read_pixels(tmp_path / "a.png"), _RGB)
    tensor = read_image(tmp_path / "a.png")
    assert tensor.shape == (1, 3, 6, 5)
    assert tensor[0, 2, 5, 4].item() == pytest.approx(int(_RGB[5, 4, 2]) / 255)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "webp", "bmp"])
@pytest.mark.parametrize("orientation", [None, 1, 3, 6, 8])
def test_the_size_is_that_of_the_pixels_without_decoding(suffix: str, orientation: int | None, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    image = Image.fromarray(_RGB)
    exif = image.getexif()
    if orientation is not None:
        exif[0x0112] = orientation
    image.save(path, exif=exif)
    height, width, _ = read_pixels(path).shape
    assert read_size(path) == (width, height)
    if suffix == "png":
        path.write_bytes(path.read_bytes()[: path.read_bytes().index(b"IDAT") + 8])
        assert read_size(path) == (width, height)
        with pytest.raises(MetricError):
            read_pixels(path)


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.tiff", {}), ("a.tif", {"compression": "tiff_lzw"}), ("a.bmp", {}), ("a.webp", {"lossless": True})],
)
def test_tiff_bmp_and_webp_are_read(name: str, options: dict[str, object], tmp_path: Path) -> None:
    image = Image.fromarray(_RGB)
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    image.save(tmp_path / name, **options)
    assert np.array_equal(read_pixels(tmp_path / name), _RGB)
    if not name.endswith("bmp"):
        image.save(tmp_path / name, exif=exif, **options)
        assert np.array_equal(read_pixels(tmp_path / name), np.rot90(_RGB, k=-1))


@settings(max_examples=examples(60), deadline=None)
@given(st.data(), st.sampled_from(["TIFF", "BMP", "WEBP"]))
def test_a_damaged_file_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    Image.fromarray(_RGB).save(path, format=kind)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with warnings.catch_warnings(), contextlib.suppress(MetricError):
        warnings.simplefilter("ignore")  # what Pillow says of tags
        assert read_pixels(path).ndim == 3


def test_grey_and_palette_become_rgb(tmp_path: Path) -> None:
    grey = Image.fromarray(_RGB[:, :, 0])
    grey.save(tmp_path / "grey.png")
    grey.convert("P").save(tmp_path / "palette.png")
    expected = np.repeat(_RGB[:, :, :1], 3, axis=2)
    for name in ("grey.png", "palette.png"):
        assert np.array_equal(read_pixels(tmp_path / name), expected)


def test_an_opaque_alpha_channel_is_dropped(tmp_path: Path) -> None:
    Image.fromarray(_RGB).convert("RGBA").save(tmp_path / "a.png")
    assert np.array_equal(read_pixels(tmp_path / "a.png"), _RGB)


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    photograph = Image.fromarray(_RGB)
    exif = photograph.getexif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    photograph.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_pixels(tmp_path / "a.png"), np.rot90(_RGB, k=-1))


def _translucent(path: Path) -> None:
    image = Image.fromarray(_RGB).convert("RGBA")
    image.putalpha(254)
    image.save(path)


def _deep_grey(path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), dtype=np.uint16)).save(path)


def _deep_rgb(path: Path) -> None:
    # Pillow does not write 16-bit RGB, so an 8-bit file's header is made to say 16.
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    data = zlib.compress(bytes(1 + 6))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def _deep_tiff(path: Path) -> None:
    tifffile.imwrite(path, _RGB.astype(np.uint16) * 257, photometric="rgb")


def _signed_tiff(path: Path) -> None:
    tifffile.imwrite(path, _RGB[:, :, 0].astype(np.int8))


def _pages(file_format: str) -> Callable[[Path], None]:
    images = [Image.fromarray(_RGB), Image.fromarray(255 - _RGB)]
    return lambda path: images[0].save(path, format=file_format, save_all=True, append_images=images[1:])


def _truncated(path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda path: None, "There is no image"),
        (lambda path: path.write_text("pair,distance"), "is not a PNG, JPEG, TIFF, BMP or WebP image"),
        (lambda path: path.write_bytes(b""), "is not a PNG, JPEG, TIFF, BMP or WebP image"),
        (lambda path: Image.fromarray(_RGB).save(path, format="GIF"), "is not a PNG, JPEG, TIFF, BMP or WebP image"),
        (_deep_tiff, "more than 8 bits a channel; save it as 8-bit RGB"),
        (_signed_tiff, "has signed or fractional values; save it as 8-bit RGB"),
        (_pages("TIFF"), "has 2 images; save the one that is meant by itself"),
        (_pages("WEBP"), "has 2 images; save the one that is meant by itself"),
        (lambda path: Image.new("LAB", (8, 8)).save(path, format="TIFF"), "has LAB colours; save it as RGB"),
        (lambda path: path.mkdir(), "cannot be read as an image"),
        (_truncated, "cannot be read as an image"),
        (_translucent, "is transparent in places; flatten it"),
        (_deep_grey, "more than 8 bits a channel; save it as 8-bit RGB"),
        (_deep_rgb, "more than 8 bits a channel; save it as 8-bit RGB"),
        (
            lambda path: Image.new("CMYK", (8, 8)).save(path, format="JPEG"),
            "has CMYK colours; save it as RGB",
        ),
    ],
)
def test_what_cannot_be_scored_is_refused(write: object, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write(path)  # type: ignore[operator]
    with pytest.raises(MetricError, match=sentence) as caught:
        read_pixels(path)
    assert "a.png" in str(caught.value)


def test_threads_that_read_leave_the_filters_of_warnings_as_they_were(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-5)
    Image.fromarray(_RGB).save(tmp_path / "a.png")
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: read_pixels(tmp_path / "a.png"), range(300)))
    assert list(warnings.filters) == before

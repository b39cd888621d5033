"""Photographs in any common form → upright 8-bit sRGB pixels, as a viewer would show them."""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from study_server.errors import StudyError
from study_server.stimuli import colour_tags
from study_server.stimuli.strict_decoding import refuse_damage

Pixels = NDArray[np.uint8]
"""Shape (height, width, 3), sRGB, 0–255."""

SUFFIXES = frozenset(
    {
        ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".jp2",
        ".heic", ".heif", ".hif", ".avif",
    }
)  # fmt: skip

_SRGB = ImageCms.createProfile("sRGB")
# 16-bit grey in whatever byte order; Pillow opens 16-bit colour as 8-bit RGB by itself.
_DEEP_GREY = {"I;16", "I;16B", "I;16L", "I;16N", "I"}
# What a PNG needs to show its pixels; anything else could carry metadata or change colours.
_PLAIN_CHUNKS = {"IHDR", "IDAT", "IEND"}
# Warning filters belong to the whole process; downloads decode in several threads.
_DECODING = threading.Lock()


@dataclass(frozen=True)
class ReadPhotograph:
    """Pixels of a photograph, and what of its file is not in them, a sentence each."""

    pixels: Pixels
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Photograph:
    """A source photograph on this machine, and where it comes from."""

    path: Path
    name: str
    url: str = ""
    licence: str = ""

    def sha256(self) -> str:
        """SHA-256 of the bytes of the file, in hex."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class PhotographSource:
    """Photographs in the order in which they are to be tried, and how many crops each may give."""

    name: str
    photographs: list[Photograph]
    several_crops: bool = False
    skipped: dict[str, str] = field(default_factory=dict)
    """Name → reason, of photographs that could not even be offered (a failed download, a form that cannot be read)."""
    remarks: dict[str, list[str]] = field(default_factory=dict)
    """Name → what of a photograph is not in its pixels, or is odd about it; filled while they are read."""

    def remark(self, name: str, *remarks: str) -> None:
        """Note this of a photograph."""
        if remarks:
            self.remarks.setdefault(name, []).extend(remarks)


def read_pixels(path: Path) -> Pixels:
    """Pixels of an image file, as `read_photograph`, whatever of it is not in them."""
    return read_photograph(path).pixels


def read_photograph(path: Path) -> ReadPhotograph:
    """An image file: EXIF orientation applied, converted to sRGB, transparency over white, of several images the first.

    Raises StudyError with the reason where the file cannot be read whole, or its colours are others and cannot be
    converted.
    """
    open_heic()
    try:
        data = path.read_bytes()
        with _DECODING, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning)  # odd EXIF and TIFF tags
            with Image.open(io.BytesIO(data)) as image:
                notes = refuse_damage(image, data)
                reason = colour_tags.refusal(image.format, data, image.info)
                if reason:
                    raise StudyError(reason)
                notes += colour_tags.notes(image, data) + _several(image)
                image.load()
                colour, of_colour = _to_srgb(_upright(image))
                return ReadPhotograph(np.asarray(colour), (*notes, *of_colour))
    except UnidentifiedImageError as error:
        raise StudyError("not an image that can be read") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise StudyError("more pixels than can be opened safely") from error
    except StudyError:
        raise
    except Exception as error:  # each decoder has kinds of its own; libheif's and libavif's are RuntimeError
        raise StudyError(f"damaged or truncated ({error})") from error


@cache
def open_heic() -> None:
    """From now on Pillow opens HEIC, which phones write."""
    import pillow_heif

    pillow_heif.register_heif_opener()


def _several(image: Image.Image) -> tuple[str, ...]:
    count = getattr(image, "n_frames", 1)
    # Beside a phone's or camera's picture (MPO) stands what was made of it: a smaller one, depths, gains.
    if count == 1 or image.format == "MPO":
        return ()
    return (f"{count} images in one file: the first is taken",)


def _upright(image: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(image)


def _to_srgb(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """The image as sRGB, and what was passed over."""
    profile = image.info.get("icc_profile")
    if image.mode in _DEEP_GREY:
        image = _deep_grey_to_8_bit(image)
    elif image.mode == "F":
        raise StudyError("floating-point pixels have no agreed brightness; save it as 8- or 16-bit")
    alpha = None
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        alpha = image.convert("RGBA").getchannel("A")
        image = image.convert("L" if image.mode in ("L", "LA") else "RGB")  # a grey profile fits grey pixels only
    elif image.mode not in ("RGB", "L", "CMYK", "LAB"):
        image = image.convert("RGB")
    colour, notes = _apply_profile(image, profile)
    if alpha is None:
        return colour, notes
    on_white = Image.new("RGB", colour.size, "white")
    on_white.paste(colour, mask=alpha)
    if alpha.getextrema() != (255, 255):
        notes = (*notes, "transparent in places: laid on white")
    return on_white, notes


def _deep_grey_to_8_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise StudyError("more than 16 bits a pixel; save it as 8- or 16-bit")
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))


def _apply_profile(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if image.mode == "RGB" and _is_srgb(source):
                return image, ()
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            # Viewers, too, show an image with a broken profile as if it had none.
            notes = (f"its colour profile is damaged or does not fit its pixels ({image.mode}): ignored",)
        else:
            if converted is not None:
                return converted, ()
    return image.convert("RGB"), notes


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether converting from this profile would change nothing but add rounding errors.

    Its name does not tell: «Linear sRGB» is another space.
    """
    colours = np.indices((9, 9, 9)).reshape(3, 1, -1).T * 255 // 8
    probe = Image.fromarray(np.ascontiguousarray(colours, dtype=np.uint8))
    converted = ImageCms.profileToProfile(probe, profile, _SRGB, outputMode="RGB")
    return converted is not None and bool(np.abs(np.asarray(converted) - colours).max() <= 1)


def pixels_sha256(pixels: Pixels) -> str:
    """SHA-256 of the RGB values row by row, in hex (the manifest's definition)."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def write_png(pixels: Pixels, path: Path) -> None:
    """Write a lossless PNG with nothing in it but the pixels."""
    # Level 6 takes twice as long for files 1 % smaller (the crops of the demo study).
    Image.fromarray(pixels).save(path, format="PNG", compress_level=3)


def read_png(path: Path) -> Pixels:
    """Pixels of a PNG written by `write_png`."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode != "RGB":
                raise StudyError(f"{path}: {image.mode} pixels where 8-bit RGB is expected")
            return np.asarray(image)
    except FileNotFoundError as error:
        raise StudyError(f"{path} is missing") from error
    except UnidentifiedImageError as error:
        raise StudyError(f"{path} is not a PNG") from error
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, StudyError):
            raise
        raise StudyError(f"{path} is damaged: {error}") from error


def read_plain_png(path: Path, size: int) -> Pixels:
    """Pixels (size, size, 3) of a PNG that carries nothing else. Raises StudyError where it is none."""
    pixels = read_png(path)
    if pixels.shape != (size, size, 3):
        raise StudyError(f"{path}: {pixels.shape[1]}x{pixels.shape[0]} pixels where the manifest says {size}x{size}")
    extra = set(png_chunks(path)) - _PLAIN_CHUNKS
    if extra:
        raise StudyError(f"{path}: carries the PNG chunk {min(extra)}; stimuli carry pixels only")
    return pixels


def png_chunks(path: Path) -> list[str]:
    """Names of the chunks of a PNG file, in order."""
    data = path.read_bytes()
    names, at = [], 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        names.append(data[at + 4 : at + 8].decode("latin-1"))
        at += 12 + length
    return names

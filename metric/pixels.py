"""Image files as tensors."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile
from torch import Tensor

from metric.errors import MetricError

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""8-bit RGB values, shape (H, W, 3)."""

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_PNG_BIT_DEPTH = 24
"""Offset of the bit depth in a PNG file; Pillow reduces 16 bits to 8 without a word, here and in TIFF."""
_BITS_PER_SAMPLE, _SAMPLE_FORMAT, _UNSIGNED = 258, 339, 1
"""Tags of a TIFF file, and a value of the second."""
_EIGHT_BIT = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX")
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_ON_ITS_SIDE = (5, 6, 7, 8)
"""EXIF orientations by which width and height change places."""


_OPENING = threading.Lock()


def read_pixels(path: Path) -> Pixels:
    """8-bit RGB values, shape (H, W, 3), of a PNG, JPEG, TIFF, BMP or WebP file.

    Grey and palette images become RGB, a photograph is turned upright by its EXIF orientation, and an alpha
    channel that is opaque everywhere is dropped.

    Raises:
        MetricError: where the file is missing, is none of these, is damaged, has more than 8 bits a channel, is
            transparent somewhere, has other colours (such as CMYK), or is a TIFF or WebP of several images.
    """
    with _told(path), _open(path) as image:
        _check_file(path, image)
        image.load()
    return image_pixels(image, str(path))


def read_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels that `read_pixels` gives of a file, by what stands before its pixels.

    Raises:
        MetricError: as `read_pixels` does, where it can be told without decoding the file.
    """
    with _told(path), _open(path) as image:
        _check_file(path, image)
        # Pillow would decode a PNG to look for an orientation behind its pixels; of a TIFF it says the turned size.
        known = "exif" in image.info and image.format != "TIFF"
        on_its_side = known and image.getexif().get(ExifTags.Base.Orientation) in _ON_ITS_SIDE
        return image.size[::-1] if on_its_side else image.size


def image_pixels(image: Image.Image, name: str) -> Pixels:
    """8-bit RGB values, shape (H, W, 3), of an image that Pillow holds, as `read_pixels` gives those of a file.

    Raises:
        MetricError: calls it `name`; where it is damaged, has more than 8 bits a channel, is transparent
            somewhere, or has other colours.
    """
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise MetricError(f"{name} cannot be read as an image: {error}.") from error
    if image.mode in _DEEP:
        raise _too_deep(name)
    if image.mode not in _EIGHT_BIT:
        raise MetricError(f"{name} has {image.mode} colours; save it as RGB.")
    return np.asarray(_opaque(name, ImageOps.exif_transpose(image)))


def read_image(path: Path) -> Tensor:
    """An image file as float32 RGB in [0, 1], shape (1, 3, H, W); see `read_pixels`."""
    return to_tensor(read_pixels(path))


def to_tensor(pixels: Pixels) -> Tensor:
    """8-bit RGB values (H, W, 3) as float32 in [0, 1], shape (1, 3, H, W)."""
    return torch.tensor(pixels).permute(2, 0, 1).unsqueeze(0).float().div_(255)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What goes wrong while a file is read, as a `MetricError` that names it."""
    try:
        yield
    except MetricError:
        raise
    except FileNotFoundError:
        raise MetricError(f"There is no image {path}.") from None
    except UnidentifiedImageError:
        raise MetricError(f"{path} is not a PNG, JPEG, TIFF, BMP or WebP image.") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise MetricError(f"{path} has too many pixels; crop it first.") from None
    except Exception as error:  # of a damaged file, decoders raise whatever comes
        raise MetricError(f"{path} cannot be read as an image: {error}.") from error


def _open(path: Path) -> ImageFile:
    # Filters of warnings are the process's: of two threads that change them, one would put back what the other set.
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path, formats=_FORMATS)


def _check_file(path: Path, image: ImageFile) -> None:
    """Raises `MetricError` for what Pillow would reduce without a word: deep colours, and many images to the first."""
    bits = (8,)
    if image.format == "PNG":
        bits = (_png_bits(path),)
    elif isinstance(image, TiffImageFile):
        bits = image.tag_v2.get(_BITS_PER_SAMPLE, (1,))
        if set(image.tag_v2.get(_SAMPLE_FORMAT, ())) - {_UNSIGNED}:
            raise MetricError(f"{path} has signed or fractional values; save it as 8-bit RGB.")
    if max(bits, default=0) > 8:
        raise _too_deep(str(path))
    count = getattr(image, "n_frames", 1) if image.format in ("TIFF", "WEBP") else 1
    if count > 1:
        raise MetricError(f"{path} has {count} images; save the one that is meant by itself.")


def _png_bits(path: Path) -> int:
    with path.open("rb") as file:
        return file.read(_PNG_BIT_DEPTH + 1)[-1]


def _too_deep(name: str) -> MetricError:
    return MetricError(f"{name} has more than 8 bits a channel; save it as 8-bit RGB.")


def _opaque(name: str, image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        lowest, _ = image.getchannel("A").getextrema()
        if lowest != 255:
            raise MetricError(f"{name} is transparent in places; flatten it onto a background first.")
    return image.convert("RGB")

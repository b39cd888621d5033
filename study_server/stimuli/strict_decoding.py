"""Damage in image files that Pillow passes over, because its decoders carry on after what they only warn of.

What can be told depends on the form. PNG has a checksum in every chunk, which Pillow checks. A JPEG has none: what its
decoder warns of is damage, but a changed byte often makes another stream without fault, which no decoder can tell from
the photograph (docs/running.md says how often). Deflate in a TIFF has a checksum, which libtiff does not wait for.
"""

from __future__ import annotations

import zlib

import simplejpeg
from PIL import Image, TiffImagePlugin

from study_server.errors import StudyError

_SPACES = {"CMYK": "CMYK", "YCCK": "CMYK", "Gray": "GRAY"}
_DEFLATE = (8, 32946)
_COMPRESSION = 259
# Offsets and lengths, of strips and of tiles (TIFF 6.0, sections 8 and 15).
_PARTS = ((273, 279), (324, 325))


def refuse_damage(image: Image.Image, data: bytes) -> None:
    """Raise StudyError where the file `data`, opened as `image`, holds damage that its form can tell."""
    if image.format in ("JPEG", "MPO"):
        _refuse_damaged_jpeg(data)
    elif isinstance(image, TiffImagePlugin.TiffImageFile):
        _refuse_damaged_deflate(image.tag_v2, data)


def _refuse_damaged_jpeg(data: bytes) -> None:
    try:
        *_, space, _ = simplejpeg.decode_jpeg_header(data)
        # All of the stream is decoded, but an eighth of the pixels is enough to be told of it.
        simplejpeg.decode_jpeg(
            data, colorspace=_SPACES.get(space, "RGB"), strict=True, min_height=1, min_width=1, min_factor=8
        )
    except ValueError as error:
        raise StudyError(f"damaged or truncated ({error})") from error


def _refuse_damaged_deflate(tags: TiffImagePlugin.ImageFileDirectory_v2, data: bytes) -> None:
    if tags.get(_COMPRESSION) not in _DEFLATE:
        return
    for offsets, lengths in _PARTS:
        for offset, length in zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=True):
            try:
                zlib.decompress(data[offset : offset + length])
            except zlib.error as error:
                raise StudyError(f"damaged or truncated ({error})") from error

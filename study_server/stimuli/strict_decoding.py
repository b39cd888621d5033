"""Damage in image files that Pillow passes over, because its decoders carry on after what they only warn of.

What can be told depends on the form. PNG has a checksum in every chunk, which Pillow checks but for the pixels'. A JPEG
has none: what its decoder warns of is damage, but a changed byte often makes another stream without fault, which no
decoder can tell from the photograph (docs/running.md says how often). Deflate in a TIFF has a checksum, which libtiff
does not wait for; JPEG in a TIFF is looked at like any other.
"""

from __future__ import annotations

import re
import zlib

import simplejpeg
from PIL import Image, TiffImagePlugin

from study_server.errors import StudyError

_SPACES = {"CMYK": "CMYK", "YCCK": "CMYK", "Gray": "GRAY"}
_DEFLATE, _JPEG = (8, 32946), 7
_COMPRESSION = 259
_TABLES = 347
"""Of a TIFF's JPEG strips, what they have in common (TIFF Technical Note 2)."""
# Offsets and lengths, of strips and of tiles (TIFF 6.0, sections 8 and 15).
_PARTS = ((273, 279), (324, 325))


_UNUSUAL = "a JPEG of unusual sampling: whether it is damaged cannot be told"
_END = 0xD9
# In the data of a scan: neither a stuffed 0xFF, nor a restart, nor a fill byte (ITU-T T.81, B.1.1).
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def refuse_damage(image: Image.Image, data: bytes) -> tuple[str, ...]:
    """Raise StudyError where the file `data`, opened as `image`, holds damage that its form can tell.

    Gives a sentence where its form could tell it, and yet nobody here can.
    """
    if image.format == "PNG":
        _refuse_damaged_png(data)
    if image.format in ("JPEG", "MPO"):
        return _refuse_damaged_jpeg(data)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _refuse_damaged_tiff(image.tag_v2, data)
    return ()


def _refuse_damaged_png(data: bytes) -> None:
    """By the checksum of each chunk, up to the last one (PNG, clause 5.3)."""
    at, name = 8, b""
    while name != b"IEND":
        name, end = data[at + 4 : at + 8], at + 8 + int.from_bytes(data[at : at + 4], "big")
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big") or len(data) < end + 4:
            raise StudyError("damaged or truncated (a chunk's checksum does not agree with it)")
        at = end + 4


def _refuse_damaged_jpeg(data: bytes) -> tuple[str, ...]:
    try:
        _decode_strictly(data)
    except KeyError:  # 4:4:1, of which simplejpeg has no name
        return (_UNUSUAL,)
    except ValueError as error:
        if "subsampling" in str(error):
            return (_UNUSUAL,)
        if "extraneous bytes before marker 0xd9" in str(error) and _is_whole_without_padding(data):
            return ()
        raise StudyError(f"damaged or truncated ({error})") from error
    return ()


def _decode_strictly(data: bytes) -> None:
    *_, space, _ = simplejpeg.decode_jpeg_header(data)
    # All of the stream is decoded, but an eighth of the pixels is enough to be told of it.
    simplejpeg.decode_jpeg(
        data, colorspace=_SPACES.get(space, "RGB"), strict=True, min_height=1, min_width=1, min_factor=8
    )


def _is_whole_without_padding(data: bytes) -> bool:
    """Whether all that is odd about a JPEG are zeros before its end, which some cameras write to fill a block."""
    end = _end(data)
    try:
        _decode_strictly(data[:end].rstrip(b"\0") + data[end : end + 2])
    except (ValueError, KeyError):
        return False
    return True


def _end(data: bytes) -> int:
    """Where the marker stands that ends a JPEG; others may follow it, and stand in its thumbnail."""
    at = 2
    while found := _MARKER.search(data, at):
        at, marker = found.start(), data[found.start() + 1]
        if marker == _END:
            return at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return len(data)


def _refuse_damaged_tiff(tags: TiffImagePlugin.ImageFileDirectory_v2, data: bytes) -> tuple[str, ...]:
    compression, notes = tags.get(_COMPRESSION), set[str]()
    if compression not in (*_DEFLATE, _JPEG):
        return ()
    tables = tags.get(_TABLES, b"")
    for offsets, lengths in _PARTS:
        for offset, length in zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=True):
            part = data[offset : offset + length]
            if compression == _JPEG:
                # Without the mark that ends the tables, and the one that begins the strip.
                notes.update(_refuse_damaged_jpeg(tables[:-2] + part[2:] if tables else part))
                continue
            try:
                zlib.decompress(part)
            except zlib.error as error:
                raise StudyError(f"damaged or truncated ({error})") from error
    return tuple(notes)

"""What an image file says of its colours beside an ICC profile: PNG's chunks, `nclx` of HEIC and AVIF, EXIF.

A viewer honours the first two. Where they say that the pixels are no sRGB, taking them as sRGB would show another
picture.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from PIL import ExifTags, Image, ImageCms

_SRGB_PRIMARIES, _SRGB_TRANSFERS = 1, (1, 6, 13, 14, 15)
"""Code points of ITU-T H.273: BT.709 colours; the transfers of video and of sRGB, which viewers treat alike."""
_UNSPECIFIED = 2
_PRIMARIES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_TRANSFERS = {8: "linear", 16: "PQ", 18: "HLG"}

_SRGB_GAMMA = 0.45455
_SRGB_CHROMATICITY = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
"""White, red, green, blue, each x and y (PNG, clause 11.3.2.1)."""
_NEARLY = 0.002

_INTEROPERABILITY, _ADOBE_RGB, _SRGB_BY_EXIF = 1, "R03", 1
"""How cameras mark Adobe RGB (DCF 2.0), beside a colour space that is not sRGB."""


def refusal(form: str | None, data: bytes, info: Mapping[Any, Any]) -> str:
    """Why the pixels of a file cannot be taken as sRGB; empty where they can, or an ICC profile says what they are.

    form: Pillow's name of it. info: what Pillow read of the file. A profile that cannot be read says nothing.
    """
    profiled = _is_profile(info.get("icc_profile"))
    if form == "PNG":
        chunks = _before_pixels(data)
        if b"cICP" in chunks and len(chunks[b"cICP"]) == 4:
            primaries, transfer, _, full_range = chunks[b"cICP"]
            if not full_range:
                return "its values are those of video, 16 to 235 (cICP), and are not converted; save it as sRGB"
            return _of_code_points("cICP", primaries, transfer)
        if profiled or b"sRGB" in chunks:
            return ""
        return _of_measures(chunks)
    if form in ("HEIF", "AVIF") and not profiled:
        at = data.find(b"colrnclx", 0, 1 << 16)
        if at >= 0 and len(data) >= at + 12:
            return _of_code_points("nclx", *struct.unpack(">HH", data[at + 8 : at + 12]))
    return ""


def notes(image: Image.Image, data: bytes) -> tuple[str, ...]:
    """What an image file says of its colours that nobody can read, or that only some viewers honour."""
    if image.info.get("icc_profile"):
        return ()
    if image.format == "PNG" and b"iCCP" in _before_pixels(data):
        return ("its colour profile is damaged: ignored",)
    if image.format in ("JPEG", "MPO") and _is_adobe_rgb_by_exif(image):
        return ("its camera says Adobe RGB, without a colour profile: taken as sRGB",)
    return ()


def _is_adobe_rgb_by_exif(image: Image.Image) -> bool:
    with suppress(Exception):  # no picture is the worse for odd EXIF, which raises all sorts
        exif = image.getexif()
        index = exif.get_ifd(ExifTags.IFD.Interop).get(_INTEROPERABILITY)
        return index == _ADOBE_RGB and exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace) != _SRGB_BY_EXIF
    return False


def _is_profile(profile: bytes | None) -> bool:
    try:
        return bool(profile) and bool(ImageCms.ImageCmsProfile(io.BytesIO(profile or b"")))
    except OSError:
        return False


def _of_code_points(name: str, primaries: int, transfer: int) -> str:
    if primaries in (_SRGB_PRIMARIES, _UNSPECIFIED) and transfer in (*_SRGB_TRANSFERS, _UNSPECIFIED):
        return ""
    colours = _PRIMARIES.get(primaries, f"primaries {primaries}")
    curve = _TRANSFERS.get(transfer, f"transfer {transfer}")
    return f"its colours are no sRGB ({name}: {colours}, {curve}), and are not converted; save it as sRGB"


def _of_measures(chunks: Mapping[bytes, bytes]) -> str:
    """Of gAMA and cHRM, which hold hundred-thousandths."""
    if len(chunks.get(b"gAMA", b"")) == 4:
        (gamma,) = struct.unpack(">I", chunks[b"gAMA"])
        if abs(gamma / 1e5 - _SRGB_GAMMA) > _NEARLY:
            return f"its gamma is {gamma / 1e5:g} and not sRGB's (gAMA), and is not converted; save it as sRGB"
    if len(chunks.get(b"cHRM", b"")) == 32:
        measured = [value / 1e5 for value in struct.unpack(">8I", chunks[b"cHRM"])]
        if any(abs(one - other) > _NEARLY for one, other in zip(measured, _SRGB_CHROMATICITY, strict=True)):
            return "its primary colours are not sRGB's (cHRM), and are not converted; save it as sRGB"
    return ""


def _before_pixels(data: bytes) -> dict[bytes, bytes]:
    """Chunks of a PNG that stand before its pixels, by name."""
    chunks, at = {}, 8
    while at + 8 <= len(data):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if name == b"IDAT":
            break
        chunks[name] = data[at + 8 : at + 8 + length]
        at += 12 + length
    return chunks

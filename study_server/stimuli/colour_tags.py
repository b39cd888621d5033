"""What an image file says of its colours beside an ICC profile: PNG's chunks, and `nclx` of HEIC and AVIF.

A viewer honours these. Where they say that the pixels are no sRGB, taking them as sRGB would show another picture.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

_SRGB_PRIMARIES, _SRGB_TRANSFERS = 1, (1, 6, 13, 14, 15)
"""Code points of ITU-T H.273: BT.709 colours; the transfers of video and of sRGB, which viewers treat alike."""
_UNSPECIFIED = 2
_PRIMARIES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_TRANSFERS = {8: "linear", 16: "PQ", 18: "HLG"}

_SRGB_GAMMA = 0.45455
_SRGB_CHROMATICITY = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
"""White, red, green, blue, each x and y (PNG, clause 11.3.2.1)."""
_NEARLY = 0.002


def refusal(form: str | None, data: bytes, info: Mapping[Any, Any]) -> str:
    """Why the pixels of a file cannot be taken as sRGB; empty where they can, or an ICC profile says what they are.

    form: Pillow's name of it. info: what Pillow read of the file.
    """
    if form == "PNG":
        chunks = _before_pixels(data)
        if b"cICP" in chunks and len(chunks[b"cICP"]) == 4:
            return _of_code_points("cICP", *chunks[b"cICP"][:2])
        if "icc_profile" in info or b"sRGB" in chunks:
            return ""
        return _of_measures(chunks)
    if form in ("HEIF", "AVIF") and "icc_profile" not in info:
        at = data.find(b"colrnclx", 0, 1 << 16)
        if at >= 0 and len(data) >= at + 12:
            return _of_code_points("nclx", *struct.unpack(">HH", data[at + 8 : at + 12]))
    return ""


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

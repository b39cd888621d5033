"""Images under names that mean nothing, in bodies that are all equally long, without validators.

Two images of a 0-pixel pair have the same pixels; nothing else about their responses may be the same only then. So
there is no ETag and no Last-Modified, and every body of a study has the length of its longest image.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from flask import Blueprint, Response, current_app

from study_server.folder.study_folder import StudyFolder
from study_server.participants.participation import NotFound, Participation

blueprint = Blueprint("images", __name__)

_CHUNK_OVERHEAD = 12
_IEND = b"\x00\x00\x00\x00IEND\xaeB`\x82"


class PaddedImages:
    """The PNGs of a study folder, padded to one length."""

    def __init__(self, folder: StudyFolder) -> None:
        self.folder = folder
        files = {folder.path / row.stimulus_file for row in folder.pairs}
        self.length = max(path.stat().st_size for path in files) + _CHUNK_OVERHEAD

    def read(self, path: Path) -> bytes:
        """Bytes of a PNG of the study, `length` of them."""
        return pad_png(path.read_bytes(), self.length)


def pad_png(data: bytes, length: int) -> bytes:
    """The PNG with an ancillary chunk of zeros, so that it is `length` bytes long. Decoders pass over the chunk.

    Raises ValueError where `data` is no PNG that ends with IEND, or too long.
    """
    room = length - len(data) - _CHUNK_OVERHEAD
    if room < 0 or not data.endswith(_IEND):
        raise ValueError("not a PNG that can be padded to this length")
    # Lower case: ancillary, private, safe to copy (PNG specification, 5.4).
    body = b"paDd" + bytes(room)
    chunk = room.to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return data[: -len(_IEND)] + chunk + _IEND


def _png(data: bytes) -> Response:
    return Response(data, mimetype="image/png", headers={"Cache-Control": "private, no-store"})


@blueprint.get("/images/<token>")
def stimulus(token: str) -> Response:
    """One of the two images of a trial."""
    participation: Participation = current_app.extensions["participation"]
    images: PaddedImages = current_app.extensions["images"]
    return _png(images.read(participation.image_file(token)))


@blueprint.get("/practice-images/<int:number>/<any(left, right):side>")
def practice(number: int, side: str) -> Response:
    """One of the two images of a practice pair."""
    images: PaddedImages = current_app.extensions["images"]
    pairs = images.folder.practice_pairs
    if not 1 <= number <= len(pairs):
        raise NotFound("there is no such practice pair")
    row = pairs[number - 1]
    # The reference's side alternates: over practice as a whole neither side is special.
    reference = (side == "left") == (number % 2 == 1)
    path = images.folder.practice_path / (row.reference_file if reference else row.stimulus_file)
    return _png(path.read_bytes())


@blueprint.get("/example-images/<any(original, moved):which>")
def example(which: str) -> Response:
    """The example in the instructions, before and after the shift."""
    images: PaddedImages = current_app.extensions["images"]
    row = images.folder.example_pair
    if row is None:
        raise NotFound("this study has no practice images")
    path = images.folder.practice_path / (row.reference_file if which == "original" else row.stimulus_file)
    return _png(path.read_bytes())

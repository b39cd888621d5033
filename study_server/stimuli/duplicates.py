"""The same photograph twice, under two names: assignment and statistics would count one thing as two."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from study_server.errors import StudyError
from study_server.stimuli.photographs import Pixels, pixels_sha256

_NEARLY = 8
"""Of the 64 bits of a perceptual hash. Those of a photograph that was recompressed or made larger or smaller differ in
up to 4, those of two different ones in 20 or more (of 26 photographs inside scikit-image and scikit-learn)."""


class Duplicates:
    """Photographs that were looked at so far, each by its pixels."""

    def __init__(self, name_of: Mapping[str, str] | None = None) -> None:
        """name_of: hash of its pixels → name, of photographs that were looked at before."""
        self._name_of = dict(name_of or {})
        self._names: list[str] = []
        self._hashes = np.zeros((0, 64), dtype=np.bool_)

    def refuse_same(self, name: str, pixels: Pixels) -> str:
        """The hash of a photograph's pixels.

        Raises StudyError where another one has the very same pixels, whatever the form of its file.
        """
        digest = pixels_sha256(pixels)
        first = self._name_of.setdefault(digest, name)
        if first != name:
            raise StudyError(f"the same pixels as {first}: one photograph counts once")
        return digest

    def note(self, name: str, pixels: Pixels) -> list[str]:
        """Note that a photograph is used; which others are that it looks like a changed copy of, a sentence each."""
        import imagehash  # with SciPy's transforms, which serving a study does not need

        own = imagehash.phash(Image.fromarray(pixels)).hash.reshape(1, 64)
        alike = np.count_nonzero(self._hashes != own, axis=1) <= _NEARLY
        found = [other for other, is_alike in zip(self._names, alike.tolist(), strict=True) if is_alike]
        self._names.append(name)
        self._hashes = np.concatenate([self._hashes, own])
        return [
            f"looks like {other}, recompressed or of another size: if they are one photograph, remove one"
            for other in found
        ]

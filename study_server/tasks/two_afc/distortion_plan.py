"""Which two distortions the triplets get: each kind as often as any other as the first and as the second of the two."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from study_server.errors import StudyError

KINDS = ("blur", "noise", "jpeg", "colour-cast", "warp", "down-and-up")
"""As who makes them calls them (`Distort`)."""
STRENGTHS = (0.15, 0.3, 0.5, 0.75)
"""Between nothing (0) and most (1)."""
OBVIOUS_KINDS = ("blur", "noise", "jpeg", "down-and-up")
"""At strength 1 nobody takes them for the reference; a colour cast or a warp that is drawn may be a slight one."""

_WRITTEN = re.compile(r"([a-z-]+) ([01](?:\.[0-9]{1,4})?)")
_NONE = "none"


@dataclass(frozen=True)
class Distortion:
    """A kind of distortion and its strength in [0, 1]; `str` is as the manifest has it.

    >>> str(Distortion("blur", 0.5)), str(UNDISTORTED)
    ('blur 0.5', 'none')
    """

    kind: str
    strength: float

    def __str__(self) -> str:
        return _NONE if self.kind == _NONE else f"{self.kind} {self.strength:g}"

    @classmethod
    def parse(cls, text: str) -> Distortion:
        """What a manifest calls a distortion. Raises StudyError for what no manifest of distorted photographs says."""
        if text == _NONE:
            return UNDISTORTED
        written = _WRITTEN.fullmatch(text)
        if not written or written[1] not in KINDS or float(written[2]) > 1:
            raise StudyError(
                f"distortion {text!r} is none that can be made again: {_NONE}, or one of {', '.join(KINDS)} with a "
                "strength from 0 to 1, such as blur 0.5"
            )
        return cls(written[1], float(written[2]))


UNDISTORTED = Distortion(_NONE, 0)


def pairs_in_turn(rng: random.Random) -> Iterator[tuple[Distortion, Distortion]]:
    """Two different distortions for one triplet after the other: of different kinds, or of one at two strengths.

    Of six triplets in a row from the beginning each kind is once the first and once the second; of 24, each kind at
    each strength.
    """
    for first, second in zip(_sixes(rng), _sixes(rng), strict=False):
        while any(one == other for one, other in zip(first, second, strict=True)):
            rng.shuffle(second)
        yield from zip(first, second, strict=True)


def _sixes(rng: random.Random) -> Iterator[list[Distortion]]:
    """Each kind once, in a drawn order."""
    strengths = {kind: _in_turn(STRENGTHS, rng) for kind in KINDS}
    while True:
        six = [Distortion(kind, next(strengths[kind])) for kind in KINDS]
        rng.shuffle(six)
        yield six


def _in_turn(values: tuple[float, ...], rng: random.Random) -> Iterator[float]:
    while True:
        yield from rng.sample(values, len(values))

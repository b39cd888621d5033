"""Where the three images stand, and which of them is the odd one."""

from __future__ import annotations

from study_server.tasks.task import Arrangement

PLACES = ("left", "middle", "right")
_OTHER = {"reference": "shifted", "shifted": "reference"}
ROLES = tuple(_OTHER)
"""Either may be the odd one."""


def arranged(odd_place: int, odd_role: str) -> Arrangement:
    """The image of this role at the place with this index, the other one at the two others."""
    return tuple(odd_role if place == odd_place else _OTHER[odd_role] for place in range(len(PLACES)))


def odd(arrangement: Arrangement) -> int:
    """Index of the place whose image is unlike the two others."""
    return next(place for place, role in enumerate(arrangement) if arrangement.count(role) == 1)


def odd_place(arrangement: Arrangement) -> str:
    """That place: the right answer."""
    return PLACES[odd(arrangement)]

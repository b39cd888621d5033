"""Photographs that are held out: what is trained on some can be tested with others."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from analysis.errors import AnalysisError


def held_out_photographs(photographs: Iterable[str], share: float, seed: int) -> frozenset[str]:
    """Which of the photographs are held out, drawn by their names alone.

    Each has a place in an order that the seed and its own name say, and the first are held out: whatever others there
    are, and in whatever order they are named.

    Args:
        photographs: by name.
        share: of them, in (0, 1), rounded to whole photographs.
        seed: of the order.

    Raises: `AnalysisError` where none would be held out, or none left.
    """
    ordered = sorted(set(photographs), key=lambda name: sha256(f"{seed}/{name}".encode()).digest())
    count = round(share * len(ordered))
    if not 0 < count < len(ordered):
        side = "none to test with" if count == 0 else "none to train on"
        raise AnalysisError(
            f"A share of {share:g} of {len(ordered)} photographs is {count}, which leaves {side}; give another share "
            "to hold out, or judge triplets of more photographs."
        )
    return frozenset(ordered[:count])

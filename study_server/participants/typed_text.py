"""What people type into a field of one line: what of it is stored."""

from __future__ import annotations

import unicodedata

_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows: a text with them can look like another, or disorder what is beside."""


def on_one_line(text: str) -> str:
    """The text without characters that control a terminal or the direction of writing, any space in it a single blank.

    A line break would be another row to programs that read CSV carelessly.
    """
    kept = (sign for sign in text if sign.isspace() or not (unicodedata.category(sign) == "Cc" or sign in _DIRECTIONS))
    return " ".join("".join(kept).split())

"""How many examples Hypothesis makes for a test, as the profile has it."""

from __future__ import annotations

from hypothesis import settings


def examples(of_hundred: int) -> int:
    """So many for a test that has `of_hundred` where others have 100, and fewer in a profile of few; at least 5."""
    return max(5, of_hundred * settings().max_examples // 100)

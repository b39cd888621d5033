"""What is said of photographs that could not be used: a line each, or one for many of one reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

_FEW = 5


def skipped_lines(skipped: Mapping[str, str]) -> list[str]:
    """Lines for name → reason; cameras write a raw file beside each photograph, and all of these are said at once."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, reason in skipped.items():
        by_reason[reason].append(name)
    lines = []
    for reason, names in by_reason.items():
        if len(names) > _FEW:
            lines.append(f"{len(names)} files ({names[0]}, {names[1]}, …): {reason}")
        else:
            lines += [f"{name}: {reason}" for name in names]
    return lines

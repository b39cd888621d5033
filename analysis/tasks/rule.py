"""What an exclusion rule is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from analysis.columns.rule_columns import Mask, Responses


@dataclass(frozen=True)
class Rule:
    """A rule that marks responses.

    `look` gives two masks of the responses: which it marks, and to which it can be applied at all. `columns`: what it
    looks at. `known_by`: the column that tells the second alone, where there is one.
    """

    look: Callable[[Responses], tuple[Mask, Mask]]
    columns: tuple[str, ...]
    known_by: str | None = None

    @property
    def meaning(self) -> str:
        """What it marks, in one line."""
        return (inspect.getdoc(self.look) or "").partition("\n")[0]

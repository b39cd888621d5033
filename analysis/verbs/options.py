"""What the verbs of this package have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import click

FILE = click.Path(path_type=Path)

RULES = click.option(
    "--rules",
    metavar="NAMES",
    help="Exclusion rules, such as unfinished,validation,too_fast; none for no rule. Left out: those of the study's "
    "settings, else unfinished,validation.",
)


class StudyReader(Protocol):
    """What the composed command lends these verbs in the context's `obj`."""

    def study_rows(self, source: str) -> list[dict[str, Any]] | None:
        """Rows of the tidy response table of a study folder or a database URL; None for any other source."""

    def study_rules(self, source: str) -> tuple[str, ...] | None:
        """Names of the exclusion rules that a study folder's settings list; None for any other source."""


def rules_for(reader: StudyReader, source: str, named: str | None = None) -> tuple[str, ...]:
    """The exclusion rules for a source: those named in `--rules`, else those of its settings, else the default.

    Raises: `AnalysisError` where a name is no rule.
    """
    from analysis.exclusions.marking import DEFAULT_RULES, known_rules, named_rules

    if named is not None:
        return named_rules(named)
    configured = reader.study_rules(source)
    return DEFAULT_RULES if configured is None else known_rules(configured)

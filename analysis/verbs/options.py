"""What the verbs of this package have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import click

FILE = click.Path(path_type=Path)


class StudyReader(Protocol):
    """What the composed command lends these verbs in the context's `obj`."""

    def study_rows(self, source: str) -> list[dict[str, Any]] | None:
        """Rows of the tidy response table of a study folder or a database URL; None for any other source."""

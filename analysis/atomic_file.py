"""A file that appears whole or not at all, so that no reader and no crash meets half of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analysis.errors import AnalysisError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a new path beside `path` to write to; on success it takes the place of `path`, else it is removed.

    Raises: `AnalysisError` where the file cannot be written.
    """
    # Beside it, for a rename is atomic only within a file system. Some writers go by the suffix.
    draft = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        try:
            yield draft
            with draft.open("rb") as written:
                os.fsync(written.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise AnalysisError(f"{path} cannot be written: {error.strerror or error}; choose another file.") from error

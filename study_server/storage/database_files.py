"""The files of an SQLite database: whether they still lie where they were when the server opened them."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from study_server.errors import FileMoved

Identity = tuple[int, int]
"""Of a file, whatever its name: device and inode."""

_SINCE = "while the server was running, so nothing is stored"

_log = logging.getLogger(__name__)


def identity_of(path: Path) -> Identity | None:
    """None where there is no such file."""
    try:
        found = os.stat(path)  # noqa: PTH116  (at every transaction)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class DatabaseFiles:
    """The database and its write-ahead log, which holds the latest answers.

    Open files stay open wherever they are moved to, and when they are deleted. What is written to them then is found by
    nobody, so nothing may be acknowledged. identity: of the file that it must be; None: of the first that is opened.
    """

    def __init__(self, database: Path, identity: Identity | None = None) -> None:
        self.database = database.absolute()
        self._log_file = database.resolve().with_name(f"{database.resolve().name}-wal")  # SQLite follows links
        self.identity = identity
        self._log_identity: Identity | None = None
        self._open = 0
        self._gate = threading.Lock()  # of all above
        self._said: str | None = None

    def check(self) -> None:
        """Raises FileMoved where a file has been moved, deleted or replaced; said in the log once."""
        with self._gate:
            trouble = self._trouble()
            if trouble != self._said:
                self._said = trouble
                if trouble:
                    _log.error("%s (%s)", trouble, self.database)
                else:
                    _log.warning("%s is there again, and all goes on", self.database)
        if trouble:
            raise FileMoved(trouble)

    def opened(self, before: Identity | None) -> None:
        """A connection has been opened; before it, the file was that one. Raises FileMoved where it is not any more."""
        found = identity_of(self.database)
        with self._gate:
            if self.identity is None:
                self.identity = found
            if found != self.identity or before not in (None, found):
                raise FileMoved(f"{self.database.name} is being replaced")
            self._open += 1

    def closed(self) -> None:
        """A connection has been closed; behind the last one SQLite removes the log."""
        with self._gate:
            self._open -= 1
            if self._open == 0:
                self._log_identity = None

    def _trouble(self) -> str | None:
        """What is wrong, as a sentence. The gate is held."""
        if self.identity is None:
            return None
        found = identity_of(self.database)
        if found == self.identity:
            log = identity_of(self._log_file)
            if self._log_identity is None:
                self._log_identity = log if self._open else None
            is_right = log == self._log_identity or not self._open
            return None if is_right else _of_the_log(self._log_file.name, log)
        name = f"the database {self.database.name}"
        if found is None:
            return f"{name} was moved or deleted {_SINCE}: put it back where it was"
        return (
            f"{name} was replaced by another file {_SINCE}: put back the one that was there, or restart the server to "
            "go on with this one"
        )


def _of_the_log(name: str, found: Identity | None) -> str:
    what = "moved or deleted" if found is None else "replaced by another file"
    return f"the file {name}, with the latest answers, was {what} {_SINCE}: put it back where it was"

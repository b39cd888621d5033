"""Fetch one file over HTTP: resumed where it broke off, retried, verified, put in place only when whole."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3.exceptions

from study_server.errors import StudyError

_CHUNK = 1 << 16


class NotAvailable(StudyError):
    """The server does not have this file, or what it sends under this name is never what was promised."""


class _TryAgain(Exception):
    """One try failed in a way that another may mend."""

    def __init__(self, reason: str, *, wrong: bool = False) -> None:
        super().__init__(reason)
        self.wrong = wrong
        """Whether a whole file came and was not the right one, so that there is nothing to go on from."""


@dataclass(frozen=True)
class Patience:
    """How often and how long to try (seconds)."""

    tries: int = 5
    first_pause: float = 0.5
    timeout: float = 30.0


PATIENCE = Patience()


def fetch(
    url: str,
    path: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    verify: Callable[[Path], None] = lambda path: None,
    patience: Patience = PATIENCE,
    on_bytes: Callable[[int], object] = lambda n: None,
) -> None:
    """Download `url` to `path` unless it is there already, and whole.

    What came of an earlier try lies beside it as `.part` and is gone on with. `size` (bytes) and `sha256` are checked
    where given; `verify` raises StudyError for a file that is not what it should be. `on_bytes` hears of every piece.
    Raises NotAvailable where the server does not have the right file, StudyError where it could not be reached.
    """
    try:
        if path.exists() and _is_whole(path, size, sha256, verify):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(url, path, size, sha256, verify, patience, on_bytes)
    except OSError as error:
        raise StudyError(f"{path} cannot be written: {error}") from error


def _is_whole(path: Path, size: int | None, sha256: str | None, verify: Callable[[Path], None]) -> bool:
    try:
        _examine(path, size, sha256, verify)
    except _TryAgain:
        return False  # damaged since it was downloaded
    return True


def _download(
    url: str,
    path: Path,
    size: int | None,
    sha256: str | None,
    verify: Callable[[Path], None],
    patience: Patience,
    on_bytes: Callable[[int], object],
) -> None:
    part = path.with_name(path.name + ".part")
    pause = patience.first_pause
    for attempt in range(1, patience.tries + 1):
        try:
            _receive(url, part, patience.timeout, on_bytes)
            _examine(part, size, sha256, verify)
        except _TryAgain as trouble:
            if trouble.wrong:
                part.unlink()
            if attempt == patience.tries:
                kind = NotAvailable if trouble.wrong else StudyError
                raise kind(
                    f"{url}: {trouble} ({attempt} tries); the same command goes on where this one stopped"
                ) from trouble
            time.sleep(pause)
            pause *= 2
        else:
            part.replace(path)
            return


def _receive(url: str, part: Path, timeout: float, on_bytes: Callable[[int], object]) -> None:
    """Append to `part` what is still missing of it."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # the length that is promised must be the length that comes
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
            if answer.status_code == 416:  # nothing beyond what we have: it is whole, or not the same file
                return
            if 400 <= answer.status_code < 500 and answer.status_code not in (408, 429):
                raise NotAvailable(f"{url}: the server answers {answer.status_code} {answer.reason}")
            if answer.status_code not in (200, 206):
                raise _TryAgain(f"the server answers {answer.status_code} {answer.reason}")
            resumed = answer.status_code == 206
            promised = answer.headers.get("Content-Length")
            received = 0
            with part.open("ab" if resumed else "wb") as file:
                # Not iter_content: it hides a body that ends early. Not read: it drops what came before a break.
                while piece := answer.raw.read1(_CHUNK):
                    file.write(piece)
                    received += len(piece)
                    on_bytes(len(piece))
            if promised is not None and received < int(promised):
                raise _TryAgain(f"the connection broke off after {received} of {promised} bytes")
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _TryAgain(f"it cannot be reached, or the connection broke off ({type(error).__name__})") from error


def _examine(part: Path, size: int | None, sha256: str | None, verify: Callable[[Path], None]) -> None:
    if size is not None and part.stat().st_size != size:
        raise _TryAgain(f"{part.stat().st_size} bytes came where {size} were promised", wrong=True)
    if sha256 is not None and hashlib.sha256(part.read_bytes()).hexdigest() != sha256:
        raise _TryAgain("its SHA-256 is not the published one", wrong=True)
    try:
        verify(part)
    except StudyError as error:
        raise _TryAgain(str(error), wrong=True) from error

"""Files with people's data or keys belong to their owner; server.group lets the group read or write them, too."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

Group = Literal["", "read", "write"]

OWNER_ALONE = 0o600
_FILES: dict[Group, int] = {"": OWNER_ALONE, "read": 0o640, "write": 0o660}
_FOLDERS: dict[Group, int] = {"": 0o700, "read": 0o750, "write": 0o770}


def make_folder_private(path: Path, group: Group) -> None:
    """Let nobody into a folder but its owner, and the group where it may read."""
    path.chmod(_FOLDERS[group])


def make_private(path: Path, group: Group = "") -> None:
    """Make an empty file that nobody but its owner can read, nor has ever been able to; one that exists stays as it is.

    group: what the group may do with it. Raises OSError.
    """
    with suppress(FileExistsError):
        # Where the link leads to, if it is one: whoever opens the file follows it.
        os.close(_new(path.resolve(), _FILES[group]))


def open_companion(path: Path, of: Path) -> int:
    """A handle for reading and writing of a file that belongs to another; if it is made now, whoever has that has it.

    Raises OSError.
    """
    with suppress(FileExistsError):
        return _new(path, of.stat().st_mode & 0o666 | OWNER_ALONE)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ALONE)


def _new(path: Path, mode: int) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ALONE)
    with suppress(PermissionError):  # a file system without modes
        os.fchmod(handle, mode)  # whatever the umask
    return handle


def opened_to_others(paths: Iterable[Path], group: Group) -> str:
    """Which of these files others on this machine can read, and the command that mends it; empty where none is."""
    allowed = _FILES[group]
    open_files = [path for path in paths if path.is_file() and _exposed(path) & ~allowed]
    if not open_files:
        return ""
    names = [path.name for path in open_files]
    listed = ", ".join(names[:-1]) + (" and " if names[:-1] else "") + names[-1]
    return (
        f"Others on this machine can read {listed}, which {'have' if names[1:] else 'has'} people's data or keys in "
        f"{'them' if names[1:] else 'it'}: chmod {allowed:o} {shlex.join(map(str, open_files))}"
    )


def _exposed(path: Path) -> int:
    """What others than the owner can do with a file: nothing where they cannot enter its folder."""
    mode, folder = path.stat().st_mode, path.parent.stat().st_mode
    group = mode & 0o060 if folder & 0o010 else 0
    return group | (mode & 0o006 if folder & 0o001 else 0)

"""Write the stimuli to object storage, a folder, or whatever fsspec knows, so that nothing there tells the answer."""

from __future__ import annotations

import os
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from study_server.errors import StudyError
from study_server.progress_bar import progress
from study_server.stimuli import published as record
from study_server.stimuli.encoding import WEBP
from study_server.stimuli.manifest import ManifestRow
from study_server.stimuli.published import Published, published_of, role_of, write_published
from study_server.stimuli.sent_images import SentImages

_AT_ONCE = 8
# What the type of a file is called where it has to be said; others go by the name, or by nothing, which browsers take.
_TYPE_OPTION = {"s3": "ContentType", "gs": "content_type"}


@dataclass(frozen=True)
class Publication:
    """What `publish` did."""

    target: str
    files: int
    written: int
    """The others were there already."""
    bytes: int
    """Of all files, written or not."""


def publish(
    root: Path,
    rows: list[ManifestRow],
    manifest_sha256: str,
    images: SentImages,
    target: str,
    copies: tuple[str, ...],
) -> Publication:
    """Write the images of each stimulus of the manifest in `root` to `target`, and their names to published.csv.

    What is there already under its name and with its length is left alone, so that a broken run goes on where it was.
    Raises StudyError where the target cannot be written, or does not give back what was written.
    """
    images.fill()
    said = re.sub(r"//[^/@]*@", "//", target)  # without a password
    try:
        store = _Store(target)
    except Exception as error:  # every kind of storage has errors of its own
        raise StudyError(f"{said} cannot be used: {error}") from error
    names = _names(root, rows, manifest_sha256, images, copies)
    files = [
        (name, root / row.files[role_of(copy)])
        for row in rows
        for name, copy in zip(names.names[row.name], copies, strict=True)
    ]
    secrets.SystemRandom().shuffle(files)  # dates must not tell which files belong together
    written = size = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        done = pool.map(lambda file: store.put(file[0], images, file[1]), files)
        try:
            for length, is_new in progress(done, f"publishing to {said}", unit="file", total=len(files)):
                size, written = size + length, written + is_new
        except StudyError:
            raise
        except Exception as error:
            raise StudyError(f"{said} cannot be written: {error or type(error).__name__}") from error
        finally:
            pool.shutdown(cancel_futures=True)
    write_published(names, root / record.FILE_NAME)
    _unfinished(root).unlink(missing_ok=True)
    return Publication(said, len(files), written, size)


class _Store:
    """A place that fsspec can write to."""

    def __init__(self, target: str) -> None:
        fs, self._root = fsspec.core.url_to_fs(target)
        self._fs: Any = fs
        protocols = {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)
        self._type_options = [option for protocol, option in _TYPE_OPTION.items() if protocol in protocols]
        if isinstance(fs, LocalFileSystem):
            fs.makedirs(self._root, exist_ok=True)
        elif "/" in self._root.strip("/") and not fs.exists(self._root):
            fs.mkdir(self._root, create_parents=False)  # a folder, but no bucket of a name with a slip in it

    def put(self, name: str, images: SentImages, path: Path) -> tuple[int, bool]:
        """Write the image at `path`, unless it is there; its length, and whether it was written."""
        body, mimetype = images.read(path, seed=os.urandom(32))
        address = f"{self._root.rstrip('/')}/{name}"
        with suppress(FileNotFoundError):
            if self._fs.size(address) == len(body):
                return len(body), False
        self._fs.pipe_file(address, body, **dict.fromkeys(self._type_options, mimetype))
        if self._fs.cat_file(address) != body:
            raise OSError(f"{name} is not what was written there")
        return len(body), True


def _names(
    root: Path, rows: list[ManifestRow], manifest_sha256: str, images: SentImages, copies: tuple[str, ...]
) -> Published:
    """The names of the last time, if there are any that still fit; they are kept for the case that this one breaks."""
    suffixes = {row.name: _suffix(images.read(root / row.files[role_of(copies[0])])[1]) for row in rows}
    for path in (_unfinished(root), root / record.FILE_NAME):
        with suppress(StudyError):
            names = published_of(path, manifest_sha256, list(suffixes), copies)
            if all(name.endswith(suffixes[stimulus]) for stimulus, all_ in names.names.items() for name in all_):
                return names
    names = Published(
        manifest_sha256,
        copies,
        {stimulus: tuple(_name(suffix) for _ in copies) for stimulus, suffix in suffixes.items()},
    )
    write_published(names, _unfinished(root))
    return names


def _name(suffix: str) -> str:
    return secrets.token_hex(16) + suffix


def _suffix(mimetype: str) -> str:
    return ".webp" if mimetype == WEBP else ".png"


def _unfinished(root: Path) -> Path:
    return root / f"{record.FILE_NAME}.unfinished"

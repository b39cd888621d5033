"""The images of a study as they are sent: in two forms, each as long as its longest relative.

All crops of one photograph's window are sent in bodies of one length, so that the length tells which photograph it is,
which everybody sees, and neither the shift nor whether two are alike. The PNGs that the manifest names are the truth.
Their WebP forms are made once and kept in a cache, which may be deleted at any time; whatever does not decode to the
pixels that the manifest records is made anew, and never sent.

An image may be asked for before the cache is full. The length of one follows from all of its series, so the whole
series is made first: what is sent is the same as later, and how long it takes does not depend on which of its images,
or which pair, was asked for.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections import defaultdict
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from study_server.errors import StudyError
from study_server.progress_bar import progress
from study_server.stimuli.encoding import PADDING, PNG, WEBP, encode_webp, pad, shows
from study_server.stimuli.manifest import ManifestRow


@dataclass
class _Series:
    """The images of a group of stimuli, such as the crops of one photograph's window: path → hash of the pixels."""

    images: dict[Path, str] = field(default_factory=dict)
    lengths: dict[str, int] | None = None
    """Type → length of every body of this series, once it is known; no WebP where PNG is as small."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class SentImages:
    """The images of some manifests, ready to be sent. Threads may share it; processes may share its cache."""

    def __init__(self, cache: Path, manifests: Iterable[tuple[Path, list[ManifestRow]]]) -> None:
        """`manifests`: folder and rows of each. The folder `cache` is made when something is to be kept there."""
        self._cache = cache
        self._series: dict[Path, _Series] = {}
        self._names: dict[str, Path] = {}
        self._intact: dict[tuple[Path, str], bytes] = {}  # SHA-256 of bytes that were found to show the right pixels
        for root, rows in manifests:
            by_group: dict[str, _Series] = defaultdict(_Series)
            for row in rows:
                for role, name in row.files.items():
                    by_group[row.group].images[root / name] = row.digests[role]
                    self._series[root / name] = by_group[row.group]

    @property
    def is_full(self) -> bool:
        """Whether the cache lacks no WebP."""
        return not self._lacking()

    def fill(self) -> None:
        """Make every WebP that the cache lacks. Raises StudyError where a PNG is damaged or nothing can be kept."""
        for _ in self.filling():
            pass

    def filling(self) -> Generator[None, None, None]:
        """What `fill` does, an image at a time; closing it ends it."""
        lacking = self._lacking()
        try:
            with ThreadPoolExecutor(os.cpu_count()) as pool:  # the encoder lets other threads run
                made = pool.map(self._make_if_lacking, lacking.values(), lacking)
                try:
                    yield from progress(made, "compressing images", unit="image", total=len(lacking))
                finally:
                    pool.shutdown(wait=False, cancel_futures=True)
        except OSError as error:
            raise StudyError(f"compressed images cannot be kept in {self._cache}: {error.strerror}") from error

    def _lacking(self) -> dict[str, Path]:
        """Hash of the pixels → PNG, of images whose WebP the cache lacks."""
        return {d: p for p, s in self._series.items() for d in [s.images[p]] if not self._cached(d).exists()}

    def read(self, path: Path, *, webp: bool = True, seed: bytes | None = None) -> tuple[bytes, str]:
        """Body and type of an image named by its path; every image of its series has the same length and type.

        WebP where that is smaller and `webp` allows it. The seed is that of the padding; it follows from the pixels if
        left out. Raises StudyError where the PNG is not what the manifest records.
        """
        series = self._series[path]
        lengths = self._lengths(series)
        mimetype = WEBP if webp and WEBP in lengths else PNG
        digest = series.images[path]
        try:
            data = self._webp(path, digest) if mimetype == WEBP else self._png(path, digest)
            return pad(data, mimetype, lengths[mimetype], seed or bytes.fromhex(digest)), mimetype
        except (OSError, ValueError) as error:
            raise StudyError(f"{path} or its copy in {self._cache} has changed while in use: {error}") from error

    def png_digests(self) -> dict[Path, bytes]:
        """SHA-256 of the bytes of each PNG, as they are now; without those that cannot be read."""
        found = {}
        for path in self._series:
            with suppress(OSError):
                found[path] = hashlib.sha256(path.read_bytes()).digest()
        return found

    def trust_pngs(self, before: dict[Path, bytes]) -> None:
        """Others have verified the pixels of PNGs with these digests: what is as it was needs no second look."""
        for path, digest in self.png_digests().items():
            if before.get(path) == digest:
                self._intact[path, self._series[path].images[path]] = digest

    def _lengths(self, series: _Series) -> dict[str, int]:
        with series.lock:
            if series.lengths is None:
                lengths = {PNG: max(len(self._png(path, digest)) for path, digest in series.images.items())}
                with suppress(OSError, ValueError):  # where one is not exact, or cannot be kept, PNGs do
                    longest = max(len(self._webp(path, digest)) for path, digest in series.images.items())
                    if longest < lengths[PNG]:
                        lengths[WEBP] = longest
                series.lengths = {mimetype: length + PADDING for mimetype, length in lengths.items()}
            return series.lengths

    def _png(self, path: Path, digest: str) -> bytes:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StudyError(f"{path} cannot be read: {error.strerror}; restore it") from error
        if not self._is_intact(path, data, PNG, digest):
            raise StudyError(f"{path}: its pixels are not those that the manifest records; restore it")
        return data

    def _webp(self, path: Path, digest: str) -> bytes:
        cached = self._cached(digest)
        with suppress(OSError):
            data = cached.read_bytes()
            if self._is_intact(cached, data, WEBP, digest):
                return data
        return self._make(path, digest)

    def _make(self, path: Path, digest: str) -> bytes:
        """The WebP form of an image, put into the cache. Raises OSError where it cannot be kept, or ValueError."""
        with Image.open(io.BytesIO(self._png(path, digest))) as image:
            data = encode_webp(np.asarray(image))
        cached = self._cached(digest)
        if not self._is_intact(cached, data, WEBP, digest):
            raise ValueError("its WebP form is not exact")
        self._cache.mkdir(parents=True, exist_ok=True)
        part = self._cache / f"{digest}.{os.getpid()}-{threading.get_ident()}.part"
        try:
            part.write_bytes(data)
            part.replace(cached)  # others read all of it or nothing
        finally:
            part.unlink(missing_ok=True)
        return data

    def _make_if_lacking(self, path: Path, digest: str) -> None:
        if not self._cached(digest).exists():  # a process of the server may have been asked for it meanwhile
            with suppress(ValueError):  # it has no exact WebP form
                self._make(path, digest)

    def _is_intact(self, path: Path, data: bytes, mimetype: str, digest: str) -> bool:
        found = hashlib.sha256(data).digest()
        if self._intact.get((path, digest)) != found:
            if not shows(data, mimetype, digest):
                return False
            self._intact[path, digest] = found
        return True

    def _cached(self, digest: str) -> Path:
        # The same path each time: to make one takes longer than to open a file.
        if digest not in self._names:
            self._names[digest] = self._cache / f"{digest}.webp"
        return self._names[digest]

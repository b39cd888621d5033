"""Reading a file of trained weights: its tensors, and none of the code that it may hold."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from metric.errors import MetricError
from metric.weights.strict import is_dense

if TYPE_CHECKING:
    from torch import Tensor

_FOLDER = 0x10
"""What marks a member of a ZIP archive as a folder, of which torch reads nothing, and takes unset memory for it."""


def read_published(path: Path, sha256: str, mend: str) -> bytes:
    """The content of a file, if its SHA-256 begins with `sha256` ("" for any file).

    Raises:
        MetricError: where it does not, with `mend` as the last words; or where the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MetricError(f"The file of weights {path} cannot be read: {error.strerror}.") from error
    found = hashlib.sha256(content).hexdigest()
    if not found.startswith(sha256):
        hashes = f"SHA-256 {found[:12]}… instead of {sha256[:12]}…"
        raise MetricError(f"The weights in {path} are not the published ones ({hashes}); {mend}")
    return content


def read_checkpoint(path: Path, sha256: str = "", mend: str = "take the published file.") -> dict[str, Tensor]:
    """The tensors of a file written by `torch.save`, read once; no code in it is run (`weights_only=True`).

    Args:
        path: the file.
        sha256: what its SHA-256 must begin with, or "" for any.
        mend: what to do about a file that is not the published one.

    Raises:
        MetricError: where it has another SHA-256, is damaged, or does not hold dense tensors by name.
    """
    content = read_published(path, sha256, mend)
    import torch

    try:
        if not sha256 and content.startswith(b"PK"):  # torch looks at no checksum
            require_whole_zip(io.BytesIO(content))
        checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        by_name = isinstance(checkpoint, dict) and all(
            isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in checkpoint.items()
        )
        tensors = {name: tensor.detach() for name, tensor in checkpoint.items()} if by_name else {}
    except Exception as error:  # torch follows a damaged file wherever that leads: any exception comes of it
        raise MetricError(f"{path} is damaged or not a file of weights that torch can read safely.") from error
    if not by_name:
        raise MetricError(f"{path} does not hold tensors by name; give the file of a state dict.")
    for name, tensor in tensors.items():
        if not is_dense(tensor):
            raise MetricError(f'"{name}" in {path} is not stored as a dense tensor; save it as one.')
    return tensors


def require_whole_zip(file: Path | io.BytesIO) -> None:
    """Raises `zipfile.BadZipFile`, or what else comes of damage, where a member is not what was written."""
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            size = len(archive.read(member))  # reading compares the checksum
            if size != member.file_size or (size and member.external_attr & _FOLDER):
                raise zipfile.BadZipFile(member.filename)

"""Reading a file of trained weights: its tensors, and none of the code that it may hold."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from metric.errors import MetricError

if TYPE_CHECKING:
    from torch import Tensor


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
        MetricError: where it has another SHA-256, or does not hold tensors by name.
    """
    content = read_published(path, sha256, mend)
    import torch

    try:
        checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise MetricError(f"{path} is not a file of weights that torch can read safely.") from error
    if not isinstance(checkpoint, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in checkpoint.values()):
        raise MetricError(f"{path} does not hold tensors by name; give the file of a state dict.")
    return dict(checkpoint)

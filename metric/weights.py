"""Trained weights from an installed distribution: found without importing its code, and checked.

Importing this module loads no torch.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from metric.errors import MetricError
from metric.extra import INSTALL

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class WeightsFile:
    """One file of trained weights that another distribution installs.

    `path` is relative to where distributions are installed; `sha256` is that of the published file.
    """

    distribution: str
    path: str
    sha256: str
    licence: str

    def locate_if_installed(self) -> Path | None:
        """Where the file is, or None where the distribution or the file is missing."""
        try:
            found = distribution(self.distribution)
        except PackageNotFoundError:
            return None
        path = Path(str(found.locate_file(self.path)))
        return path if path.is_file() else None

    def read(self) -> dict[str, Tensor]:
        """The checkpoint's tensors by name, on the CPU.

        Raises:
            MetricError: where the file is not installed, or is not byte for byte the published one.
        """
        path = self.locate_if_installed()
        if path is None:
            raise MetricError(
                f'The weights {self.path} of the package "{self.distribution}" are not installed; '
                f'this metric needs the extra "metric": {INSTALL}'
            )
        return read_checkpoint(path, self.sha256)


def read_checkpoint(path: Path, sha256: str) -> dict[str, Tensor]:
    """The tensors of a file written by `torch.save`, read once and only if its SHA-256 is the given one.

    No code in the file is run (`weights_only=True`).
    """
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise MetricError(
            f"The weights in {path} are not the published ones (SHA-256 {found[:12]}… instead of "
            f"{sha256[:12]}…); install the package that they belong to again: {INSTALL}"
        )
    import torch

    checkpoint: dict[str, Tensor] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return checkpoint


def rename_strictly(
    checkpoint: Mapping[str, Tensor], published_names: Mapping[str, str], expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """A checkpoint under our names, if it has exactly the tensors that a network expects.

    Args:
        checkpoint: tensors under the names of the implementation that trained them.
        published_names: our name → that implementation's name, for every tensor of the network.
        expected: our name → a tensor of the shape wanted, in the network's order.

    Raises:
        MetricError: names the first tensor that is missing, left over or of another shape.
    """
    renamed: dict[str, Tensor] = {}
    for ours, tensor in expected.items():
        published = published_names[ours]
        if published not in checkpoint:
            raise MetricError(f'The checkpoint has no "{published}"; it is not for this network.')
        found = checkpoint[published]
        if found.shape != tensor.shape:
            raise MetricError(
                f'"{published}" in the checkpoint has shape {tuple(found.shape)} instead of '
                f"{tuple(tensor.shape)}; it is not for this network."
            )
        renamed[ours] = found
    taken = {published_names[ours] for ours in expected}
    for published in checkpoint:
        if published not in taken:
            raise MetricError(f'The checkpoint has "{published}", which this network does not; it is for another.')
    return renamed

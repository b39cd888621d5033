"""Where trained weights are: a file that the user names, the local caches, an installed package, a download.

In this order; the first that is there is taken. Importing this module loads no torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from metric.errors import MetricError, MisfitError
from metric.extra import INSTALL
from metric.weights.needs import TORCH_READER, InstalledFile, WeightsNeed

if TYPE_CHECKING:
    from torch import Tensor

CACHE_VARIABLE = "SHIFT_STUDY_CACHE"


@dataclass(frozen=True)
class FoundWeights:
    """A file that meets a need; `how` is "given", "cache", "torch's cache" or the distribution that installed it, or
    "in the file" that names the metric.

    `sha256` is what the file's must begin with, or "" where anything that fits the network will do; `mend` what
    to do about a file that is not the published one.
    """

    path: Path
    how: str
    sha256: str = ""
    mend: str = ""
    reader: str = TORCH_READER

    def read(self) -> dict[str, Tensor]:
        """Its tensors by name, on the CPU; `MetricError` where it is damaged or no file of weights."""
        module, _, function = self.reader.partition(":")
        tensors: dict[str, Tensor] = getattr(import_module(module), function)(self.path, self.sha256, self.mend)
        return tensors


def cache_folder() -> Path:
    """Where converted weights are kept: `$SHIFT_STUDY_CACHE`, else the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named) / "weights"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shift-study" / "weights"


def torch_cache_folder() -> Path:
    """Where torchvision keeps what it has downloaded; the rule of `torch.hub.get_dir`, without loading torch."""
    default = os.path.join(os.getenv("XDG_CACHE_HOME", "~/.cache"), "torch")  # noqa: PTH118, an empty variable counts
    return Path(os.getenv("TORCH_HOME", default)).expanduser() / "hub" / "checkpoints"


def find_weights(need: WeightsNeed, given: Path | None = None) -> FoundWeights | None:
    """Where `need` is met without a download, or None; `MetricError` where the file given does not exist.

    The same for a file beside the one that the metric is named by.
    """
    if need.file is not None:
        if given is not None:
            raise MetricError(f"{need.file} has its weights itself; leave out {given}.")
        if not need.file.is_file():
            raise MetricError(f"There is no file {need.file}.")
        return FoundWeights(need.file, "in the file", reader=need.reader)
    if given is not None:
        if not given.is_file():
            raise MetricError(f"There is no file of weights {given}.")
        return FoundWeights(given, "given")
    cached = cache_folder() / need.cache_name
    if cached.is_file():
        return FoundWeights(cached, "cache")
    if need.download:
        downloaded = torch_cache_folder() / need.download.file
        if downloaded.is_file():
            mend = "delete the file, and download it again with --download."
            return FoundWeights(downloaded, "torch's cache", need.download.sha256, mend)
    for carrier in need.installed:
        path = carrier.locate()
        if path is not None:
            mend = f"install the package that they belong to again: {_install(carrier)}"
            return FoundWeights(path, carrier.distribution, carrier.sha256, mend, carrier.reader)
    return None


def say_missing(metric: str, need: WeightsNeed) -> str:
    """What is missing and every way to mend it, in one sentence."""
    return say_how(metric, need, f"name a file that you have: --weights {metric}:{need.role}=FILE")


def say_how(what: str, need: WeightsNeed, *others: str) -> str:
    """What is missing of `what` and the ways to mend it, the `others` last, in one sentence."""
    ways = [_install(carrier) for carrier in need.installed]
    if need.download:
        ways.append("have torchvision download them, once, with --download")
    if need.published:
        ways.append(need.published)
    return f"{what} needs {need.what}, which are not installed: {'; or '.join([*ways, *others])}."


def _install(carrier: InstalledFile) -> str:
    return carrier.install or INSTALL


class Weights:
    """The weights of one metric, read when its factory asks for them by role.

    Args:
        metric: its name.
        needs: all that it needs.
        given: role → file that the user names.
        download: whether what is nowhere may be downloaded.
    """

    def __init__(
        self, metric: str, needs: tuple[WeightsNeed, ...], given: Mapping[str, Path], download: bool = False
    ) -> None:
        self._metric = metric
        self._needs = {need.role: need for need in needs}
        self._given = given
        self._files: list[Path] = []
        self.may_download = download
        for role in given:
            if role not in self._needs:
                roles = ", ".join(self._needs) or "none"
                raise MetricError(f'{metric} has no weights called "{role}"; it needs: {roles}.')

    def read(self, role: str) -> dict[str, Tensor]:
        """The tensors of one role, by the names in their file.

        Raises:
            MetricError: where they are nowhere, or their file is damaged or not the published one, or they
                cannot be downloaded.
        """
        need = self._needs[role]
        found = find_weights(need, self._given.get(role))
        if found is None and self.may_download and need.download:
            from metric.weights.downloading import download_weights

            download_weights(need.download, need.what)
            found = find_weights(need)
        if found is None:
            raise MetricError(say_missing(self._metric, need))
        self._files.append(found.path)
        tensors = found.read()
        if need.ignored_prefix:
            return {name: tensor for name, tensor in tensors.items() if not name.startswith(need.ignored_prefix)}
        return tensors

    def blame(self, error: MisfitError) -> MetricError:
        """The error with the files that it is about: those that the user gave, if any."""
        given = [file for file in self._files if file in self._given.values()]
        files = " and ".join(str(file) for file in given or self._files)
        return MetricError(
            f"{files} cannot be the weights of {self._metric}. {error} `shift-study metrics {self._metric}` says "
            "which are wanted."
        )

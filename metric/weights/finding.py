"""Where trained weights are: a file that the user names, the local cache, an installed package, a download.

In this order; the first that is there is taken. Importing this module loads no torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metric.errors import MetricError
from metric.extra import INSTALL
from metric.weights.needs import InstalledFile, WeightsNeed

if TYPE_CHECKING:
    from torch import Tensor

CACHE_VARIABLE = "SHIFT_STUDY_CACHE"


@dataclass(frozen=True)
class FoundWeights:
    """A file that meets a need; `how` is "given", "cache" or the distribution that installed it.

    `sha256` is what the file must have, or "" where anything that fits the network will do.
    """

    path: Path
    how: str
    sha256: str = ""
    install: str = ""

    def read(self) -> dict[str, Tensor]:
        """Its tensors by name, on the CPU; `MetricError` where it is damaged or no file of weights."""
        from metric.weights.files import read_checkpoint

        return read_checkpoint(self.path, self.sha256, self.install or INSTALL)


def cache_folder() -> Path:
    """Where converted and downloaded weights are kept: `$SHIFT_STUDY_CACHE`, else the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named) / "weights"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shift-study" / "weights"


def find_weights(need: WeightsNeed, given: Path | None = None) -> FoundWeights | None:
    """Where `need` is met without a download, or None; `MetricError` where the file given does not exist."""
    if given is not None:
        if not given.is_file():
            raise MetricError(f"There is no file of weights {given}.")
        return FoundWeights(given, "given")
    cached = cache_folder() / need.cache_name
    if cached.is_file():
        return FoundWeights(cached, "cache")
    for carrier in need.installed:
        path = carrier.locate()
        if path is not None:
            return FoundWeights(path, carrier.distribution, carrier.sha256, carrier.install)
    return None


def say_missing(metric: str, need: WeightsNeed) -> str:
    """What is missing and every way to mend it, in sentences."""
    ways = [_install(carrier) for carrier in need.installed]
    if need.published:
        ways.append(need.published)
    ways.append(f"or name a file that you have: --weights {metric}:{need.role}=FILE")
    return f"{metric} needs {need.what}, which are not installed: {'; '.join(ways)}."


def _install(carrier: InstalledFile) -> str:
    return carrier.install or INSTALL


class Weights:
    """The weights of one metric, read when its factory asks for them by role."""

    def __init__(self, metric: str, needs: tuple[WeightsNeed, ...], given: Mapping[str, Path]) -> None:
        self._metric = metric
        self._needs = {need.role: need for need in needs}
        self._given = given
        for role in given:
            if role not in self._needs:
                roles = ", ".join(self._needs) or "none"
                raise MetricError(f'{metric} has no weights called "{role}"; it needs: {roles}.')

    def read(self, role: str) -> dict[str, Tensor]:
        """The tensors of one role, by the names in their file.

        Raises:
            MetricError: where they are nowhere, or their file is damaged or not the published one.
        """
        need = self._needs[role]
        found = find_weights(need, self._given.get(role))
        if found is None:
            raise MetricError(say_missing(self._metric, need))
        return found.read()

"""What a metric needs to be trained with, as data. Importing this module loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


@dataclass(frozen=True)
class InstalledFile:
    """One file of trained weights that another distribution installs; it is found without importing its code.

    `path` is relative to where distributions are installed; `sha256` is that of the published file. `install`
    is the command that installs it, where it is not the extra `metric`.
    """

    distribution: str
    path: str
    sha256: str
    install: str = ""

    def locate(self) -> Path | None:
        """Where the file is, or None where the distribution or the file is missing."""
        try:
            found = distribution(self.distribution)
        except PackageNotFoundError:
            return None
        path = Path(str(found.locate_file(self.path)))
        return path if path.is_file() else None


@dataclass(frozen=True)
class WeightsNeed:
    """One set of tensors that a metric needs.

    Attributes:
        role: what they are to the metric, such as `backbone` or `linear`; names the file in
            `--weights METRIC:ROLE=FILE`.
        what: the same for people, such as "convolutions of torchvision's AlexNet".
        licence: of the weights.
        cache_name: file name in the local cache (see `metric.weights.finding.cache_folder`).
        installed: files of distributions that carry them.
        download: torchvision's name of them, such as `AlexNet_Weights.IMAGENET1K_V1`, or "".
        published: where their authors publish them and what to do with the file there, one sentence, or "".
    """

    role: str
    what: str
    licence: str
    cache_name: str
    installed: tuple[InstalledFile, ...] = ()
    download: str = ""
    published: str = ""

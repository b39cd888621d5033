"""What a metric needs to be trained with, as data. Importing this module loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

TORCH_READER = "metric.weights.checkpoint_files:read_checkpoint"


@dataclass(frozen=True)
class InstalledFile:
    """One file of trained weights that another distribution installs; it is found without importing its code.

    `path` is relative to where distributions are installed; `sha256` is that of the published file. `install`
    is the command that installs it, where it is not the extra `metric`. `reader` is the `module:function` that
    reads its form, with the arguments of `metric.weights.checkpoint_files.read_checkpoint`.
    """

    distribution: str
    path: str
    sha256: str
    install: str = ""
    reader: str = TORCH_READER

    def locate(self) -> Path | None:
        """Where the file is, or None where the distribution or the file is missing."""
        try:
            found = distribution(self.distribution)
        except PackageNotFoundError:
            return None
        path = Path(str(found.locate_file(self.path)))
        return path if path.is_file() else None


@dataclass(frozen=True)
class TorchvisionWeights:
    """Weights that torchvision downloads: its name of them, and of their file in torch's cache.

    torchvision ends a file's name with the first digits of its SHA-256. Where the file is published is asked of
    torchvision when it is downloaded.
    """

    enum: str
    file: str

    @property
    def sha256(self) -> str:
        """The first digits of the file's SHA-256."""
        return self.file.removesuffix(".pth").rpartition("-")[2]


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
        download: what torchvision downloads, or None.
        published: where their authors publish them and what to do with the file there, one sentence, or "".
        ignored_prefix: names of tensors that may be in a file and are left out begin so: torchvision's files
            hold the whole classifier, of which a metric takes the convolutions. "" leaves out none.
        file: where they are, for a metric that is named by the file that has them; no other is taken then.
        reader: the `module:function` that reads `file`, as of `InstalledFile`.
    """

    role: str
    what: str
    licence: str
    cache_name: str
    installed: tuple[InstalledFile, ...] = ()
    download: TorchvisionWeights | None = None
    published: str = ""
    ignored_prefix: str = ""
    file: Path | None = None
    reader: str = TORCH_READER

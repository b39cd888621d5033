"""From the file that a metric's authors publish to a file of ours: strictly, and once."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metric.errors import MetricError, MisfitError
from metric.loading import find_spec
from metric.registry import METRICS
from metric.weights.checkpoint_files import read_checkpoint, require_whole_zip
from metric.weights.finding import cache_folder
from metric.weights.pickled_arrays import read_pickled_arrays
from metric.weights.tensor_bundle import read_bundle

if TYPE_CHECKING:
    from torch import Tensor

CONVERTERS: dict[str, str] = {
    "pieapp-sparse": "metric.learned.pieapp:convert_published",
    "pieapp-dense": "metric.learned.pieapp:convert_published",
    "pim-1": "metric.learned.pim:convert_published_1",
    "pim-5": "metric.learned.pim:convert_published_5",
    "elpips-vgg": "metric.learned.elpips:convert_published",
}
"""Metric → `module:function`, which takes the published tensors by name and gives ours by name."""

PUBLISHED_ARCHIVES = {
    "pim-1": "436b4a95e667d8a4b6ee639f1d5d303585059b3f33075dbabbc9b1d0fb5008fa"
    "1509c046b80e2565c69e77f3ac396288eeb260cad8e316ea5c7e207b57ae68cb",
    "pim-5": "7939f9f9ed07650e9e290cac4e2cf559424795c26bb41f0641b7b77e93c96426"
    "8e5f4a8d6f0ba9a37d4407aef9973c04ee1dd88f1563643f0bc600a1a456aab3",
}
"""SHA-512 of the archives, as the authors' own loader checks them (perceptual_quality/pim/loader.py)."""


@dataclass(frozen=True)
class Conversion:
    """What was read and what was written.

    Attributes:
        metric: for which the file was converted.
        source: the published file.
        tensors_read: how many tensors that has.
        output: the file written, a state dict.
        tensors: how many tensors that has.
        parameters: how many numbers these have in all.
        serves: the metrics that find the file from now on; none where it was not written to the cache.
    """

    metric: str
    source: Path
    tensors_read: int
    output: Path
    tensors: int
    parameters: int
    serves: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "metric": self.metric,
            "source": str(self.source),
            "tensors_read": self.tensors_read,
            "output": str(self.output),
            "tensors": self.tensors,
            "parameters": self.parameters,
            "serves": list(self.serves),
        }


def convert_weights(metric: str, source: Path, output: Path | None = None, *, force: bool = False) -> Conversion:
    """Converts what a metric's authors publish, and writes it where the metric finds it, or to `output`.

    Raises:
        MetricError: for a metric without a converter, a file that cannot be read, is not the published archive or
            is of another network (with the first tensor that differs), and an output that exists or cannot be
            written.
    """
    spec = find_spec(metric)
    if metric not in CONVERTERS:
        raise MetricError(f"{metric} takes no published file to convert; those that do are {', '.join(CONVERTERS)}.")
    cached = cache_folder() / spec.weights[0].cache_name
    target = output or cached
    if target.exists() and not force:
        raise MetricError(f"{target} exists already; give another name with -o, or --force to replace it.")
    if output is not None and not output.parent.is_dir():
        raise MetricError(f"There is no folder {output.parent} to write {output.name} into; make it first.")
    published = read_published_tensors(source, PUBLISHED_ARCHIVES.get(metric, ""))
    module, _, function = CONVERTERS[metric].partition(":")
    convert: Callable[[dict[str, Tensor]], dict[str, Tensor]] = getattr(import_module(module), function)
    try:
        converted = convert(published)
    except MisfitError as error:
        raise MetricError(f"{source} is not what the authors of {metric} publish. {error}") from error
    _write_state_dict(converted, target)
    serves = [name for name, other in METRICS.items() if spec.weights[0] in other.weights] if target == cached else []
    return Conversion(
        metric=metric,
        source=source,
        tensors_read=len(published),
        output=target,
        tensors=len(converted),
        parameters=sum(tensor.numel() for tensor in converted.values()),
        serves=tuple(serves),
    )


def read_published_tensors(path: Path, archive_sha512: str = "") -> dict[str, Tensor]:
    """The tensors of a published file by name; none of the code that it may hold is run.

    Args:
        path: a file of `torch.save`; `.npz`; a pickled dictionary of arrays (`.pkl`, `.pickle`, `.npy`); the
            `.index` of a checkpoint of TensorFlow, the folder that has it, or a ZIP archive that has it.
        archive_sha512: what the SHA-512 of a ZIP archive with a checkpoint must be, or "" for any.

    Raises:
        MetricError: where it is none of these, or damaged.
    """
    if not path.exists():
        raise MetricError(f"There is no file {path}; give the file that the authors publish.")
    if path.is_dir():
        return _to_tensors(_read_folder(path))
    if path.suffix == ".index":
        return _to_tensors(_read_checkpoint(path))
    if path.suffix == ".npz":
        return _to_tensors(_read_npz(path))
    if path.suffix in (".pkl", ".pickle", ".npy"):
        return _to_tensors(read_pickled_arrays(path))
    bundles = _find_bundles(path)
    if bundles:
        return _to_tensors(_read_archive(path, bundles, archive_sha512))
    return read_checkpoint(path)


def _find_bundles(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".index") for name in archive.namelist() if name.endswith(".index")]
    except Exception:  # no ZIP archive, or a damaged one, of which anything comes: torch's reader has the last word
        return []


def _read_archive(path: Path, bundles: list[str], sha512: str) -> dict[str, Any]:
    found = hashlib.sha512(path.read_bytes()).hexdigest()
    if sha512 and found != sha512:
        raise MetricError(
            f"{path} is not the published archive (SHA-512 {found[:12]}… instead of {sha512[:12]}…); fetch it again, "
            "or unpack it and give its .index file if it is another training on purpose."
        )

    def read(name: str) -> bytes:
        try:
            with zipfile.ZipFile(path) as archive:
                return archive.read(name)
        except Exception as error:  # missing, encrypted or damaged: each has its own
            raise MetricError(f"{path} has no readable {name}; fetch it again.") from error

    return read_bundle(_the_only(bundles, path), read)


def _read_folder(path: Path) -> dict[str, Any]:
    # The weights of a SavedModel are in its folder `variables`.
    found = sorted([*path.glob("*.index"), *path.glob("variables/*.index")])
    return _read_checkpoint(Path(_the_only([str(file) for file in found], path)))


def _read_checkpoint(index: Path) -> dict[str, Any]:
    def read(name: str) -> bytes:
        try:
            return index.with_name(name).read_bytes()
        except OSError as error:
            raise MetricError(
                f"{index.with_name(name)} cannot be read: {error.strerror}; a checkpoint needs it."
            ) from error

    return read_bundle(index.stem, read)


def _the_only(bundles: list[str], path: Path) -> str:
    if len(bundles) != 1:
        raise MetricError(f"{path} has {len(bundles)} checkpoints of TensorFlow (*.index) instead of one.")
    return bundles[0]


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        require_whole_zip(path)
        with np.load(path, allow_pickle=False) as arrays:
            # A member that is no array comes as bytes, which are none of numbers either.
            return {name: np.asarray(arrays[name]) for name in arrays.files}
    except Exception as error:  # anything may come of a damaged file
        raise MetricError(f"{path} is not a file of NumPy arrays that can be read safely.") from error


def _to_tensors(arrays: dict[str, Any]) -> dict[str, Tensor]:
    import torch

    tensors = {}
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
            raise MetricError(f'"{name}" is an array of {array.dtype} instead of numbers that torch has.')
        tensors[name] = torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C"))
    return tensors


def _write_state_dict(tensors: dict[str, Tensor], path: Path) -> None:
    """Writes all or nothing: a metric that looks for its weights meanwhile never finds half of them."""
    import torch

    content = io.BytesIO()
    torch.save({name: tensor.contiguous() for name, tensor in tensors.items()}, content)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(content.getbuffer())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise MetricError(f"{path} cannot be written: {error.strerror}; choose another file with -o.") from error

"""Files of tensors in the form safetensors: a header of JSON, then numbers, and nothing that could be run.

The header is read without torch, and without the tensors. Form: https://huggingface.co/docs/safetensors#format
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from metric.errors import MetricError
from metric.extra import require_safetensors
from metric.weights.checkpoint_files import read_published

if TYPE_CHECKING:
    from torch import Tensor

READER = "metric.weights.safetensors_files:read_safetensors"
SUFFIX = ".safetensors"

_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000
"""Bytes; the format's own limit. What a file says of its length is believed only up to its size."""


@dataclass(frozen=True)
class SafetensorsHeader:
    """What stands before the numbers.

    Attributes:
        texts: what the file says of itself, by key.
        shapes: of each tensor, by its name.
        begins: the first byte of the numbers.
    """

    texts: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    begins: int


def read_header(path: Path) -> SafetensorsHeader:
    """The header of a file.

    Raises:
        MetricError: where there is no file, it is of another form, or its end is missing.
    """
    if not path.is_file():
        raise MetricError(f"There is no file {path}.")
    try:
        with path.open("rb") as file:
            return _parse(file, path.stat().st_size)
    except OSError as error:
        raise MetricError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise MetricError(f"{path} is damaged, or not a safetensors file; take the file as it was written.") from error


def read_safetensors(path: Path, sha256: str = "", mend: str = "take the published file.") -> dict[str, Tensor]:
    """The tensors of a file, read once; arguments and errors as `metric.weights.checkpoint_files.read_checkpoint`."""
    require_safetensors(str(path))
    content = read_published(path, sha256, mend)
    from safetensors.torch import load

    try:
        tensors: dict[str, Tensor] = load(content)
        return tensors
    except Exception as error:  # of safetensors, and of torch for a type that it has not
        raise MetricError(f"{path} is damaged, or not a safetensors file; take the file as it was written.") from error


def _parse(file: IO[bytes], size: int) -> SafetensorsHeader:
    """Errors of Python for what is not of the form."""
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    begins = _LENGTH_BYTES + length
    if not 2 <= length <= _LONGEST_HEADER or begins > size:
        raise ValueError
    header = _typed(json.loads(file.read(length).decode("utf-8")), dict)
    texts = _typed(header.pop("__metadata__", {}), dict)
    for text in texts.values():
        _typed(text, str)
    ends = [begins + _typed(_typed(tensor["data_offsets"], list)[1], int) for tensor in header.values()]
    if max(ends, default=begins) != size:
        raise ValueError
    shapes = {
        name: tuple(int(_typed(side, int)) for side in _typed(tensor["shape"], list)) for name, tensor in header.items()
    }
    return SafetensorsHeader(texts, shapes, begins)


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value

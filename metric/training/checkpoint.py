"""What a training needs to go on where it was broken off."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from metric.errors import MetricError
from metric.scoring.distance_files import written_whole

FILE_NAME = "checkpoint.pt"
SCHEMA = "shift-study/training-checkpoint/1"


@dataclass(frozen=True)
class Checkpoint:
    """The state after a step.

    Attributes:
        of: what the training is of, in words and numbers: configuration and data. A checkpoint of another is refused.
        step: steps that are done; with the seed, what the sampler goes on from.
        seconds: that they took.
        sums: of the epoch so far: losses, agreement with the judgments, samples.
        model: state of the metric and its loss.
        optimizer, schedule: their states.
        random: states of torch's generators.
    """

    of: Mapping[str, Any]
    step: int
    seconds: float
    sums: tuple[float, float, float]
    model: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    schedule: Mapping[str, Any]
    random: Mapping[str, Any]

    def write(self, folder: Path) -> None:
        """Puts it into `folder` in place of the one before, whole or not at all.

        Raises:
            MetricError: where it cannot be written; the one before is then as it was.
        """
        # In memory first: torch gives no reason where a disk is full.
        content = io.BytesIO()
        torch.save({"schema": SCHEMA, **vars(self)}, content)
        with written_whole(folder / FILE_NAME) as draft:
            draft.write_bytes(content.getbuffer())

    @classmethod
    def read(cls, folder: Path, of: Mapping[str, Any]) -> Checkpoint | None:
        """The one in `folder`, on the CPU; None where there is none.

        Raises:
            MetricError: for a damaged file, and one of another training: names the first difference.
        """
        path = folder / FILE_NAME
        if not path.exists():
            return None
        try:
            found = torch.load(path, map_location="cpu", weights_only=True)
            schema = found.pop("schema")
            checkpoint = cls(**found)
        except (
            OSError,
            RuntimeError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            EOFError,
            pickle.UnpicklingError,
        ) as error:
            reason = str(error).partition("\n")[0]
            raise MetricError(
                f"{path} is no checkpoint that can be read ({reason}); remove it to begin anew, or give another folder."
            ) from error
        if schema != SCHEMA:
            raise MetricError(f"{path} is of the form {schema}, not {SCHEMA}; give another folder with -o.")
        refuse_another(path, of, checkpoint.of)
        return checkpoint


def refuse_another(path: Path, here: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    """Raises `MetricError` where a file is of another training than this one, with the first difference."""
    ours, theirs = _flat(here), _flat(there)
    for name in {**ours, **theirs}:
        if ours.get(name) != theirs.get(name):
            raise MetricError(
                f"{path} is of another training: its {name} is {_said(theirs.get(name))} instead of "
                f"{_said(ours.get(name))}; give another folder with -o, or --force to begin anew."
            )


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = list(value) if isinstance(value, tuple) else value
    return flat


def _said(value: Any) -> str:
    return "not there" if value is None else f'"{value}"' if isinstance(value, str) else str(value)

"""What comes of a training, and by what it is known again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metric.errors import MetricError
from metric.learned.trained_record import read_record
from metric.training.checkpoint import refuse_another

RESULT = "metric.safetensors"
"""The file of the metric, in the training's folder."""


@dataclass(frozen=True)
class Trained:
    """What came of it.

    Attributes:
        file: of the metric.
        steps: that were done, those of earlier runs too.
        seconds: that they took.
        loss: mean over the last epoch's samples, weighed by their votes.
        two_afc: agreement with the judgments in the last epoch, in [0, 1], of samples that were being trained on.
        resumed: steps that an earlier run had done.
    """

    file: Path
    steps: int
    seconds: float
    loss: float
    two_afc: float
    resumed: int


def identity(configuration: Mapping[str, Any], data_sha256: str | None) -> dict[str, Any]:
    """What must be the same for a checkpoint or a result to be of the same training.

    How many triplets are computed at once need not: whoever ran out of memory goes on with fewer.

    Args:
        configuration: as JSON.
        data_sha256: of what is trained on.
    """
    computing = {name: value for name, value in configuration.get("computing", {}).items() if name != "at_once"}
    return {"configuration": {**configuration, "computing": computing}, "data": {"sha256": data_sha256}}


def trained_before(result: Path, of: Mapping[str, Any]) -> Trained:
    """What an earlier run finished; `MetricError` where that was another training."""
    about = read_record(result).about
    refuse_another(result, of, identity(about["configuration"], about["data"].get("sha256")))
    try:
        steps = about["steps"]
        return Trained(result, steps, 0.0, about["training_loss"], about["training_two_afc"], steps)
    except KeyError as error:
        raise MetricError(
            f"{result} does not say its {error.args[0]}, and was not written by this version; give another folder with "
            "-o, or --force to begin anew."
        ) from error

"""The file of a trained metric: its tensors, and what it is and how it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metric.errors import MetricError, MisfitError
from metric.extra import require_safetensors
from metric.learned.lpips import LPIPS
from metric.learned.trained import digest, load_trained, trained_tensors
from metric.learned.trained_record import KEY, TrainedRecord, is_trained_file
from metric.networks.build import build_network, smallest_image
from metric.networks.network import FeatureNetwork
from metric.scoring.distance_files import written_whole


def write_trained(path: Path, metric: LPIPS, about: Mapping[str, Any]) -> None:
    """Writes a metric whole or not at all; the same bytes for the same metric and the same `about`.

    Args:
        path: ends in `.safetensors`, by which it is known for a metric; a file there is replaced.
        metric: as it is trained, on any device, not arranged for evaluation.
        about: what JSON can hold: `configuration` (all parts), `data` (`origin`, `votes`, `sha256`, `triplets`),
            `versions` of what it was trained with, `seed`, `steps`, `epochs`, `device`, `training_loss`,
            `training_two_afc`, `untrained`.

    Raises:
        MetricError: where the file cannot be written, or what is to be written could not be read: weights that are
            not finite, negative channel weights, an `about` without what is always there.
    """
    require_safetensors(str(path))
    from safetensors.torch import save

    if not is_trained_file(path.name):
        raise MetricError(f"{path} has not the name of a trained metric; let it end in .safetensors.")
    if metric.arranged or not isinstance(metric.network, FeatureNetwork):
        raise MetricError(f"{path} cannot be written of a metric that is arranged for evaluation; write a new one.")
    variant = metric.network.variant
    tensors = trained_tensors(metric)
    record = TrainedRecord(
        variant=variant,
        smallest_px=smallest_image(variant),
        parameters=sum(parameter.numel() for parameter in metric.parameters()),
        tensors_sha256=digest(tensors),
        about=about,
    )
    try:
        text = record.to_text()
        TrainedRecord.from_text(text)
        load_trained(LPIPS(metric.spec, build_network(variant)), tensors)
    except MisfitError as error:
        raise MetricError(f"{path} cannot be written of this metric. {error}") from error
    except ValueError as error:  # also that of JSON, which has no NaN
        raise MetricError(f"{path} cannot be written: {error}") from error
    with written_whole(path) as draft:
        draft.write_bytes(save(tensors, {KEY: text}))

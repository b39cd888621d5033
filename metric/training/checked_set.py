"""What every source of judgments goes through before a training: its labels, weights and images are looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence

from metric.errors import MetricError
from metric.training.configuration import DataPart
from metric.training.content import content_sha256
from metric.training.judged_set import JudgedSet
from metric.training.progress import Progress, silent
from metric.triplets.triplet import Triplet

FEWEST = 2


def checked_set(
    origin: str,
    triplets: Sequence[Triplet],
    answers: Sequence[float] | None,
    votes: str,
    part: DataPart,
    *,
    notes: Sequence[str] = (),
    progress: Progress = silent,
) -> JudgedSet:
    """A set that something can be learnt from, with every one of its files there and of one size.

    Args:
        origin: where the triplets come from, as the user named it.
        triplets: in the order in which they are numbered.
        answers: number of answers behind each judgment; None where nobody says it, and all weigh the same.
        votes: whose the judgments are.
        part: how large images are made.
        notes: handed on.
        progress: told of each triplet whose images were looked at.

    Raises:
        MetricError: for a judgment that is not in [0, 1], a number of answers that is none, fewer than two triplets
            with a weight, labels that are all alike, and as `content_sha256` does.
    """
    for triplet in triplets:
        if not 0 <= triplet.judge <= 1:
            raise MetricError(
                f"{origin}: the judgment of {triplet.key} is {triplet.judge:g}, not a share of people from 0 to 1; "
                "correct it, or remove the sample."
            )
    weights = _weights(origin, triplets, answers)
    judged = [triplet for triplet, weight in zip(triplets, weights, strict=True) if weight > 0]
    if len(judged) < FEWEST:
        raise MetricError(
            f"{origin} has {len(judged)} judged triplet{'s' if len(judged) != 1 else ''}: there is nothing to learn "
            f"from fewer than {FEWEST}."
        )
    if len({triplet.judge for triplet in judged}) == 1:
        raise MetricError(
            f"{origin}: the judgments of all {len(judged)} triplets are {judged[0].judge:g}, so that there is nothing "
            "to learn from them; give triplets of which people said different things."
        )
    with progress("Looking at images", len(triplets)) as advance:
        sha256 = content_sha256(triplets, weights, part, advance=advance)
    return JudgedSet(origin, triplets, weights, votes, sha256, tuple(notes))


def _weights(origin: str, triplets: Sequence[Triplet], answers: Sequence[float] | None) -> list[float]:
    if answers is None:
        return [1.0] * len(triplets)
    for triplet, count in zip(triplets, answers, strict=True):
        if not (math.isfinite(count) and count >= 0):
            raise MetricError(f"{origin}: {triplet.key} has {count:g} answers; correct it to a number from 0 on.")
    total = math.fsum(answers)
    if answers and not total:
        raise MetricError(
            f"{origin}: not one of {len(triplets)} triplets has an answer, so that there is nothing to learn from them."
        )
    return [count * len(answers) / total for count in answers]

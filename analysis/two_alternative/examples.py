"""Single triplets, unshifted and shifted, with what people and metrics prefer in each: the paper's Figure 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.results import Result
from analysis.two_alternative.answer_values import flip_pairs
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.score_files import MetricDistances
from analysis.two_alternative.shares import VersionShares

Floats = NDArray[np.float64]

IMAGES = {0.0: "first", 0.5: "neither", 1.0: "second"}


@dataclass(frozen=True)
class MetricChoice(Result):
    """Which image a metric finds nearer to the reference, unshifted and shifted: `first`, `second` or `neither`."""

    name: str
    unshifted: str
    shifted: str
    flips: bool


@dataclass(frozen=True)
class Example(Result):
    """A triplet, unshifted and shifted by `shift_px`.

    `share_second`, `share_second_shifted`: of people who prefer the second image, in [0, 1], of so many `answers`.
    `flip_rate`: in percent, of the people who answered both; None where nobody did.
    """

    triplet: str
    shift_px: int
    distortion_first: str
    distortion_second: str
    answers: int
    share_second: float
    answers_shifted: int
    share_second_shifted: float
    flip_rate: float | None
    metrics: tuple[MetricChoice, ...]


def examples(
    responses: pd.DataFrame,
    choices: Choices,
    metrics: Sequence[MetricDistances] = (),
    *,
    shift_px: int | None = None,
    triplets: Sequence[str] = (),
    count: int = 3,
) -> tuple[Example, ...]:
    """The triplets that are named, or those in which most metrics flip while people do not.

    Without metrics these are the triplets in which most people flip.

    Args:
        responses: the table, for what the distortions are called.
        choices: the same answers.
        metrics: what metrics prefer.
        shift_px: of the shifted version; the smallest if left out.
        triplets: names; if left out, `count` of them are chosen.
        count: how many.

    Raises: `AnalysisError` where a triplet, or a version of it, has no answers.
    """
    if 0 not in choices.versions or not choices.shifts:
        return ()
    shift = choices.shifts[0] if shift_px is None else shift_px
    if shift not in choices.shifts:
        raise AnalysisError(
            f"Nobody answered triplets shifted by {shift} px; name a shift of {', '.join(map(str, choices.shifts))} px."
        )
    unshifted, shifted = (VersionShares.of(choices, version) for version in (0, shift))
    both = np.flatnonzero((unshifted.answers > 0) & (shifted.answers > 0))
    pairs = flip_pairs(choices, shift).by_triplet
    rate = dict(zip(pairs.triplet.tolist(), (100 * pairs.value).tolist(), strict=True))
    place = {choices.triplets[number]: int(number) for number in both}
    for name in triplets:
        if name not in place:
            raise AnalysisError(f"The triplet {name} has no answers both unshifted and shifted by {shift} px.")
    told = {one.name: tuple(one.prefers_second(version) for version in (0, shift)) for one in metrics}

    def row(number: int) -> Example:
        metrics_here = tuple(
            MetricChoice(
                name, IMAGES[float(before[number])], IMAGES[float(after[number])], _flips((before, after), number)
            )
            for name, (before, after) in told.items()
        )
        first, second = labels[choices.triplets[number]]
        return Example(
            triplet=choices.triplets[number],
            shift_px=shift,
            distortion_first=first,
            distortion_second=second,
            answers=int(unshifted.answers[number]),
            share_second=float(unshifted.share[number]),
            answers_shifted=int(shifted.answers[number]),
            share_second_shifted=float(shifted.share[number]),
            flip_rate=rate.get(number),
            metrics=metrics_here,
        )

    def steadiness(number: int) -> tuple[float, float]:
        flipping = sum(_flips(versions, number) for versions in told.values())
        people = rate.get(number, 100 * abs(float(unshifted.share[number] - shifted.share[number])))
        return (-flipping, people) if told else (-people, 0.0)

    labels = distortions(responses)
    chosen = [place[name] for name in triplets] or sorted(place.values(), key=steadiness)[:count]
    return tuple(row(number) for number in chosen)


def distortions(responses: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Of each triplet, what its two images are called; an empty text where that is not known."""
    columns = ["distortion_first", "distortion_second"]
    first = responses.drop_duplicates("triplet").set_index("triplet")[columns].fillna("")
    return {str(name): (str(one), str(other)) for name, one, other in first.itertuples()}


def _flips(versions: Sequence[Floats], number: int) -> bool:
    """Eq. 2: whether "the first is nearer" holds in one version only."""
    before, after = versions
    return bool((before[number] == 0) != (after[number] == 0))

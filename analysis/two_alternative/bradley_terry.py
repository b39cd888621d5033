"""Strengths of images that were compared two by two: the model of Bradley & Terry 1952."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from analysis.errors import AnalysisError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HALF_AN_ANSWER = 0.5
_STEPS = 100
_CLOSE = 1e-10


@dataclass(frozen=True)
class Strengths:
    """Of n images, on the scale of log-odds, with a mean of 0: the chance that i is preferred to j is the logistic
    function of `value[i] − value[j]`. `covariance`: `(n, n)`, robust to answers of one person being alike.
    """

    value: Floats
    covariance: Floats


def groups_compared(first: Integers, second: Integers, images: int) -> int:
    """Into how many groups images fall of which none was compared with one of another."""
    graph = np.zeros((images, images))
    graph[first, second] = 1
    return int(connected_components(graph, directed=False)[0])


def strengths(
    first: Integers,
    second: Integers,
    prefers_second: NDArray[np.bool_],
    person: Integers,
    images: int,
    *,
    added: float = HALF_AN_ANSWER,
) -> Strengths:
    """The most likely strengths, given N answers.

    Args:
        first, second: `(N,)`, the images that were compared, from 0.
        prefers_second: `(N,)`.
        person: `(N,)`, who answered.
        images: n of them.
        added: answers that are added to either side of every two images that were compared, so that an image which
            is always preferred has a strength too.

    Raises: `AnalysisError` where not all images were compared, directly or through others, or strengths are unbounded.
    """
    groups = groups_compared(first, second, images)
    if groups > 1:
        raise AnalysisError(f"The images fall into {groups} groups that nobody compared with each other.")
    wins = np.zeros((images, images))  # how often the one was preferred to the other
    np.add.at(wins, (np.where(prefers_second, second, first), np.where(prefers_second, first, second)), 1.0)
    compared = wins + wins.T > 0
    wins += added * compared
    if connected_components(wins > 0, connection="strong")[0] > 1:  # Ford 1957
        raise AnalysisError("Some images are always preferred to all others, so that their strengths have no bound.")
    value = np.zeros(images)
    for _ in range(_STEPS):
        chance = expit(value[:, np.newaxis] - value)
        gradient = (wins - (wins + wins.T) * chance).sum(axis=1)
        # Where all were pushed by a constant nothing would change: the inverse leaves that out.
        step = np.linalg.pinv(_information(wins, chance), hermitian=True) @ gradient
        value = value + step / max(1.0, float(np.abs(step).max()))
        value = value - value.mean()
        if np.abs(step).max() < _CLOSE:
            break
    else:
        raise AnalysisError(f"The strengths of {images} images are not found in {_STEPS} steps.")
    chance = expit(value[:, np.newaxis] - value)
    bread = np.linalg.pinv(_information(wins, chance), hermitian=True)
    away = prefers_second - expit(value[second] - value[first])
    _, row = np.unique(person, return_inverse=True)
    people = int(row.max()) + 1
    scores = np.zeros((people, images))
    np.add.at(scores, (row, second), away)
    np.add.at(scores, (row, first), -away)
    meat = scores.T @ scores * people / max(people - 1, 1)
    return Strengths(value, bread @ meat @ bread)


def _information(wins: Floats, chance: Floats) -> Floats:
    weight = (wins + wins.T) * chance * (1 - chance)
    return np.asarray(np.diag(weight.sum(axis=1)) - weight, dtype=np.float64)

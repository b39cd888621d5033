"""Whether what most people prefer changes from one version of a triplet to another, and how often by chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from analysis.two_alternative.answer_values import TripletValues, flip_pairs
from analysis.two_alternative.choices import Choices, Integers
from analysis.two_alternative.shares import VersionShares

Floats = NDArray[np.float64]


def majority_changes(choices: Choices, shift_px: int) -> tuple[TripletValues, TripletValues]:
    """Of the triplets with answers to both versions: whether the majority changed, and the chance of it without cause.

    A change to or from a tie counts half. Without cause, each person who flipped might as well have given their two
    answers the other way round: over all these exchanges the chance is summed up, with nothing drawn.
    """
    before, after = (VersionShares.of(choices, shift) for shift in (0, shift_px))
    which = np.flatnonzero((before.answers > 0) & (after.answers > 0))
    pairs = flip_pairs(choices, shift_px)
    flipped = np.bincount(pairs.triplet, pairs.value, len(choices.triplets)).astype(np.int64)
    # Of those who flipped, who had preferred the second image in the unshifted version.
    had_second = _had_second(choices, pairs.person, pairs.triplet, pairs.value)
    changed = _change(before.answers, before.second, after.answers, after.second)
    expected = np.array([_expected(before, after, int(flipped[t]), int(had_second[t]), t) for t in which.tolist()])
    return TripletValues(changed[which], which), TripletValues(expected.reshape(-1), which)


def _had_second(choices: Choices, person: Integers, triplet: Integers, flipped: Floats) -> Integers:
    size = len(choices.triplets)
    here = choices.first_asked(0) & choices.second & (choices.person >= 0)
    seconds = choices.person[here] * size + choices.triplet[here]
    both = np.isin(person * size + triplet, seconds) & (flipped > 0)
    return np.bincount(triplet[both], minlength=size)


def _expected(before: VersionShares, after: VersionShares, flipped: int, had_second: int, triplet: int) -> float:
    moved = np.arange(flipped + 1)  # how many of them have the second image in the unshifted version now
    second0 = before.second[triplet] - had_second + moved
    second1 = after.second[triplet] - (flipped - had_second) + (flipped - moved)
    change = _change(before.answers[triplet], second0, after.answers[triplet], second1)
    return float(np.sum(binom.pmf(moved, flipped, 0.5) * change))


def _change(answers0: Floats, second0: Floats, answers1: Floats, second1: Floats) -> Floats:
    """Half of how far apart the signs of the two majorities are: 1 for a change, a half for one to or from a tie."""
    found = np.abs(np.sign(2 * second0 - answers0) - np.sign(2 * second1 - answers1)) / 2
    return np.asarray(found, dtype=np.float64)

"""Rules that mark all responses of a participant, by what they said of pairs of a same–different study."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from analysis.columns.participants import answered, largest_shifts, of_each, participant_codes, totals
from analysis.columns.rule_columns import Mask, Responses, integers

# A coin's answers have a d′ of 0; one wrong answer in five of each kind has 2.6.
LEAST_D_PRIME = 1.0


def validation(responses: Responses) -> tuple[Mask, Mask]:
    """Participants who fail the paper's validation test: more than two thirds of a kind of catch trials wrong.

    A participant fails who called more than two thirds of their 0-pixel pairs different, or more than two
    thirds of their pairs with the largest shift the same. The largest shift is the largest in the study's
    responses (9 pixels in the paper); where no response is to a shifted pair, only the first half of the test
    is left. A participant who was shown no such pair cannot fail that half.

    Source: Ghildyal & Liu 2022, Section 3.
    """
    codes, count = participant_codes(responses)
    zero, zero_wrong, largest, largest_wrong = catch_trials(responses, codes, count)
    # In whole numbers: as a float, two of three could come out on either side of two thirds.
    fails = (3 * zero_wrong > 2 * zero) | (3 * largest_wrong > 2 * largest)
    return of_each(fails, codes), codes >= 0


def catch_dprime(responses: Responses, least: float = LEAST_D_PRIME) -> tuple[Mask, Mask]:
    """Participants whose d′ between 0-pixel pairs and those with the largest shift is below 1.

    d′ is that of the differencing model, which fits pairs that differ from trial to trial, after a half was
    added to each number of answers, and one to each number of trials, so that shares of 0 and 1 have one too. A
    participant who was not shown both kinds of pairs is not assessed.

    Source: Macmillan & Creelman 2005, "Detection Theory", Chapter 9; the correction: Hautus 1995.
    """
    from scipy.special import ndtr, ndtri  # as much memory as half a million answers

    codes, count = participant_codes(responses)
    zero, zero_wrong, largest, largest_wrong = catch_trials(responses, codes, count)
    false_alarms = (zero_wrong + 0.5) / (zero + 1)
    hits = (largest - largest_wrong + 0.5) / (largest + 1)
    # d′ grows with the share of hits: it is below the bound where there are fewer of them than a d′ of the bound has.
    criterion = -math.sqrt(2) * ndtri(false_alarms / 2)
    hits_at_least = ndtr((least - criterion) / math.sqrt(2)) + ndtr((-least - criterion) / math.sqrt(2))
    both = (zero > 0) & (largest > 0)
    return of_each(both & (hits < hits_at_least), codes), of_each(both, codes)


def catch_trials(responses: Responses, codes: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], ...]:
    """Of each participant: 0-pixel pairs, those called different; pairs of the largest shift, those called same."""
    shift = integers(responses, "shift_px")
    same = answered(responses, "same")
    zero, largest = shift == 0, (shift == largest_shifts(responses)) & (shift > 0)
    which = (zero, zero & ~same, largest, largest & same)
    return tuple(totals(codes, count, mask) for mask in which)

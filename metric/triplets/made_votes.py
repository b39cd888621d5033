"""Votes of nobody: drawn by a stated rule, from strengths of distortion or from a metric's distances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EXPONENT = 3.0
"""How sharply votes follow amounts: with one twice the other, eight votes of nine go to the smaller."""
VOTES_PER_TRIPLET = 5
"""As in BAPPS's validation set."""
VOTES_PER_PAIR = 3
"""As in BAPPS's JND sets."""
RULE = (
    "Each of {triplet} votes on a triplet prefers p1 with the probability a0^{exponent:g} / (a0^{exponent:g} + "
    "a1^{exponent:g}) (Luce's choice), and each of {pair} on a pair says same with the probability 1 / (1 + (a / "
    "m)^{exponent:g}), where a is the {amount} and m its median over pairs."
).format
"""The rule in words; `amount` says what a is."""


def preference_shares(
    first: NDArray[np.float64], second: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Shares of made votes that prefer the second image, multiples of 0.2.

    Args:
        first, second: `(N,)`, how distorted each image is; 0 or more.
        generator: the votes are drawn from it.
    """
    return generator.binomial(VOTES_PER_TRIPLET, _chosen(second, first, undecided=0.5)) / VOTES_PER_TRIPLET


def same_shares(amounts: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """Shares of made votes that call a pair the same, multiples of a third, of how distorted each pair is `(N,)`."""
    middle = np.full_like(amounts, np.median(amounts))
    return generator.binomial(VOTES_PER_PAIR, _chosen(amounts, middle, undecided=1.0)) / VOTES_PER_PAIR


def _chosen(own: NDArray[np.float64], other: NDArray[np.float64], undecided: float) -> NDArray[np.float64]:
    """How probable it is that the one of `own` amount is preferred; `undecided` where both amounts are 0."""
    scale = np.maximum(np.maximum(own, other), np.finfo(float).tiny)
    mine, theirs = (own / scale) ** EXPONENT, (other / scale) ** EXPONENT
    total = mine + theirs
    return np.divide(theirs, total, out=np.full_like(total, undecided), where=total > 0)

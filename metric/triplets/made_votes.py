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
    scale = np.maximum(np.maximum(first, second), np.finfo(float).tiny)
    one, other = (first / scale) ** EXPONENT, (second / scale) ** EXPONENT
    total = one + other
    probability = np.divide(one, total, out=np.full_like(total, 0.5), where=total > 0)
    return generator.binomial(VOTES_PER_TRIPLET, probability) / VOTES_PER_TRIPLET


def same_shares(amounts: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """Shares of made votes that call a pair the same, multiples of a third, of how distorted each pair is `(N,)`."""
    middle = float(np.median(amounts))
    ratio = amounts / middle if middle > 0 else np.where(amounts > 0, np.inf, 0.0)
    return generator.binomial(VOTES_PER_PAIR, 1 / (1 + ratio**EXPONENT)) / VOTES_PER_PAIR

"""Random halves of the answers to each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from tqdm import trange

from analysis.observers.accepted_answers import AcceptedAnswers

Floats = NDArray[np.float64]

FEWEST_SPLITS = 50
# Of an array that holds a number for each split and pair.
_MOST_NUMBERS = 5_000_000


@dataclass(frozen=True)
class Halves:
    """Share of "different" among the answers to each pair in either half, `(S, U)`; NaN where a half has none.

    `shift_px`, `photograph`: `(U,)`, of the pairs.
    """

    first: Floats
    second: Floats
    shift_px: NDArray[np.int64]
    photograph: NDArray[np.int64]

    def sums(self, photographs: NDArray[np.int64], *, within_shift: bool) -> Floats | None:
        """`(S, I, 6)`: for each split and each of `photographs`, sums over its pairs of 1, x, y, x², y² and xy.

        x and y are the shares in the halves of the pairs that have answers in both; with `within_shift` less their mean
        over the pairs of a shift. None where there are no halves.
        """
        if not len(self.first):
            return None
        both = np.isfinite(self.first) & np.isfinite(self.second)
        x, y = np.where(both, self.first, 0.0), np.where(both, self.second, 0.0)
        if within_shift:
            _, level = np.unique(self.shift_px, return_inverse=True)
            of_level = (level[:, np.newaxis] == np.arange(level.max() + 1)).astype(np.float64)
            number = np.maximum(both @ of_level, 1)
            x = np.where(both, x - (x @ of_level / number)[:, level], 0.0)
            y = np.where(both, y - (y @ of_level / number)[:, level], 0.0)
        place = np.minimum(np.searchsorted(photographs, self.photograph), len(photographs) - 1)
        pairs = np.flatnonzero(photographs[place] == self.photograph)
        size = (len(self.photograph), len(photographs))
        of_photograph: Any = csr_array((np.ones(len(pairs)), (pairs, place[pairs])), shape=size)
        parts = (both.astype(np.float64), x, y, x * x, y * y, x * y)
        return np.stack([np.asarray(part @ of_photograph, dtype=np.float64) for part in parts], axis=-1)


def halves(answers: AcceptedAnswers, splits: int, generator: np.random.Generator) -> Halves:
    """Random halves of the participants, or of each pair's answers where the participants are not known.

    There are `splits` of them, or fewer where there are many pairs, over which a mean needs fewer. With an odd number
    the second half is larger by one, or a random one of them where participants are not known.
    """
    splits = min(splits, max(FEWEST_SPLITS, _MOST_NUMBERS // len(answers.pairs)))
    if answers.participant is None:
        first, second = _of_answers(answers, splits, generator)
    else:
        first, second = _of_participants(answers, answers.participant, splits, generator)
    return Halves(first, second, answers.of_pair(answers.shift_px), answers.of_pair(answers.photograph))


def _of_participants(
    answers: AcceptedAnswers, participant: NDArray[np.int64], splits: int, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    people, pairs = len(answers.participants), len(answers.pairs)
    if people < 2:
        nothing = np.empty((0, pairs))
        return nothing, nothing
    size = (people, pairs)
    total = csr_array((np.ones(len(participant)), (participant, answers.pair)), shape=size)
    different = csr_array((answers.different.astype(np.float64), (participant, answers.pair)), shape=size)
    in_first = np.arange(people) < people // 2
    first, second = np.empty((splits, pairs)), np.empty((splits, pairs))
    all_total = np.bincount(answers.pair, minlength=pairs)
    all_different = np.bincount(answers.pair, answers.different, pairs)
    for split in trange(splits, desc="halves", unit="split", delay=1, leave=False):
        half = generator.permutation(in_first).astype(np.float64)
        number, hits = np.asarray(half @ total), np.asarray(half @ different)
        first[split] = _share(hits, number)
        second[split] = _share(all_different - hits, all_total - number)
    return first, second


def _of_answers(answers: AcceptedAnswers, splits: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    total = np.bincount(answers.pair, minlength=len(answers.pairs))
    different = np.bincount(answers.pair, answers.different, len(answers.pairs)).astype(np.int64)
    size = (splits, len(total))
    number = total // 2 + (total % 2) * generator.integers(0, 2, size)
    hits = generator.hypergeometric(np.broadcast_to(different, size), np.broadcast_to(total - different, size), number)
    return _share(hits, number), _share(different - hits, total - number)


def _share(hits: NDArray[Any], number: NDArray[Any]) -> Floats:
    share = np.full(number.shape, np.nan)
    np.divide(hits, number, out=share, where=number > 0)
    return share

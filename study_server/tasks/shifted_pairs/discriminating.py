"""Images on which two metrics disagree most at equal shift: those that can tell which of them people agree with.

Maximum differentiation (Wang & Simoncelli 2008; Ma et al. 2018), among windows of photographs instead of by synthesis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

Floats = NDArray[np.float64]


def disagreement(distances: Floats, lengths: Sequence[float]) -> Floats:
    """`(N,)`: how much more the first of two metrics sees in each image than the second.

    Args:
        distances: `(N, S, 2)` of N images at S shifts under both metrics, larger where they see more of a difference.
        lengths: `(N,)` how far the windows of the images move for a shift of one pixel; on diagonals farther.

    Distances become normal scores of their ranks among the images that moved as far, so that neither metric's scale nor
    the shift itself counts; the differences of the scores are averaged over shifts.
    """
    found = np.empty(len(distances))
    far = np.round(lengths, 6)
    for length in np.unique(far):
        alike = far == length
        scores = ndtri((rankdata(distances[alike], axis=0) - 0.5) / alike.sum())
        found[alike] = (scores[..., 0] - scores[..., 1]).mean(axis=1)
    return found


def choose(differences: Floats, photographs: Sequence[str], directions: Sequence[str], count: int) -> list[int]:
    """Places of the `count` images of a pool on which the metrics disagree most, ascending.

    One after the other the image of which the first metric sees most more is taken, and the one of which the second
    does; so that of each photograph as few as suffice are taken, and of each direction as many in each half as can be.

    Args:
        differences: `(N,)` of the images, as `disagreement` gives them.
        photographs, directions: `(N,)` of which photograph each image is, and where its window moves to.
        count: at most N.

    Raises: ValueError where there are fewer images.
    """
    if count > len(differences):
        raise ValueError(f"{count} of {len(differences)} images cannot be chosen")
    most_of_one = max(Counter(photographs).values(), default=0)
    quota = -(-count // (2 * len(set(directions)))) if count else 0
    limits = [(few, quota) for few in range(1, most_of_one + 1)] + [(most_of_one, count)]
    orders = [np.argsort(sign * differences, kind="stable").tolist() for sign in (-1, 1)]
    taken: set[int] = set()
    of_photograph: Counter[str] = Counter()
    of_direction: Counter[tuple[int, str]] = Counter()  # in each half
    for few, quota in limits:
        ways = [(half, iter(order)) for half, order in enumerate(orders)]
        while len(taken) < count and ways:
            half, way = ways.pop(0)
            for place in way:
                photograph, direction = photographs[place], (half, directions[place])
                if place not in taken and of_photograph[photograph] < few and of_direction[direction] < quota:
                    taken.add(place)
                    of_photograph[photograph] += 1
                    of_direction[direction] += 1
                    ways.append((half, way))  # the other metric's turn
                    break
    return sorted(taken)

"""Which pairs a participant judges. A slot is a place in the assignment; its pairs depend on seed and slot alone.

Because a slot's pairs never change, a participant who abandons the study can be replaced by handing the same slot to
the next one: the balance is then exactly what it would have been.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

Cell = tuple[int, int]
"""(index of the image, index of the shift)."""


class Assignment(Protocol):
    """What all participants are to judge together."""

    @property
    def n_trials(self) -> int:
        """Trials of one participant."""

    @property
    def round_slots(self) -> int:
        """After this many slots every stimulus has been used as often as the others of its kind."""

    @property
    def round_answers(self) -> int:
        """So many answers has every stimulus then, or more."""

    @property
    def is_balanced(self) -> bool:
        """Whether there are such rounds."""

    def slots_for(self, answers: int) -> int:
        """With this many slots, from the first, every stimulus has so many answers, or more."""


@dataclass(frozen=True)
class Design:
    """What is assigned: every image at every shift; `counts`: pairs of each, from the smallest, of a participant."""

    n_images: int
    counts: tuple[int, ...]
    seed: int
    is_balanced: bool = True
    """Whether after some slots every stimulus of a stratum has been used equally often."""

    @property
    def n_trials(self) -> int:
        """Trials of one participant."""
        return sum(self.counts)

    @property
    def round_slots(self) -> int:
        """After this many slots the balanced strategy has used every pair of a shift equally often."""
        return math.lcm(*(self.n_images // math.gcd(self.n_images, count) for count in self.counts))

    @property
    def round_answers(self) -> int:
        """So many answers has every pair then; those of shifts of which a participant judges more have more."""
        return self.round_slots * min(self.counts) // self.n_images

    def slots_for(self, answers: int) -> int:
        """With this many slots, whole rounds of them, every pair has so many answers, or more."""
        return math.ceil(answers / self.round_answers) * self.round_slots

    def rounds_of(self, slots: range) -> range:
        """The first slot of each round that has some of these slots."""
        return range(slots.start - slots.start % self.round_slots, slots.stop, self.round_slots)


def paper(design: Design, slot: int) -> list[Cell]:
    """Stratified random (Ghildyal & Liu 2022, Section 3): for each shift, images drawn without replacement.

    An image may come at several shifts. Raises ValueError where there are fewer images than pairs of a shift.
    """
    rng = random.Random(f"{design.seed}/paper/{slot}")
    return [
        (image, shift)
        for shift, count in enumerate(design.counts)
        for image in rng.sample(range(design.n_images), count)
    ]


def balanced(design: Design, slot: int) -> list[Cell]:
    """Each image at most once a participant, and over participants every pair as equally often as possible.

    Slots come in rounds of `design.round_slots`; within a round every pair of a shift is used equally often, exactly.
    Raises ValueError where a participant would need more images than there are.
    """
    if design.n_trials > design.n_images:
        raise ValueError(
            f"{design.n_trials} trials with a different image each need more than {design.n_images} images"
        )
    number, place = divmod(slot, design.round_slots)
    with _planning:
        return list(_round(design, number)[place])


def dealt(design: Design, slot: int) -> list[int]:
    """Indices of the groups of a slot where each participant judges some groups, and each of these in all strata.

    As `balanced` for one number of groups: each at most once a slot, and equally often over a round. Decks of all
    groups are shuffled and dealt one after the other.
    Raises ValueError where the design has several counts, or more groups a participant than there are.
    """
    (count,) = design.counts
    if count > design.n_images:
        raise ValueError(f"{count} groups a participant are more than {design.n_images}")
    number, place = divmod(slot, design.round_slots)
    return list(_deal(design, number)[place * count : (place + 1) * count])


@lru_cache(maxsize=32)
def _deal(design: Design, number: int) -> list[int]:
    """The groups of a round's slots one after the other."""
    (count,) = design.counts
    rng = random.Random(f"{design.seed}/dealt/{number}")
    cards: list[int] = []
    for _ in range(design.round_slots * count // design.n_images):
        deck = rng.sample(range(design.n_images), design.n_images)
        begun = len(cards) % count  # so many of the last deck are in the slot that goes on with this one
        if begun:
            held = {*cards[-begun:]}
            new = [card for card in deck if card not in held][: count - begun]
            taken = {*new}
            deck = new + [card for card in deck if card not in taken]
        cards += deck
    return cards


_planning = threading.Lock()  # so that many who arrive at once do not all compute the same round


def _decomposition(design: Design, number: int) -> list[list[Cell]]:
    """The slots of a round: a decomposition of the images × shifts grid into assignments.

    Seen as a graph, images and (for each shift) `counts` places; a participant is a matching that fills all places.
    Such a decomposition exists (König's edge-colouring theorem) as long as every matching takes each image that must
    still be used by all participants that are left, which is what the weights below enforce.
    """
    from scipy.optimize import linear_sum_assignment  # a server needs it only when somebody enrols

    rng = random.Random(f"{design.seed}/balanced/{number}")
    slots = design.round_slots
    left = np.tile(slots * np.array(design.counts) // design.n_images, (design.n_images, 1))
    shift_of_place = np.repeat(np.arange(len(design.counts)), design.counts).tolist()
    assignments = []
    for place in range(slots):
        must_be_used = left.sum(axis=1) >= slots - place
        chance = np.array([[rng.random() for _ in design.counts] for _ in range(design.n_images)])
        # In falling order of weight: only pairs that are left; images that cannot wait; pairs used least; chance.
        cost = 1e9 * (left == 0) - 1e6 * must_be_used[:, None] - 1e2 * left + chance
        places = np.transpose(linear_sum_assignment(np.repeat(cost, design.counts, axis=1)))
        cells = [(image, shift_of_place[column]) for image, column in places.tolist()]
        for image, shift in cells:
            left[image, shift] -= 1
        assignments.append(cells)
    if left.any():
        raise RuntimeError("the round is not balanced; please report this with the study's settings")
    return assignments


_round = lru_cache(maxsize=32)(_decomposition)

STRATEGIES: dict[str, Callable[[Design, int], list[Cell]]] = {"balanced": balanced, "paper": paper}

"""The order of ties agrees with NumPy's own introsort, where NumPy is told to use it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.agreement.introsort import introsort_order

# NumPy takes a vectorised sort where the processor has one; told not to, it falls back to its introsort.
SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
print(json.dumps([np.argsort(np.array(values)).tolist() for values in json.load(sys.stdin)]))
"""


def numpy_orders(lists: list[list[float]]) -> list[list[int]]:
    from numpy._core._multiarray_umath import __cpu_dispatch__  # type: ignore[attr-defined]

    environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__)}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(lists),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    orders: list[list[int]] = json.loads(result.stdout)
    return orders


class Adversary:
    """Values that are settled only when compared, always against the sort (McIlroy 1999)."""

    def __init__(self, length: int) -> None:
        self.open = float(length)
        self.ranks = [self.open] * length
        self.settled = 0
        self.candidate = -1

    def less(self, left: int, right: int) -> bool:
        if self.ranks[left] == self.open and self.ranks[right] == self.open:
            self.ranks[left if left == self.candidate else right] = float(self.settled)
            self.settled += 1
        if self.ranks[left] == self.open:
            self.candidate = left
        elif self.ranks[right] == self.open:
            self.candidate = right
        return self.ranks[left] < self.ranks[right]


class Unsettled(float):
    """One of an adversary's values."""

    def __new__(cls, adversary: Adversary, index: int) -> Unsettled:
        value = super().__new__(cls, index)
        value.adversary, value.index = adversary, index
        return value

    adversary: Adversary
    index: int

    def __lt__(self, other: object) -> bool:
        assert isinstance(other, Unsettled)
        return self.adversary.less(self.index, other.index)


def uneven(length: int) -> list[float]:
    """Values that quicksort with the median of three splits as unevenly as can be, some of them equal."""
    adversary = Adversary(length)
    introsort_order([Unsettled(adversary, index) for index in range(length)])
    return [rank // 3 for rank in adversary.ranks]


def test_ties_fall_as_in_numpys_introsort() -> None:
    source = random.Random(20220701)
    lists = [
        [float(source.randrange(distinct)) for _ in range(length)]
        for length in (1, 2, 16, 17, 18, 33, 100, 301, 1000)
        for distinct in (1, 2, 3, 10, 100, 10_000)
        for _ in range(5)
    ]
    lists += [uneven(length) for length in (100, 301, 1000)]
    lists += [sorted(values) for values in lists] + [sorted(values, reverse=True) for values in lists]
    assert [introsort_order(values) for values in lists] == numpy_orders(lists)


def test_uneven_parts_are_left_to_heapsort(monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis.agreement import introsort

    calls = []
    heapsort = introsort._heapsort
    monkeypatch.setattr(introsort, "_heapsort", lambda *arguments: (calls.append(1), heapsort(*arguments)))
    introsort_order(uneven(1000))
    assert calls


@settings(deadline=None)
@given(st.lists(st.integers(0, 20)))
def test_the_order_sorts_and_takes_every_index_once(values: list[int]) -> None:
    order = introsort_order([float(value) for value in values])
    assert sorted(order) == list(range(len(values)))
    assert [values[index] for index in order] == sorted(values)

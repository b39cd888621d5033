"""The order in which NumPy 1.24's default `argsort` leaves equal values.

NumPy promises none: its default sort is not stable, and later versions sort otherwise. The published JND
figures were made with a bare `argsort` of that time, so to reproduce them needs its algorithm, an
introspective sort (Musser 1997): quicksort, with insertion sort for short parts and heapsort where the parts
get too uneven.
"""

from __future__ import annotations

from collections.abc import Sequence

# A part of at most this many values is left to insertion sort.
_SHORT = 16


def introsort_order(values: Sequence[float]) -> list[int]:
    """Indices that sort `values` in ascending order, equal values as NumPy 1.24's `argsort` leaves them.

    `values`: finite numbers.

    >>> introsort_order([0.3, 0.1, 0.2])
    [1, 2, 0]
    """
    order = list(range(len(values)))
    if not order:
        return order
    # Every part carries how many more times it may be split before heapsort takes over.
    parts = [(0, len(order) - 1, 2 * (len(order).bit_length() - 1))]
    while parts:
        low, high, splits_left = parts.pop()
        if splits_left < 0:
            _heapsort(order, values, low, high)
            continue
        while high - low >= _SHORT:
            middle = _split(order, values, low, high)
            splits_left -= 1
            # The longer side waits. Only waiting parts are asked whether they were split too often.
            if middle - low < high - middle:
                parts.append((middle + 1, high, splits_left))
                high = middle - 1
            else:
                parts.append((low, middle - 1, splits_left))
                low = middle + 1
        _insertion_sort(order, values, low, high)
    return order


def _split(order: list[int], values: Sequence[float], low: int, high: int) -> int:
    """Move the median of the first, middle and last value to where it belongs; give that place."""
    middle = low + (high - low) // 2
    for left, right in ((low, middle), (middle, high), (low, middle)):
        if values[order[right]] < values[order[left]]:
            order[left], order[right] = order[right], order[left]
    pivot = values[order[middle]]
    # The last is no smaller than the pivot, so the pivot waits just before it.
    order[middle], order[high - 1] = order[high - 1], order[middle]
    up, down = low, high - 1
    while True:
        up += 1
        while values[order[up]] < pivot:
            up += 1
        down -= 1
        while pivot < values[order[down]]:
            down -= 1
        # Both scans stop at values equal to the pivot and exchange them: this is where ties get shuffled.
        if up >= down:
            break
        order[up], order[down] = order[down], order[up]
    order[up], order[high - 1] = order[high - 1], order[up]
    return up


def _insertion_sort(order: list[int], values: Sequence[float], low: int, high: int) -> None:
    for place in range(low + 1, high + 1):
        index = order[place]
        while place > low and values[index] < values[order[place - 1]]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = index


def _heapsort(order: list[int], values: Sequence[float], low: int, high: int) -> None:
    heap = order[low : high + 1]
    for root in reversed(range(len(heap) // 2)):
        _sink(heap, values, root, heap[root], len(heap))
    for size in reversed(range(1, len(heap))):
        index = heap[size]
        heap[size] = heap[0]
        _sink(heap, values, 0, index, size)
    order[low : high + 1] = heap


def _sink(heap: list[int], values: Sequence[float], root: int, index: int, size: int) -> None:
    """Put `index` where it belongs below `root`, in a heap of the first `size`, the largest value on top."""
    while (child := 2 * root + 1) < size:
        if child + 1 < size and values[heap[child]] < values[heap[child + 1]]:
            child += 1
        if not values[index] < values[heap[child]]:
            break
        heap[root] = heap[child]
        root = child
    heap[root] = index

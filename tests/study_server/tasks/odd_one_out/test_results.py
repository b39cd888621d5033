"""What the dashboard counts of an odd-one-out study."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from study_server.tasks.dashboard import Counted
from study_server.tasks.odd_one_out.results import count_shifts, right_answers
from study_server.tasks.wilson import Share, wilson


def shown(pair: str, shift: int, arrangement: str, used: dict[str, int], more: dict[str, int] | None = None) -> Counted:
    """A pair in an arrangement, with its accepted answers, and those that there are beside them."""
    everybody = {answer: used.get(answer, 0) + (more or {}).get(answer, 0) for answer in used | (more or {})}
    return Counted(pair, pair[:5], shift, {}, everybody, used, tuple(arrangement.split()))


SHOWN = [
    shown("00001_n-1", 1, "shifted reference reference", {"left": 3, "right": 1}),
    shown("00001_n-1", 1, "reference shifted shifted", {"middle": 2}, {"left": 5}),
    shown("00002_n-1", 1, "shifted reference shifted", {"middle": 4}),
    shown("00001_n-2", 2, "reference reference shifted", {}, {"right": 1}),
]


def test_who_names_the_image_that_stands_alone_is_right() -> None:
    counts = count_shifts(SHOWN, [1, 2, 3], accepted_only=True)
    assert [(each.shift_px, each.right, each.pairs) for each in counts] == [
        (1, Share(7, 10), 2), (2, Share(0, 0), 0), (3, Share(0, 0), 0)
    ]  # fmt: skip
    everybody = count_shifts(SHOWN, [1, 2], accepted_only=False)
    assert [(each.right, each.pairs) for each in everybody] == [(Share(12, 15), 2), (Share(1, 1), 1)]


def test_the_page_shows_every_shift_but_none_with_chance_beside_them() -> None:
    answers: Any = SimpleNamespace(
        by_arrangement=lambda: SHOWN,
        settings=SimpleNamespace(stimuli=SimpleNamespace(all_shifts=(0, 1, 2))),
        accepted_only=True,
    )
    page = right_answers(answers)
    (table,) = page["tables"]
    interval = pytest.approx(tuple(100 * end for end in wilson(7, 10)))
    assert table.rows == [(1, 10, 7, 70, interval, 2), (2, 0, 0, None, None, 0), ("all", 10, 7, 70, interval, 2)]
    chart = page["charts"]["right"]
    assert [(point["x"], point["y"]) for point in chart["points"]] == [(1, 70)]
    assert chart["levels"] == [{"y": pytest.approx(100 / 3), "text": "chance"}]

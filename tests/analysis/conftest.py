"""Rows of a small study, as the server would give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

PIM1_DISTANCES = Path(__file__).parents[1] / "data" / "ghildyal2022" / "pim1_distances.csv"


@pytest.fixture(scope="session")
def pim1_distances() -> Path:
    """PIM-1's distances of the 301 published pairs, as a file."""
    return PIM1_DISTANCES


@pytest.fixture(scope="session")
def make_row() -> Callable[..., dict[str, Any]]:
    """A complete row of the tidy response table; keywords replace its values."""
    return _row


@pytest.fixture(scope="session")
def make_task_row() -> Callable[..., dict[str, Any]]:
    """A complete row of a table of the task that is named first; keywords replace its values."""
    return _task_row


@pytest.fixture(scope="session")
def make_rows() -> Callable[[Iterable[tuple[str, int, str]]], list[dict[str, Any]]]:
    """Rows from (participant, shift in pixels, answer), each participant meeting one more image a row."""
    return _rows


@pytest.fixture(scope="session")
def make_odd_rows() -> Callable[[Iterable[tuple[str, int, bool]]], list[dict[str, Any]]]:
    """Rows of an odd-one-out study from (participant, shift in pixels, whether the answer is right)."""
    return _odd_rows


@pytest.fixture(scope="module")
def rough_ceilings() -> Iterator[None]:
    """Few simulated sets of answers and few draws for the noise ceiling, which takes most of a comparison's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.agreement.noise_ceiling._SIMULATED", 100_000)
        patch.setattr("analysis.agreement.noise_ceiling._DRAWS", 60)
        yield


@pytest.fixture(scope="session")
def no_study() -> Callable[[str], None]:
    """A reader of studies that knows none."""
    return lambda source: None


def _row(**values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "schema": "shift-study/responses/3",
        "study": "pilot",
        "task": "same-different",
        "participant": "p0001",
        "simulated": False,
        "participant_state": "finished",
        "trial": 1,
        "pair": "00007_n-3",
        "image": "00007",
        "shift_px": 3,
        "direction": "right",
        "reference_side": "left",
        "response": "same",
        "reaction_time_ms": 1234.5678,
        "answered_at": "2026-03-01T12:00:00.123456+00:00",
        "device_pixel_ratio": 1.25,
        "pixel_scale": 1,
        "viewport_width": 1280,
        "viewport_height": 720,
        "hidden": False,
        "exactness": "reported",
        "page_altered": False,
        "visit": 1,
        "window_changes": 0,
        "refresh_rate_hz": 59.94,
        "sent_after_ms": 12.5,
        "pixels_per_degree": 43.2,
        "shift_arcmin": 4.25,
        "photograph": sha256(str(values.get("image")).encode()).hexdigest(),
        "selection": "stlpips-alex > ssim",
        "images_sent_at": "2026-03-01T11:59:57.250000+00:00",
        "excluded": False,
        "exclusion_reason": "",
    }
    return row | values


_OF_TASK: dict[str, dict[str, Any]] = {
    "same-different": {},
    "2afc": {
        "stimulus": "00007_n-3",
        "triplet": "00007",
        "distortion_first": "blur 2",
        "distortion_second": None,
        "catch_answer": "first",
        "first_side": "left",
        "repetition": 1,
        "response": "left",
        "preferred": "first",
    },
    "odd-one-out": {"odd_place": "middle", "odd_role": "shifted", "response": "middle"},
}
_NOT_OF_TASK = {
    "same-different": [],
    "2afc": ["pair", "image", "reference_side", "shift_arcmin"],
    "odd-one-out": ["reference_side"],
}


def _task_row(task: str, **values: Any) -> dict[str, Any]:
    row = {name: value for name, value in _row().items() if name not in _NOT_OF_TASK[task]}
    return row | {"task": task} | _OF_TASK[task] | values


def _rows(answers: Iterable[tuple[str, int, str]]) -> list[dict[str, Any]]:
    trials: dict[str, int] = {}
    rows = []
    for participant, shift, response in answers:
        trials[participant] = trial = trials.get(participant, 0) + 1
        rows.append(
            _row(
                participant=participant,
                trial=trial,
                pair=f"{trial:05d}_n-{shift}",
                image=f"{trial:05d}",
                shift_px=shift,
                response=response,
            )
        )
    return rows


def _odd_rows(answers: Iterable[tuple[str, int, bool]]) -> list[dict[str, Any]]:
    places = ("left", "middle", "right")
    trials: dict[str, int] = {}
    rows = []
    for participant, shift, right in answers:
        trials[participant] = trial = trials.get(participant, 0) + 1
        rows.append(
            _task_row(
                "odd-one-out",
                participant=participant,
                trial=trial,
                pair=f"{trial:05d}_n-{shift}",
                image=f"{trial:05d}",
                photograph=f"{trial:05d}",
                selection=None,
                shift_px=shift,
                odd_place=places[trial % 3],
                response=places[(trial + (not right)) % 3],
            )
        )
    return rows

"""The form of the paper's `user_jnd.json`: name of each pair's file → its answers, 1 = same, 0 = shifted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from analysis.errors import AnalysisError
from analysis.responses.columns import SCHEMA, columns_of
from analysis.responses.image_names import PAIR
from analysis.responses.tidy_table import from_rows
from analysis.tasks.registry import task_of
from analysis.tasks.same_different import SAME_DIFFERENT

if TYPE_CHECKING:
    import pandas as pd

_FOLDER = "./0_9_pix_shift"
_RESPONSES = {0: "different", 1: "same"}


def parse_judgment_list(text: str, *, study: str, origin: str) -> pd.DataFrame:
    """The tidy response table of a judgment list; columns that such a list does not hold are unknown.

    Raises: `AnalysisError` where `text` is no such list.
    """
    try:
        judgments = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise AnalysisError(f"{origin} cannot be read as JSON ({error}); export it again.") from None
    if not isinstance(judgments, dict):
        raise AnalysisError(
            f"{origin} is not in the form of the paper's user_jnd.json: a mapping of pair names to answers."
        )
    places: list[str] = []
    rows: list[dict[str, Any]] = []
    for place, row in _rows(judgments, study, origin):
        places.append(place)
        rows.append(row)
    return from_rows(rows, origin=origin, place=places.__getitem__)


def format_judgment_list(responses: pd.DataFrame, *, origin: str) -> str:
    """The responses that are not excluded, pair by pair in order of first appearance.

    Raises: `AnalysisError` where a pair's name does not have the form `IMAGE_n-SHIFT`, and where the responses are of
        another task than same–different.
    """
    task = task_of(responses)
    if task is not SAME_DIFFERENT:
        raise AnalysisError(
            f"{origin}: .json is the form of the paper's same-different study, and the responses are of {task.name}; "
            "write .csv, .jsonl or .parquet."
        )
    judgments: dict[str, list[int]] = {}
    accepted = responses[~responses["excluded"].to_numpy(dtype=bool)]
    for pair, response in zip(accepted["pair"], accepted["response"], strict=True):
        if not PAIR.fullmatch(pair):
            raise AnalysisError(
                f"{origin}: the pair {pair} cannot be written as .json, for its name is not IMAGE_n-SHIFT; "
                "write .csv, .jsonl or .parquet."
            )
        judgments.setdefault(f"{_FOLDER}/{pair}.png", []).append(int(response == "same"))
    return json.dumps(judgments)


def _without_repeats(members: list[tuple[str, Any]]) -> dict[str, Any]:
    # The json module keeps the last of two equal keys, which would drop answers without a word.
    names = [name for name, _ in members]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice} appears twice")
    return dict(members)


def _rows(judgments: dict[str, Any], study: str, origin: str) -> Iterator[tuple[str, dict[str, Any]]]:
    named: dict[str, str] = {}
    for name, answers in judgments.items():
        pair = PurePosixPath(name).name.removesuffix(".png")
        parts = PAIR.fullmatch(pair)
        if parts is None:
            raise AnalysisError(f"{origin}: the pair {name!r} is not named IMAGE_n-SHIFT.png; rename it.")
        if named.setdefault(pair, name) != name:
            raise AnalysisError(f"{origin}: {named[pair]} and {name} name the same pair; join their answers.")
        if not isinstance(answers, list):
            raise AnalysisError(f"{origin}: the answers of {name} are {answers!r}, not a list of 0 and 1.")
        for number, answer in enumerate(answers, start=1):
            if not isinstance(answer, int) or isinstance(answer, bool) or answer not in _RESPONSES:
                raise AnalysisError(f"{origin}: answer {number} of {name} is {answer!r}, not 1 (same) or 0 (shifted).")
            row: dict[str, Any] = dict.fromkeys(column.name for column in columns_of(SAME_DIFFERENT))
            row |= {
                "schema": SCHEMA,
                "study": study,
                "task": SAME_DIFFERENT.name,
                "pair": pair,
                "image": parts["image"],
                "shift_px": int(parts["shift_px"]),
                "response": _RESPONSES[answer],
                "excluded": False,
                "exclusion_reason": "",
            }
            yield f"answer {number} of {name}", row

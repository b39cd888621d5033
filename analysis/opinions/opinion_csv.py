"""Opinion scores in a CSV file: means with their errors, or the votes themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from analysis.agreement.csv_rows import Row, csv_rows, number_in
from analysis.errors import AnalysisError
from analysis.opinions.opinion_table import Floats, Opinions, checked, pair_key

NAMED = ("reference", "image")


def read_opinion_csv(path: Path, *, higher_is_worse: bool = False) -> Opinions:
    """Scores from a file with the columns `reference` and `image`, one of three ways.

    - `score`, and its `standard_error` if it is known: a line an image;
    - `votes`: a line an image, its votes with blanks between, as in `5 4 4 3`;
    - `observer` and `score`: a line a vote.

    Of votes the score is the mean, and its standard error the standard deviation (n − 1) by √n; an image with a single
    vote takes the deviation of the others, the root of their mean variance.

    Raises: `AnalysisError` where a column is missing or two ways are mixed, a cell is empty or no number, an observer
        votes twice on an image, and as `checked` does.
    """
    rows = list(csv_rows(path, NAMED))
    columns = set(rows[0][0]) if rows else {"score"}
    ways = columns & {"votes", "observer"}
    if len(ways) == 2 or ("votes" in ways and "score" in columns):
        raise AnalysisError(
            f"{path} gives votes in two ways; keep the column votes, or observer and score, or score alone."
        )
    if "standard_error" in columns and ways:
        raise AnalysisError(
            f"{path} gives votes and standard errors; leave out the column standard_error, which votes have already."
        )
    if "votes" not in ways and "score" not in columns:
        raise AnalysisError(f"{path}: the column score is missing; give score, or votes.")
    read: Callable[[list[tuple[Row, str]]], tuple[dict[tuple[str, str], list[float]], dict[tuple[str, str], float]]]
    read = _votes_in_cells if "votes" in ways else _votes_in_lines if "observer" in ways else _scores
    values, errors = read(rows)
    known: Floats | None
    if ways:
        score = np.array([np.mean(votes) for votes in values.values()])
        known = _errors_of_votes(list(values.values()))
        number = sum(map(len, values.values()))
        origin = f"means of {number:,} votes, {number / max(1, len(values)):.1f} an image"
    else:
        score = np.array([one for (one,) in values.values()])
        known = np.array([errors[key] for key in values]) if "standard_error" in columns else None
        origin = "scores" + ("" if known is None else " with the standard errors") + " as the file has them"
    references, images = zip(*values, strict=True) if values else ((), ())
    return checked(
        Opinions(path.stem, references, images, score, known, higher_is_worse, origin, path.parent), str(path)
    )


Values = tuple[dict[tuple[str, str], list[float]], dict[tuple[str, str], float]]


def _scores(rows: list[tuple[Row, str]]) -> Values:
    values: dict[tuple[str, str], list[float]] = {}
    errors: dict[tuple[str, str], float] = {}
    for row, here in rows:
        key = _new_key(row, here, values)
        values[key] = [_number(row, "score", here)]
        if "standard_error" in row:
            errors[key] = _number(row, "standard_error", here)
    return values, errors


def _votes_in_cells(rows: list[tuple[Row, str]]) -> Values:
    values: dict[tuple[str, str], list[float]] = {}
    for row, here in rows:
        key = _new_key(row, here, values)
        votes = [number_in(vote) for vote in (row["votes"] or "").split()]
        if not votes or None in votes:
            raise AnalysisError(
                f"{here}: the votes are {row['votes'] or ''!r}, not numbers with blanks between; correct them."
            )
        values[key] = [vote for vote in votes if vote is not None]
    return values, {}


def _votes_in_lines(rows: list[tuple[Row, str]]) -> Values:
    values: dict[tuple[str, str], list[float]] = {}
    voted: set[tuple[str, str, str]] = set()
    for row, here in rows:
        key = _key(row, here)
        observer = (row["observer"] or "").strip()
        if not observer:
            raise AnalysisError(f"{here}: the observer is not named; name who voted.")
        if (observer, *key) in voted:
            raise AnalysisError(
                f"{here}: {observer} votes on {pair_key(*key)} a second time; leave one vote, or their mean."
            )
        voted.add((observer, *key))
        values.setdefault(key, []).append(_number(row, "score", here))
    return values, {}


def _errors_of_votes(votes: list[list[float]]) -> Floats | None:
    """Standard errors of the means; None where no image has two votes."""
    number = np.array([len(one) for one in votes])
    several = number > 1
    if not several.any():
        return None
    variance = np.array([np.var(one, ddof=1) if len(one) > 1 else np.nan for one in votes])
    return np.asarray(np.sqrt(np.where(several, variance, variance[several].mean()) / number), dtype=np.float64)


def _key(row: Row, here: str) -> tuple[str, str]:
    reference, image = ((row[column] or "").strip() for column in NAMED)
    if not reference or not image:
        which = "reference" if not reference else "image"
        raise AnalysisError(f"{here}: the {which} is not named; give the name of each image and of its reference.")
    return reference, image


def _new_key(row: Row, here: str, values: dict[tuple[str, str], list[float]]) -> tuple[str, str]:
    key = _key(row, here)
    if key in values:
        raise AnalysisError(f"{here}: {pair_key(*key)} was already given; remove one of them.")
    return key


def _number(row: Row, column: str, here: str) -> float:
    value = number_in(row[column])
    if value is None:
        raise AnalysisError(f"{here}: the {column} is {row[column] or ''!r}, not a number; correct it.")
    return value

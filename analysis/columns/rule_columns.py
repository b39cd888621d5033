"""What rules look at in a tidy response table: of a data frame, or of numbers alone where there are many responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]
Numbering = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class Texts:
    """A column of texts of which few are different.

    codes: `(rows,)` whole numbers: the text's place in `texts`, -1 where it is unknown.
    texts: each once and in order of first appearance.
    """

    codes: Numbering
    texts: tuple[str, ...]

    @classmethod
    def of(cls, codes: Numbering, texts: Sequence[str]) -> Texts:
        """The column whose rows have the texts of these numbers, of which several may be alike.

        >>> Texts.of(np.array([2, 0, -1, 1]), ["b", "a", "a"]).texts
        ('a', 'b')
        """
        numbers, first = np.unique(codes, return_index=True)
        appear = [texts[number] for number in numbers[np.argsort(first)].tolist() if number >= 0]
        places = {text: place for place, text in enumerate(dict.fromkeys(appear))}
        kind = np.min_scalar_type(-max(1, len(places)))
        # The last is what -1 stands for.
        return cls(np.array([*(places.get(text, -1) for text in texts), -1], dtype=kind)[codes], tuple(places))

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class Numbers:
    """A column of numbers or of truth.

    values: `(rows,)`; 0 where it is unknown.
    known: `(rows,)`; None where all are.
    """

    values: NDArray[Any]
    known: Mask | None = None

    def __len__(self) -> int:
        return len(self.values)


class NumberedResponses(Mapping[str, Texts | Numbers]):
    """Columns of a checked tidy response table by name: some bytes a response, and no library for tables."""

    def __init__(self, columns: Mapping[str, Texts | Numbers], rows: int) -> None:
        self._columns = dict(columns)
        self.rows = rows

    def __getitem__(self, name: str) -> Texts | Numbers:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def texts(self, name: str) -> Texts:
        """A column that holds texts."""
        column = self._columns[name]
        assert isinstance(column, Texts)
        return column

    def numbers(self, name: str) -> Numbers:
        """A column that holds numbers or truth."""
        column = self._columns[name]
        assert isinstance(column, Numbers)
        return column


Responses: TypeAlias = "pd.DataFrame | NumberedResponses"


def row_count(responses: Responses) -> int:
    """How many responses there are."""
    return responses.rows if isinstance(responses, NumberedResponses) else len(responses)


def known(responses: Responses, name: str) -> Mask:
    """Where a column has a value."""
    if not isinstance(responses, NumberedResponses):
        return responses[name].notna().to_numpy(dtype=bool)
    column = responses[name]
    if isinstance(column, Texts):
        return column.codes >= 0
    return np.ones(len(column), dtype=np.bool_) if column.known is None else column.known


def integers(responses: Responses, name: str) -> NDArray[np.int64]:
    """A column of whole numbers; 0 where it is unknown."""
    if isinstance(responses, NumberedResponses):
        return responses.numbers(name).values.astype(np.int64)
    return responses[name].fillna(0).to_numpy(dtype=np.int64)


def is_below(responses: Responses, name: str, bound: float) -> Mask:
    """Where a column is known and below a bound."""
    if isinstance(responses, NumberedResponses):
        return (responses.numbers(name).values < bound) & known(responses, name)
    return (responses[name] < bound).fillna(False).to_numpy(dtype=bool)


def is_true(responses: Responses, name: str) -> Mask:
    """Where a column of truth is known and true."""
    if isinstance(responses, NumberedResponses):
        return responses.numbers(name).values.astype(np.bool_)
    return responses[name].fillna(False).to_numpy(dtype=bool)


def is_text(responses: Responses, name: str, text: str) -> Mask:
    """Where a column has this text."""
    if not isinstance(responses, NumberedResponses):
        return (responses[name] == text).fillna(False).to_numpy(dtype=bool)
    column = responses.texts(name)
    # -2 is the code of no row.
    return np.equal(column.codes, column.texts.index(text) if text in column.texts else -2)


def numbered_texts(
    responses: Responses, name: str, rows: NDArray[np.intp] | None = None
) -> tuple[Numbering, list[str]]:
    """The texts of a column that is known everywhere, as numbers; and the texts, in order of first appearance.

    rows: which rows; all if left out.
    """
    if not isinstance(responses, NumberedResponses):
        import pandas as pd

        codes, texts = pd.factorize(responses[name] if rows is None else responses[name].iloc[rows])
        return codes, [str(text) for text in texts]
    column = responses.texts(name)
    if rows is None:
        return column.codes, list(column.texts)
    part = Texts.of(column.codes[rows], column.texts)
    return part.codes, list(part.texts)


def different(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different whole numbers ≥ 0 in `numbers`, ascending, and the place of each of `numbers` among them."""
    # Counting is faster than sorting where there are not many more numbers than rows.
    if int(numbers.max(initial=0)) > 10 * len(numbers):
        found, places = np.unique(numbers, return_inverse=True)
        return found, places
    found = np.flatnonzero(np.bincount(numbers))
    place_of = np.zeros(int(found.max(initial=0)) + 1, dtype=np.int64)
    place_of[found] = np.arange(len(found))
    return found, place_of[numbers]

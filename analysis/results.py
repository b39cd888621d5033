"""What every analysis gives: small frozen objects that turn into JSON and back, and into data frames."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval, and how both came about.

    `low` and `high` bound a 95% interval. What the data do not determine is None, and `method` says why.
    """

    estimate: float | None
    low: float | None
    high: float | None
    method: str


class Result:
    """Base of the frozen dataclasses that analyses give.

    Their fields are numbers, texts, truth values, `Estimate`s, other results, and tuples and dictionaries of these.
    A result whose parts come in rows, such as one a shift, has them in a field `rows`.
    """

    def to_json(self) -> dict[str, Any]:
        """The fields under their names, with nothing rounded; `from_json` gives the same result back."""
        return dict(_plain(self))

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The result that `to_json` made `document` of."""
        found: Self = _restored(document, cls)
        return found

    def to_frame(self) -> pd.DataFrame:
        """One line for each of `rows`, or a single line.

        An estimate takes the columns NAME, NAME_low, NAME_high and NAME_method; tables inside are left out.
        """
        import pandas as pd

        return pd.DataFrame([_flat(row) for row in getattr(self, "rows", (self,))])


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _restored(value: Any, kind: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        (kind,) = [part for part in get_args(kind) if part is not types.NoneType] or [kind]
        return _restored(value, kind)
    if origin is tuple:
        parts = get_args(kind)
        repeated = parts[1:] == (...,)
        return tuple(_restored(item, parts[0] if repeated else parts[index]) for index, item in enumerate(value))
    if origin is dict:
        names, items = get_args(kind)
        return {names(key): _restored(item, items) for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{f.name: _restored(value[f.name], hints[f.name]) for f in dataclasses.fields(kind)})  # type: ignore[operator]
    return value


def _flat(row: Any) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(row):
        value = getattr(row, field.name)
        if isinstance(value, Estimate):
            flat[field.name] = value.estimate
            flat |= {f"{field.name}_{part}": getattr(value, part) for part in ("low", "high", "method")}
        elif not isinstance(value, tuple | list | Mapping) and not dataclasses.is_dataclass(value):
            flat[field.name] = value
    return flat

"""What one column of the tidy response table may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "choice", "integer", "number", "boolean", "time"]

DTYPES: dict[Kind, str] = {
    "text": "string",
    "choice": "string",
    "integer": "Int64",
    "number": "Float64",
    "boolean": "boolean",
    "time": "string",  # kept as the text that was stored, so that a round trip changes no digit
}


@dataclass(frozen=True)
class Column:
    """One column of the table.

    `nullable`: an unknown value is allowed. `blank`: an empty text is a value of its own, not an unknown one.
    `minimum`: smallest value allowed, in the column's unit; with `above`, values must be larger than it.
    `since`: version of the table that the column came with; it is nullable where that is not the first.
    `joined`: it came when tables of that version had been written already, which are read without it.
    """

    name: str
    kind: Kind
    meaning: str
    nullable: bool = True
    blank: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    above: bool = False
    since: int = 1
    joined: bool = False

    @property
    def dtype(self) -> str:
        """The pandas dtype; all of them can hold an unknown value."""
        return DTYPES[self.kind]

    @property
    def allowed(self) -> str:
        """What a value may be, in words, as in the "type" cell of `docs/responses.md`."""
        if self.kind == "choice":
            return ", ".join(self.choices)
        if self.kind == "time":
            return "ISO 8601, UTC"
        if self.minimum is None:
            return self.kind
        return f"{self.kind} {'>' if self.above else '≥'} {self.minimum}"

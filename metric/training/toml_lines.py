"""TOML with the line on which each value stands, which tomllib does not tell."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from metric.errors import MetricError

Place: TypeAlias = tuple[str | int, ...]
"""Keys and indices that lead to a value, as in `("network", "blur")`."""


@dataclass(frozen=True)
class TomlText:
    """A document and its text.

    Attributes:
        name: of the file, for errors.
        text: with `\\n` at the end of its lines.
        document: what it says.
    """

    name: str
    text: str
    document: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> TomlText:
        """The document in a file.

        Raises:
            MetricError: for a file that is missing or no text, and for what is not TOML, with the line.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise MetricError(f"{path} cannot be read: {error.strerror or error}.") from error
        return cls.parse(content, str(path))

    @classmethod
    def parse(cls, content: bytes, name: str) -> TomlText:
        """The document that `content` is, called `name` in errors; raises as `read` does."""
        try:
            text = content.decode("utf-8-sig")  # as an editor on Windows saves it
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise MetricError(f"{name}, line {line}: not UTF-8; save the file as UTF-8.") from error
        text = text.replace("\r\n", "\n")
        try:
            return cls(name, text, tomllib.loads(text))
        except (ValueError, RecursionError) as error:  # ValueError: an integer of thousands of digits
            said, line = str(error), text.rstrip().count("\n") + 1
            if found := re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", said):
                said, line = said[: found.start()], int(found[1] or line)
            raise MetricError(f"{name}, line {line}: not valid TOML: {said}.") from error

    def where(self, place: Place) -> str:
        """The file, and the line on which the value at a place begins, or else what it would stand in."""
        line = self.line_of(place)
        return f"{self.name}, line {line}" if line else self.name

    def line_of(self, place: Place) -> int | None:
        """Number of the line, from 1; None for a place of which nothing is there.

        The beginning of the document is read again, a line longer each time, until the value is in it: so nothing
        that TOML allows (dotted keys, inline tables, arrays over several lines) is taken for something else.
        """
        lines = self.text.split("\n")
        for depth in range(len(place), 0, -1):
            begin = 1
            for number in range(1, len(lines) + 1):
                try:
                    document = tomllib.loads("\n".join(lines[:number]))
                except ValueError:
                    continue  # in the middle of a value
                if _holds(document, place[:depth]):
                    return begin
                begin = number + 1
        return None


def _holds(document: Any, place: Place) -> bool:
    for step in place:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True

"""Texts in CSV files, which spreadsheets open: none of them is taken for a formula, and all are read as they were."""

from __future__ import annotations

import re

_FORMULA = "[=+\\-@\t\r\n＝＋－＠]"
_TAKEN_FOR_FORMULA = re.compile(f"'*{_FORMULA}")
GUARDED = f"\\A'('*{_FORMULA})"
"""A text that is guarded; what comes after the first apostrophe and begins the text itself is the pattern's group."""
_GUARDED = re.compile(GUARDED)
_GUARDED_ANYWHERE = re.compile(b"'[=+\\-@\t\r\n]|'\xef\xbc[\x9d\x8b\x8d\xa0]")  # in UTF-8


def guarded(text: str) -> str:
    """The text with an apostrophe before it if a spreadsheet could take it for a formula; `unguarded` takes it away.

    So has the server in the files that it writes (OWASP, "CSV Injection"; docs/responses.md).

    >>> guarded("=HYPERLINK(1)"), guarded("'+1"), guarded("1 + 1")
    ("'=HYPERLINK(1)", "''+1", '1 + 1')
    """
    return f"'{text}" if _TAKEN_FOR_FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text that was `guarded`.

    >>> unguarded("'=HYPERLINK(1)"), unguarded("''+1"), unguarded("'tis")
    ('=HYPERLINK(1)', "'+1", "'tis")
    """
    return cell[1:] if _GUARDED.match(cell) else cell


def holds_guarded(file: bytes) -> bool:
    """Whether there may be a guarded text in what a CSV file holds in UTF-8, found out quicker than cell by cell."""
    return _GUARDED_ANYWHERE.search(file) is not None

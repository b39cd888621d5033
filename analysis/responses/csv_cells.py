"""Texts in CSV files, which spreadsheets open: none of them is taken for a formula, and all are read as they were."""

from __future__ import annotations

import re

_FORMULA = "[=+\\-@\t\r\n＝＋－＠]"
_TAKEN_FOR_FORMULA = re.compile(f"'*{_FORMULA}")
_GUARDED = re.compile(f"'+{_FORMULA}")
_GUARDED_ANYWHERE = re.compile(f"'{_FORMULA}")


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


def holds_guarded(file: str) -> bool:
    """Whether there may be a guarded text in what a CSV file holds, found out quicker than cell by cell."""
    return _GUARDED_ANYWHERE.search(file) is not None

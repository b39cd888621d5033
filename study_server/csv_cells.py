"""Texts in CSV files, which spreadsheets open: none of them is taken for a formula."""

from __future__ import annotations

import re

# What begins a formula, in full width too, or hides one that follows (OWASP, "CSV Injection"). That a text has
# apostrophes before it is not to make it another text when it is read again: it gets one more.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")


def guarded(text: str) -> str:
    """The text with an apostrophe before it if a spreadsheet could take it for a formula; docs/responses.md says which.

    >>> guarded("=HYPERLINK(1)"), guarded("'+1"), guarded("1 + 1")
    ("'=HYPERLINK(1)", "''+1", '1 + 1')
    """
    return f"'{text}" if _FORMULA.match(text) else text

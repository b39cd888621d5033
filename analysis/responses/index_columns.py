"""Columns with the numbers of the rows, which data frames add to the files that they write."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

# pandas': in Parquet, in CSV, and out of such a CSV file.
_INDEX = re.compile(r"__index_level_\d+__||Unnamed: 0")


def without_index(names: Sequence[str], index: Collection[str] = ()) -> list[str]:
    """The names without that of a data frame's index.

    Args:
        names: of the columns of a file.
        index: those that the file itself says are its index.

    >>> without_index(["", "schema", "study"])
    ['schema', 'study']
    """
    return [name for name in names if not _INDEX.fullmatch(name) and name not in index]

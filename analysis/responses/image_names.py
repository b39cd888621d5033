"""Ids of images that a program has taken for numbers: their pairs' names still have them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from analysis.responses.column_check import Cells
from analysis.tasks.task import Task

PAIR = re.compile(r"(?P<image>.+)_n-(?P<shift_px>[0-9]{1,9})")
"""The name of a pair, where it says of which image and which shift it is."""


def with_images_named(cells: Mapping[str, Cells], task: Task) -> Mapping[str, Cells]:
    """The cells by column, in which the image 11 of a pair `00011_n-3` is `00011` again.

    Data frames and spreadsheets read `00011` as a number, unless they are told, and may write it as the text `11`. An
    image whose number is not that in the pair's name stays as it is. Other tasks have other names for both.
    """
    picture, subject = task.picture, task.subject
    if picture is None or subject is None or not {picture, subject} <= cells.keys():
        return cells
    images, pairs = cells[picture], cells[subject]
    if not any(map(_may_lack_zeros, images.unique().to_pylist() if isinstance(images, pa.ChunkedArray) else images)):
        return cells
    named = [_named(image, pair) for image, pair in zip(_objects(images), _objects(pairs), strict=True)]
    return {**cells, picture: named}


def _objects(cells: Cells) -> Sequence[Any]:
    found: Sequence[Any] = cells.to_pylist() if isinstance(cells, pa.ChunkedArray) else cells
    return found


def _may_lack_zeros(image: Any) -> bool:
    if isinstance(image, str):
        return image.isdecimal() and image.isascii() and image[0] != "0"
    return isinstance(image, int | float | Decimal) and not isinstance(image, bool)


def _named(image: Any, pair: Any) -> Any:
    parts = PAIR.fullmatch(pair) if isinstance(pair, str) and _may_lack_zeros(image) else None
    if parts is None or not (parts["image"].isdecimal() and parts["image"].isascii()):
        return image
    number = int(image) if isinstance(image, str) else image
    return parts["image"] if number == int(parts["image"]) else image

"""Ids of images that a program has taken for numbers: their pairs' names still have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from analysis.responses.column_check import Cells

PAIR = re.compile(r"(?P<image>.+)_n-(?P<shift_px>[0-9]{1,9})")
"""The name of a pair, where it says of which image and which shift it is."""


def with_images_named(cells: Mapping[str, Cells]) -> Mapping[str, Cells]:
    """The cells by column, in which the image 11 of a pair `00011_n-3` is `00011` again.

    Data frames read `00011` as a number, unless they are told. An image that is text, or whose number is not that in
    the pair's name, stays as it is.
    """
    if "image" not in cells or "pair" not in cells:
        return cells
    images = cells["image"]
    if isinstance(images, pa.ChunkedArray):
        kind = images.type.value_type if pa.types.is_dictionary(images.type) else images.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            return cells
        images = images.to_pylist()
    elif all(isinstance(image, str) for image in images):
        return cells
    pairs = cells["pair"].to_pylist() if isinstance(cells["pair"], pa.ChunkedArray) else cells["pair"]
    return {**cells, "image": [_named(image, pair) for image, pair in zip(images, pairs, strict=True)]}


def _named(image: Any, pair: Any) -> Any:
    parts = PAIR.fullmatch(pair) if isinstance(pair, str) and not isinstance(image, str) else None
    if parts is None or not parts["image"].isdecimal() or isinstance(image, bool):
        return image
    return parts["image"] if image == int(parts["image"]) else image

"""Columns that the tables of several tasks have, as each task's trials are about shifted images."""

from __future__ import annotations

from analysis.columns.column import Column

PAIR = Column("pair", "text", "pair id of the stimulus manifest", nullable=False)
IMAGE = Column("image", "text", "image id of the stimulus manifest", nullable=False)
SHIFT_PX = Column("shift_px", "integer", "shift between the two images, pixels", nullable=False, minimum=0)
DIRECTION = Column(
    "direction",
    "choice",
    "where the crop window was moved to; on a diagonal it moved by `shift_px` along both axes",
    choices=("right", "left", "up", "down", "up-right", "up-left", "down-right", "down-left"),
)
SHIFT_ARCMIN = Column(
    "shift_arcmin",
    "number",
    "the shift in minutes of arc, on a diagonal its length; unknown without calibration",
    minimum=0,
    since=2,
)

"""A row of a triplet manifest: a triplet in one of its versions (docs/manifest.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from study_server.stimuli.manifest import (
    DIRECTION,
    FILE,
    FIVE_DIGITS,
    SHA256,
    SHARE_OR_EMPTY,
    SIZE,
    RowForm,
)

if TYPE_CHECKING:
    from study_server.stimuli.crops import CropWindow

SCHEMA = "shift-study/triplet-manifest/1"

Compared = Literal["first", "second"]
"""The two images that are compared with the reference."""
COMPARED: tuple[Compared, ...] = get_args(Compared)

Role = Literal["reference", Compared]
ROLES: tuple[Role, ...] = get_args(Role)

CATCH_ANSWERS = ("", *COMPARED)
"""What is more similar so obviously that whoever looks must say so; nothing in a triplet that is no catch."""


@dataclass(frozen=True)
class TripletRow:
    """One triplet, both of its distorted images moved by `shift_px`; the fields are its columns, in order."""

    form: ClassVar[RowForm] = RowForm(
        schemas=(SCHEMA,),
        name="stimulus",
        plural="stimuli",
        group="triplet",
        stratum="shift_px",
        allowed={
            "triplet": FIVE_DIGITS,
            "direction": DIRECTION,
            "reference_file": FILE,
            "first_file": FILE,
            "second_file": FILE,
            "catch_answer": (lambda v: v in CATCH_ANSWERS, "first, second, or nothing where it is no catch"),
            "share_second": SHARE_OR_EMPTY,
            "source_sha256": SHA256,
            "size": SIZE,
            "reference_sha256": SHA256,
            "first_sha256": SHA256,
            "second_sha256": SHA256,
        },
    )

    schema: str
    stimulus: str
    triplet: str
    shift_px: int
    direction: str
    reference_file: str
    first_file: str
    second_file: str
    distortion_first: str
    distortion_second: str
    catch_answer: str
    share_second: float | None
    source_file: str
    source_sha256: str
    source_url: str
    licence: str
    crop_x: int
    crop_y: int
    size: int
    reference_sha256: str
    first_sha256: str
    second_sha256: str
    selection: str = ""

    @property
    def name(self) -> str:
        """The stimulus, as others name it."""
        return self.stimulus

    @property
    def group(self) -> str:
        """What this is a version of."""
        return self.triplet

    @property
    def stratum(self) -> int:
        """Of which stimuli a participant gets a given number."""
        return self.shift_px

    @property
    def files(self) -> Mapping[Role, str]:
        """Role → file."""
        return {"reference": self.reference_file, "first": self.first_file, "second": self.second_file}

    @property
    def digests(self) -> Mapping[Role, str]:
        """Role → SHA-256 of the pixels."""
        return {"reference": self.reference_sha256, "first": self.first_sha256, "second": self.second_sha256}

    @property
    def window(self) -> CropWindow:
        """The reference's crop window."""
        from study_server.stimuli.crops import CropWindow  # loads what reads images

        return CropWindow(self.crop_x, self.crop_y, self.size, self.direction)  # type: ignore[arg-type]

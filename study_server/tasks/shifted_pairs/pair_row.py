"""A row of the manifest of shifted pairs: a reference and its shifted version (docs/manifest.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

from study_server.stimuli.manifest import DIRECTION, FILE, FIVE_DIGITS, SHA256, SIZE, RowForm

if TYPE_CHECKING:
    from study_server.stimuli.crops import CropWindow

SCHEMA = "shift-study/manifest/2"
_FIRST = "shift-study/manifest/1"  # without `selection`


@dataclass(frozen=True)
class PairRow:
    """One pair of the manifest; the fields are its columns, in order."""

    form: ClassVar[RowForm] = RowForm(
        schemas=(_FIRST, SCHEMA),
        name="pair",
        plural="pairs",
        group="image",
        stratum="shift_px",
        allowed={
            "image": FIVE_DIGITS,
            "direction": DIRECTION,
            "reference_file": FILE,
            "stimulus_file": FILE,
            "source_sha256": SHA256,
            "reference_sha256": SHA256,
            "stimulus_sha256": SHA256,
            "size": SIZE,
        },
        later={_FIRST: ("selection",)},
    )

    schema: str
    pair: str
    image: str
    shift_px: int
    direction: str
    reference_file: str
    stimulus_file: str
    source_file: str
    source_sha256: str
    source_url: str
    licence: str
    crop_x: int
    crop_y: int
    size: int
    reference_sha256: str
    stimulus_sha256: str
    selection: str = ""

    @property
    def name(self) -> str:
        """The pair's id."""
        return self.pair

    @property
    def group(self) -> str:
        """The image, of which there is a pair for each shift."""
        return self.image

    @property
    def stratum(self) -> int:
        """The shift, pixels."""
        return self.shift_px

    @property
    def files(self) -> Mapping[str, str]:
        """Role → file."""
        return {"reference": self.reference_file, "shifted": self.stimulus_file}

    @property
    def digests(self) -> Mapping[str, str]:
        """Role → SHA-256 of the pixels."""
        return {"reference": self.reference_sha256, "shifted": self.stimulus_sha256}

    @property
    def window(self) -> CropWindow:
        """The reference's crop window."""
        from study_server.stimuli.crops import CropWindow  # loads what reads images

        return CropWindow(self.crop_x, self.crop_y, self.size, self.direction)  # type: ignore[arg-type]


COLUMNS = [f.name for f in fields(PairRow)]

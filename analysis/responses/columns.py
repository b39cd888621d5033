"""What a tidy response table holds: its one declaration. `docs/responses.md` says the same to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCHEMA_FAMILY = "shift-study/responses/"
VERSION = 3  # the one that is written; earlier ones are read
SCHEMA = f"{SCHEMA_FAMILY}{VERSION}"
QUESTION_PREFIX = "question_"

Kind = Literal["text", "choice", "integer", "number", "boolean", "time"]

DTYPES: dict[Kind, str] = {
    "text": "string",
    "choice": "string",
    "integer": "Int64",
    "number": "Float64",
    "boolean": "boolean",
    "time": "string",  # kept as the text that was stored, so that a round trip changes no digit
}


@dataclass(frozen=True)
class Column:
    """One column of the table.

    `nullable`: an unknown value is allowed. `blank`: an empty text is a value of its own, not an unknown one.
    `minimum`: smallest value allowed, in the column's unit; with `above`, values must be larger than it.
    `since`: version of the table that the column came with; it is nullable where that is not the first.
    """

    name: str
    kind: Kind
    meaning: str
    nullable: bool = True
    blank: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    above: bool = False
    since: int = 1

    @property
    def dtype(self) -> str:
        """The pandas dtype; all of them can hold an unknown value."""
        return DTYPES[self.kind]

    @property
    def allowed(self) -> str:
        """What a value may be, in words, as in the "type" cell of `docs/responses.md`."""
        if self.kind == "choice":
            return ", ".join(self.choices)
        if self.kind == "time":
            return "ISO 8601, UTC"
        if self.minimum is None:
            return self.kind
        return f"{self.kind} {'>' if self.above else '≥'} {self.minimum}"


COLUMNS: tuple[Column, ...] = (
    Column("schema", "text", f"`{SCHEMA}` in every row", nullable=False),
    Column("study", "text", "name of the study", nullable=False),
    Column(
        "participant",
        "text",
        "participant's id in this study, such as `p0007`, or `s0007` for a simulated observer; it says nothing about "
        "the person",
    ),
    Column(
        "participant_state",
        "choice",
        "whether the participant answered every trial",
        choices=("finished", "unfinished"),
    ),
    Column("trial", "integer", "position of the trial in the participant's sequence", minimum=1),
    Column("pair", "text", "pair id of the stimulus manifest", nullable=False),
    Column("image", "text", "image id of the stimulus manifest", nullable=False),
    Column(
        "photograph",
        "text",
        "photograph that the image was cut from: SHA-256 of its file (in the published judgments the image's id); "
        "several images may be of one",
        since=3,
    ),
    Column(
        "selection",
        "text",
        "on what ground the image was selected, as `A > B`: at equal shift metric A sees more in it than metric B, "
        "compared with other images; unknown where images were drawn",
        since=3,
    ),
    Column("shift_px", "integer", "shift between the two images, pixels", nullable=False, minimum=0),
    Column(
        "direction",
        "choice",
        "where the crop window was moved to; on a diagonal it moved by `shift_px` along both axes",
        choices=("right", "left", "up", "down", "up-right", "up-left", "down-right", "down-left"),
    ),
    Column(
        "reference_side",
        "choice",
        "side on which the reference was shown",
        choices=("left", "right"),
    ),
    Column(
        "response",
        "choice",
        "what the participant answered",
        nullable=False,
        choices=("same", "different"),
    ),
    Column(
        "reaction_time_ms",
        "number",
        "from the first frame that showed the pair to the answer, milliseconds",
        minimum=0,
    ),
    Column("answered_at", "time", "when the server stored the answer"),
    Column(
        "device_pixel_ratio",
        "number",
        "device pixels per CSS pixel, display scale and zoom together",
        minimum=0,
        above=True,
    ),
    Column(
        "pixel_scale",
        "integer",
        "one image pixel was k × k device pixels; this is k",
        minimum=1,
    ),
    Column("viewport_width", "integer", "window's inner size, CSS pixels", minimum=1),
    Column("viewport_height", "integer", "window's inner size, CSS pixels", minimum=1),
    Column(
        "hidden",
        "boolean",
        "whether the pair was out of sight at any time in the trial: the tab hidden, or the window too small; in a "
        "window that was too small the pair is shown anew, and the clock with it",
    ),
    Column(
        "visit",
        "integer",
        "number of the participant's visit in which the trial was answered; a step up from one trial to the next means "
        "that the participation was interrupted between them: reload, crash, another tab or browser",
        minimum=1,
        since=2,
    ),
    Column(
        "window_changes",
        "integer",
        "how often the window's size or zoom changed while the pair was shown",
        minimum=0,
        since=2,
    ),
    Column(
        "refresh_rate_hz",
        "number",
        "frames a second of the display, measured in the browser",
        minimum=0,
        above=True,
        since=2,
    ),
    Column(
        "sent_after_ms",
        "number",
        "how long the answer waited in the browser before the request that stored it was sent, milliseconds; over a "
        "few seconds means that the connection was interrupted",
        minimum=0,
        since=2,
    ),
    Column(
        "pixels_per_degree",
        "number",
        "image pixels per degree of visual angle at the participant's screen and viewing distance; unknown without "
        "calibration",
        minimum=0,
        above=True,
        since=2,
    ),
    Column(
        "shift_arcmin",
        "number",
        "the shift in minutes of arc, on a diagonal its length; unknown without calibration",
        minimum=0,
        since=2,
    ),
    Column(
        "images_sent_at",
        "time",
        "when the server had sent both images to the page on which they were judged, by its own clock; unknown where "
        "the images came from elsewhere",
        since=3,
    ),
    Column(
        "excluded",
        "boolean",
        "whether a rule or the researcher marked this response as not to be analysed",
        nullable=False,
    ),
    Column(
        "exclusion_reason",
        "text",
        "names of those rules, or other reasons, joined by `;`; empty where `excluded` is false",
        nullable=False,
        blank=True,
    ),
)


def question(name: str) -> Column:
    """The column of a question of the study; `name` begins with `question_`."""
    return Column(name, "text", "the participant's answer to a question of the study")

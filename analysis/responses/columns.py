"""What a tidy response table holds: its one declaration. `docs/responses.md` says the same to people."""

from __future__ import annotations

from functools import cache

from analysis.columns.column import Column
from analysis.tasks.task import Task

SCHEMA_FAMILY = "shift-study/responses/"
VERSION = 3  # the one that is written; earlier ones are read
SCHEMA = f"{SCHEMA_FAMILY}{VERSION}"
QUESTION_PREFIX = "question_"

COMMON: tuple[Column, ...] = (
    Column("schema", "text", f"`{SCHEMA}` in every row", nullable=False),
    Column("study", "text", "name of the study", nullable=False),
    Column(
        "task",
        "text",
        "what participants are asked to do: `same-different`, `2afc` or `odd-one-out`; the same in every row",
        nullable=False,
        since=3,
        joined=True,
    ),
    Column(
        "participant",
        "text",
        "participant's id in this study, such as `p0007`, or `s0007` for a simulated observer; it says nothing about "
        "the person",
    ),
    Column(
        "simulated",
        "boolean",
        "whether a program answered and no person: an observer of `shift-study simulate`, `power` or `demo --filled`",
        since=3,
        joined=True,
    ),
    Column(
        "participant_state",
        "choice",
        "whether the participant answered every trial",
        choices=("finished", "unfinished"),
    ),
    Column("trial", "integer", "position of the trial in the participant's sequence", minimum=1),
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
    Column(
        "reaction_time_ms",
        "number",
        "from the first frame that showed the images to the answer, milliseconds",
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
        "exactness",
        "choice",
        "how the device pixels were known on which the images were drawn: by the browser's report, or derived from the "
        "page's rectangle at a whole device pixel ratio without zoom (WebKit)",
        choices=("reported", "derived"),
        since=3,
        joined=True,
    ),
    Column(
        "page_altered",
        "boolean",
        "whether styles (of an extension, say) changed how the page looked at any time in the trial; the images were "
        "not shown while they did, and then shown anew",
        since=3,
        joined=True,
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


@cache
def columns_of(task: Task) -> tuple[Column, ...]:
    """The columns of a task's tables in the order in which they are written, without the questions."""
    return tuple(column for common in COMMON for column in (common, *task.columns.get(common.name, ())))


def question(name: str) -> Column:
    """The column of a question of the study; `name` begins with `question_`."""
    return Column(name, "text", "the participant's answer to a question of the study")


def passed_through(name: str) -> Column:
    """A column of a task that is not known: read as text, and written as it was."""
    return Column(name, "text", "what the task's own program says it is")

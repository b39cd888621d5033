"""The settings that every study has, declared once: name, type, default, what is allowed, what it does.

What a task has beside them is declared in its place (study_server/tasks).
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints


def setting(
    default: Any,
    about: str,
    *,
    low: float | None = None,
    high: float | None = None,
    pattern: str | None = None,
) -> Any:
    metadata = {"about": about, "low": low, "high": high, "pattern": pattern}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


LANGUAGES = ("en", "de")
"""Languages in which there are the words of the pages and the default texts."""


def N_(text: str) -> str:
    """Mark a default text for the catalogs of translations, which have all default texts."""
    return text


@dataclass(frozen=True)
class StudySettings:
    task: str = setting(
        "same-different",
        "What participants are asked: the name of a task. A record; change it with `new`.",
        pattern=r"[a-z0-9][a-z0-9-]{0,63}",
    )
    name: str = setting(
        "shift-study",
        "Short name of the study, used in exports: letters, digits, '-' and '_'.",
        pattern=r"[A-Za-z0-9_-]{1,64}",
    )
    title: str = setting(N_("Seeing small shifts"), "Title that participants see.")
    contact: str = setting("", "Whom participants can write to: a name and an e-mail address.")
    languages: list[str] = setting(
        ["en", "de"],
        "Languages of the pages: the first is that of the texts in this file; each other is offered to participants "
        "where all texts of the study are given in it.",
        pattern="|".join(LANGUAGES),
    )


@dataclass(frozen=True)
class StimuliSettings:
    source: str = setting(
        "demo",
        "Where the photographs came from: demo, a folder, or coco:SPLIT. A record; change it with `new`.",
    )
    count: int = setting(50, "Number of images. A record, like the rest of this section.", low=1, high=99999)
    size: int = setting(256, "Width and height of every crop, pixels.", low=16, high=2048)
    seed: int = setting(0, "Seed of the choice of photographs and windows.", low=0)


@dataclass(frozen=True)
class TrialSettings:
    seed: int = setting(0, "Seed of assignment, order and sides.", low=0)
    slot_timeout_minutes: float = setting(
        60.0,
        "After this long without an answer, an unfinished participant's stimuli go to the next one.",
        low=0.01,
        high=525600,
    )


@dataclass(frozen=True)
class DisplaySettings:
    pixel_scale: int = setting(
        0,
        "Device pixels along each side of an image pixel. 0: as many whole ones as the display has in a CSS pixel, "
        "so that images keep about the same size on every display.",
        low=0,
        high=16,
    )
    gap_px: int = setting(20, "Gap between images beside each other, image pixels.", low=0, high=1000)
    background: str = setting("#808080", "Colour around the images.", pattern=r"#[0-9a-fA-F]{6}")
    fixation_ms: int = setting(
        0, "How long a fixation cross is shown before each trial, ms. 0: none.", low=0, high=60000
    )
    inter_trial_ms: int = setting(250, "Empty screen between an answer and the next trial, ms.", low=0, high=60000)
    time_limit_ms: int = setting(
        0,
        "How long the images of a trial stay visible, ms; then they are hidden and the question stays. 0: until the "
        "answer.",
        low=0,
        high=600000,
    )
    calibration: Literal["off", "optional", "required"] = setting(
        "off",
        "Let participants measure their screen with a bank card, and say how far from it they sit: shifts are then "
        "known in minutes of arc.",
    )


@dataclass(frozen=True)
class PracticeSettings:
    images: str = setting("demo", "Where the practice photographs came from. A record; change it with `new`.")


@dataclass(frozen=True)
class TextSettings:
    """Their defaults are a task's."""

    consent: str = setting(
        "",
        "Consent form. An empty line begins a new paragraph; line breaks are kept. "
        "{minutes} is about how long it takes.",
    )
    instructions: str = setting(
        "", "Instructions, shown above an example where the task has one. {time} says whether images disappear."
    )
    question: str = setting("", "Question under the images of each trial.")
    thanks: str = setting(
        N_("Your answers have been saved. Thank you for taking part."), "Last page, above the completion code."
    )


@dataclass(frozen=True)
class CompletionSettings:
    code: str = setting(
        "",
        "Completion code shown at the end. Empty: a different one for each participant.",
        pattern=r"[A-Za-z0-9-]{0,64}",
    )


@dataclass(frozen=True)
class RecruitmentSettings:
    platforms: list[str] = setting(
        ["open"],
        "Who is admitted: open (anybody with the address), prolific, mturk, sona (links with that platform's ids), "
        "link (personal links made by `shift-study links`, or the general token).",
        pattern=r"open|prolific|mturk|sona|link",
    )
    repeat: bool = setting(False, "Whether a person may take part again after finishing.")
    general_token: str = setting(
        "",
        "A token that admits anybody who has it (…/?token=TOKEN), where `link` is admitted. Empty: none.",
        pattern=r"[A-Za-z0-9_-]{0,64}",
    )
    link_key: str = setting(
        "",
        "A secret that the links of Prolific, MTurk and SONA carry beside their ids (…&key=KEY), so that only who was "
        "given the study's link there comes in. Empty: none.",
        pattern=r"([A-Za-z0-9_-]{16,64})?",
    )
    prolific_keys: str = setting(
        "",
        "File with Prolific's public keys (JWKS), named as seen from this folder: links that Prolific has not signed "
        "are refused then. Empty: Prolific does not sign them.",
    )
    begin_minutes: float = setting(
        10.0,
        "After this long without a first answer, a new participant's pairs go to the next one.",
        low=0.01,
        high=525600,
    )
    unfinished_per_address: int = setting(
        50,
        "How many unfinished participants may have come from one address, such as that of a laboratory. 0: any number.",
        low=0,
        high=1_000_000,
    )
    resume_days: float = setting(
        30.0, "For how long after the consent a participant can come back and go on, days.", low=0.01, high=3650
    )
    answers_per_pair: int = setting(
        0,
        "The study closes itself when every pair has at least this many accepted answers. 0: it stays open.",
        low=0,
        high=100000,
    )
    replace_failed: bool = setting(
        False,
        "Whether the pairs of a participant who fails the validation test go to another. With answers_per_pair they "
        "always do.",
    )
    prolific_completion_code: str = setting(
        "", "Prolific's code for who has finished; they are sent back with it.", pattern=r"[A-Za-z0-9-]{0,64}"
    )
    prolific_screen_out_code: str = setting(
        "", "Prolific's code for whose device cannot show the study.", pattern=r"[A-Za-z0-9-]{0,64}"
    )
    prolific_no_consent_code: str = setting(
        "", "Prolific's code for who does not consent.", pattern=r"[A-Za-z0-9-]{0,64}"
    )
    prolific_webhook_secret: str = setting(
        "",
        "Secret of the Prolific webhook that tells of returned submissions, at …/hooks/prolific. Empty: no webhook.",
    )
    sona_completion_url: str = setting(
        "", "SONA's completion URL of this study, with %SURVEY_CODE% where the participant's code belongs."
    )

    @property
    def replaces_unusable(self) -> bool:
        """Whether the pairs of participants whose answers do not count go to others."""
        return self.replace_failed or self.answers_per_pair > 0


@dataclass(frozen=True)
class AcceptanceSettings:
    fastest_ms: float = setting(
        300.0,
        "Whose answers took less than this, ms, is too fast to have judged them, and is not used (`hurried`): by the "
        "median of the reaction times, or by what the server saw from the first images to the last answer, per trial. "
        "0: nobody is.",
        low=0,
        high=60000,
    )


@dataclass(frozen=True)
class GateSettings:
    window: bool = setting(True, "Turn away whose screen is too small for the images of a trial.")
    touch: bool = setting(True, "Turn away devices without a mouse or touchpad, such as phones.")
    browser: bool = setting(True, "Turn away browsers that cannot show pictures pixel by pixel.")


@dataclass(frozen=True)
class WithdrawalSettings:
    removes: Literal["identity", "answers"] = setting(
        "answers",
        "What is removed when a participant withdraws. identity: the platform's ids. answers: those, and all answers "
        "and measurements. That somebody withdrew stays in the audit trail.",
    )


@dataclass(frozen=True)
class Question:
    id: str = setting("", "Name of the column `question_ID` in exports.", pattern=r"[a-z][a-z0-9_]{0,39}")
    text: str = setting("", "The question.")
    options: list[str] = setting([], "The answers to choose from. []: a line of free text.")


@dataclass(frozen=True)
class Translation:
    """The study's own texts in another language; what is empty is not given in it."""

    title: str = setting("", "study.title")
    consent: str = setting("", "texts.consent")
    instructions: str = setting("", "texts.instructions")
    question: str = setting("", "texts.question")
    thanks: str = setting("", "texts.thanks")
    questions: dict[str, list[str]] = field(default_factory=dict)
    """Question's id → its text, then its options in their order."""


@dataclass(frozen=True)
class AnalysisSettings:
    exclusions: list[str] = setting(
        ["unfinished", "validation"],
        "Rules by which the verbs that analyse this study leave responses out; []: none. What participants see, whom "
        "the dashboard counts as passing and when the study closes itself do not depend on them.",
        pattern="unfinished|validation|catch_dprime|retest_agreement|one_sided|too_fast|interrupted|not_pixel_exact|"
        "page_altered",
    )


@dataclass(frozen=True)
class ServerSettings:
    host: str = setting("127.0.0.1", "Address to listen on; 0.0.0.0 is every address of the machine.")
    port: int = setting(8000, "Port to listen on.", low=1, high=65535)
    workers: int = setting(2, "Server processes.", low=1, high=64)
    threads: int = setting(16, "Requests that each process answers at a time.", low=1, high=256)
    proxies: int = setting(
        0,
        "How many reverse proxies stand before the server; their X-Forwarded headers are believed. 0: none.",
        low=0,
        high=10,
    )
    hosts: list[str] = setting(
        [],
        "Names under which the server answers, such as study.example.org, with or without a port; localhost is always "
        "one. []: the address in `host`; where that is every address of the machine, each of them and the machine's "
        "own name. With proxies it must be set.",
        pattern=r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?",
    )
    group: Literal["", "read", "write"] = setting(
        "",
        "What the group of the study's files may do with them, once they are made: read, or read and write. Empty: "
        "nothing; they are their owner's alone.",
    )
    database_url: str = setting(
        "", "Where the data are kept, as postgresql://user:password@host/name. Empty: study.db in this folder."
    )
    stimuli_url: str = setting(
        "",
        "Where browsers get the stimuli from that `shift-study publish` wrote: the address before their names. Empty: "
        "from this server.",
        pattern=r"(https?://[A-Za-z0-9.:/_~%-]+)?",
    )
    password_hash: str = setting(
        "",
        "Hash of the dashboard's password, as `shift-study password --print` gives it. Empty: the one in the database.",
    )
    arrivals_per_minute: int = setting(
        300,
        "How many first pages, consents and log-ins an address may ask of each server process in a minute. 0: any "
        "number.",
        low=0,
        high=1_000_000,
    )
    ids_per_hour: int = setting(
        120,
        "How many times people of one address may say in an hour who they are by an id in a link alone, at all servers "
        "together. 0: any number.",
        low=0,
        high=1_000_000,
    )
    requests_per_minute: int = setting(
        3000, "How many requests a participant may send in a minute. 0: any number.", low=0, high=1_000_000
    )


DEFAULT_QUESTIONS = [
    Question(
        "age",
        N_("How old are you?"),
        [N_("under 20"), N_("20–35"), N_("36–50"), N_("51–65"), N_("over 65"), N_("I prefer not to say")],
    ),
    Question(
        "background",
        N_("What is your professional background?"),
        [
            N_("arts"),
            N_("business"),
            N_("computer science"),
            N_("education"),
            N_("engineering"),
            N_("medicine"),
            N_("natural sciences"),
            N_("other"),
            N_("I prefer not to say"),
        ],
    ),
]


@dataclass(frozen=True)
class Settings:
    """All settings of a study; the fields are the sections of study.toml. A task has sections of its own kind."""

    study: StudySettings = field(default_factory=StudySettings)
    stimuli: StimuliSettings = field(default_factory=StimuliSettings)
    trials: TrialSettings = field(default_factory=TrialSettings)
    display: DisplaySettings = field(default_factory=DisplaySettings)
    practice: PracticeSettings = field(default_factory=PracticeSettings)
    texts: TextSettings = field(default_factory=TextSettings)
    completion: CompletionSettings = field(default_factory=CompletionSettings)
    recruitment: RecruitmentSettings = field(default_factory=RecruitmentSettings)
    acceptance: AcceptanceSettings = field(default_factory=AcceptanceSettings)
    gates: GateSettings = field(default_factory=GateSettings)
    withdrawal: WithdrawalSettings = field(default_factory=WithdrawalSettings)
    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    questions: list[Question] = field(default_factory=lambda: list(DEFAULT_QUESTIONS))
    translations: dict[str, Translation] = field(default_factory=dict)
    """Language → the study's own texts in it."""

    def frozen_json(self) -> str:
        """What may not change once a participant has started."""
        sections = {name: values for name, values in dataclasses.asdict(self).items() if name not in CHANGEABLE}
        return json.dumps(sections, ensure_ascii=False, sort_keys=True)


CHANGEABLE = ("completion", "recruitment", "gates", "withdrawal", "analysis", "server")
"""Sections that may be changed while the study runs."""

SECTION_ABOUT = {
    "study": "The study",
    "stimuli": "The stimuli in this folder (made by `shift-study new`)",
    "trials": "Assignment and trials",
    "display": "What is on the screen",
    "practice": "Practice with feedback, before the trials",
    "texts": "Texts",
    "completion": "Completion. This section and [recruitment], [gates], [withdrawal], [analysis], [server] may be "
    "changed while the study runs; questions and translations may not",
    "recruitment": "Who takes part, and how many",
    "acceptance": "Whose answers count, beside the paper's validation test. Decided before the first participant",
    "gates": "Whose device is turned away before the start",
    "withdrawal": "Withdrawal",
    "analysis": "The analysis",
    "server": "The server",
}


def sections(kind: type[Settings]) -> dict[str, type]:
    """Section name → its dataclass, of a task's settings (the lists of questions and translations apart)."""
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in dataclasses.fields(kind) if f.name not in ("questions", "translations")}


def allowed_text(hint: Any, rules: Any) -> str:
    """What a setting may be, in words."""
    if get_origin(hint) is Literal:
        return " or ".join(f'"{v}"' for v in get_args(hint))
    if get_origin(hint) is list:
        inner = get_args(hint)[0]
        return "a list of " + ("integers" if inner is int else "texts") + _range_text(rules)
    kind = {int: "an integer", float: "a number", str: "a text in quotes", bool: "true or false"}[hint]
    return kind + _range_text(rules)


def _range_text(rules: Any) -> str:
    if rules["pattern"]:
        return f" of the form {rules['pattern']}"
    low, high = rules["low"], rules["high"]
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" of at least {low}" if low is not None else ""

"""The study's own texts: which of them are the defaults, of which there are translations, and what fills them in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from study_server.settings import DEFAULT_QUESTIONS, N_, Question, Settings, Translation

MINUTES, TIME = "{minutes}", "{time}"
"""What a text may have: about how many minutes it takes, and how long the images of a trial are there."""

TIME_ENOUGH = N_("Take the time you need.")
TIME_LIMITED = N_("The pictures disappear after %(seconds)s s; for the answer you can take the time you need.")

# What stood in their places in default texts that older studies have in their files.
_FORMERLY = (
    ("about {minutes} minutes", "about ten minutes"),
    (". {time}", ", and take the time you need."),
    ("{time}", TIME_ENOUGH),
)

_READING_MINUTES, _TRIAL_S = 2.0, 9.5
_ROUNDED_FROM = 10


def minutes(settings: Settings, trials: int) -> int:
    """About how long a participation takes, with what there is to read and to practise: ten minutes for 50 trials."""
    extra_ms = settings.display.fixation_ms + settings.display.inter_trial_ms
    exact = _READING_MINUTES + trials * (_TRIAL_S + extra_ms / 1000) / 60
    exact += 2 if settings.display.calibration != "off" else 0
    return max(1, round(exact)) if exact < _ROUNDED_FROM else 5 * round(exact / 5)


@dataclass(frozen=True)
class OwnText:
    """A text of study.toml. default: the default text that it is, of which there are translations; else empty."""

    text: str
    default: str


def own_texts(settings: Settings) -> dict[str, OwnText]:
    """Name → the text, of all that participants read."""
    defaults = type(settings)()
    own = {"title": _own(settings.study.title, defaults.study.title)}
    for f in fields(settings.texts):
        own[f.name] = _own(getattr(settings.texts, f.name), getattr(defaults.texts, f.name))
    return own


def _own(text: str, default: str) -> OwnText:
    return OwnText(text, default if text in (default, *_former(default)) else "")


def _former(default: str) -> Iterator[str]:
    for now, then in _FORMERLY:
        if now in default:
            yield default.replace(now, then)


def is_default(question: Question) -> bool:
    """Whether there are translations of a question: it is a default one, or was before each had its last option."""
    return any(
        (question.id, question.text) == (default.id, default.text)
        and question.options in (default.options, default.options[:-1])
        for default in DEFAULT_QUESTIONS
    )


def missing(settings: Settings, language: str) -> list[str]:
    """Keys of study.toml that are not given in a language, which is not offered for want of them."""
    given = settings.translations.get(language, Translation())
    texts = [name for name, own in own_texts(settings).items() if not own.default and not getattr(given, name)]
    asked = [q.id for q in settings.questions if not is_default(q) and q.id not in given.questions]
    section = f"translations.{language}"
    return [*(f"{section}.{name}" for name in texts), *(f"{section}.questions.{id}" for id in asked)]


def offered(settings: Settings) -> list[str]:
    """Languages in which all the study's texts are given; the first is that of the texts in study.toml."""
    first, *others = settings.study.languages or ["en"]
    return [first, *(name for name in dict.fromkeys(others) if name != first and not missing(settings, name))]


def dropped(settings: Settings) -> list[str]:
    """Of each language that is named and not offered, in a sentence, what is missing."""
    names = [name for name in dict.fromkeys(settings.study.languages) if name not in offered(settings)]
    return [
        f"participants are not offered the language {name}, for {', '.join(missing(settings, name))} is not given: add "
        f"it to study.toml, or take {name} out of study.languages"
        for name in names
    ]

"""The language of the pages, and the study's own texts in it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app, request, session
from flask_babel import Babel, get_locale
from flask_babel import gettext as _

from study_server import study_texts
from study_server.settings import Question, Settings, Translation

_LANGUAGE = "language"
NAMES = {"en": "English", "de": "Deutsch"}
"""Each language in its own words."""


@dataclass(frozen=True)
class ShownQuestion:
    """A question as it is shown: what is stored of an option stays the same in every language."""

    id: str
    text: str
    options: list[tuple[str, str]]
    """(stored, shown) of each option."""


@dataclass(frozen=True)
class StudyTexts:
    """The study's own texts as they are shown."""

    title: str
    consent: str
    instructions: str
    question: str
    thanks: str
    questions: list[ShownQuestion]


def configure(app: Flask) -> None:
    """Give templates the words of the participant's language: `_()`, `study_texts`, `language` and `languages`."""
    study = app.extensions["study"]
    app.extensions["languages"] = study_texts.offered(study.settings)
    Babel(app, locale_selector=chosen, default_translation_directories="translations")
    app.before_request(_remember)
    app.context_processor(
        lambda: {
            "study_texts": texts_in(study.settings, str(get_locale()), study.n_trials),
            "language": str(get_locale()),
            "languages": {name: NAMES[name] for name in app.extensions["languages"]},
        }
    )


def chosen() -> str:
    """The language of the link (?lang=de), of an earlier page, or the best that the browser asks for."""
    names: list[str] = current_app.extensions["languages"]
    for asked in (request.args.get("lang"), session.get(_LANGUAGE)):
        if asked in names:
            return str(asked)
    return request.accept_languages.best_match(names) or names[0]


def _remember() -> None:
    asked = request.args.get("lang") if request.query_string else None  # answers and images have none
    if asked is not None and asked in current_app.extensions["languages"]:
        session[_LANGUAGE] = asked


def texts_in(settings: Settings, language: str, trials: int) -> StudyTexts:
    """The study's texts in the language of this request, filled in; trials: of a participant."""
    given = settings.translations.get(language, Translation())
    seconds = f"{settings.display.time_limit_ms / 1000:g}"
    time = _(study_texts.TIME_ENOUGH) if seconds == "0" else _(study_texts.TIME_LIMITED, seconds=seconds)
    filled = {study_texts.MINUTES: str(study_texts.minutes(settings, trials)), study_texts.TIME: time}
    plain = {}
    for name, own in study_texts.own_texts(settings).items():
        text = getattr(given, name) or (_(own.default) if own.default else own.text)
        for place, words in filled.items():
            text = text.replace(place, words)
        plain[name] = text
    return StudyTexts(**plain, questions=[_shown(question, given) for question in settings.questions])


def _shown(question: Question, given: Translation) -> ShownQuestion:
    texts = [question.text, *question.options]
    if question.id in given.questions:
        texts = given.questions[question.id]
    elif study_texts.is_default(question):
        texts = [_(text) for text in texts]
    return ShownQuestion(question.id, texts[0], list(zip(question.options, texts[1:], strict=True)))

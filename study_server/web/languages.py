"""The language of the pages, and the study's own texts in it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from flask import Flask, current_app, request, session
from flask_babel import Babel, get_locale
from flask_babel import gettext as _

from study_server.settings import DEFAULT_QUESTIONS, Question, Settings, Translation

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
    settings = app.extensions["study"].settings
    app.extensions["languages"] = offered(settings)
    Babel(app, locale_selector=chosen, default_translation_directories="translations")
    app.before_request(_remember)
    app.context_processor(
        lambda: {
            "study_texts": texts_in(settings, str(get_locale())),
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


def offered(settings: Settings) -> list[str]:
    """Languages in which all the study's texts are given; the first is that of the texts in study.toml."""
    first, *others = settings.study.languages or ["en"]
    return [first, *(name for name in dict.fromkeys(others) if name != first and _is_complete(settings, name))]


def texts_in(settings: Settings, language: str) -> StudyTexts:
    """The study's texts in the language of this request."""
    given = settings.translations.get(language, Translation())
    plain = {
        name: getattr(given, name) or (_(text) if is_default else text)
        for name, (text, is_default) in _own_texts(settings).items()
    }
    return StudyTexts(**plain, questions=[_shown(question, given) for question in settings.questions])


def _shown(question: Question, given: Translation) -> ShownQuestion:
    texts = [question.text, *question.options]
    if question.id in given.questions:
        texts = given.questions[question.id]
    elif question in DEFAULT_QUESTIONS:
        texts = [_(text) for text in texts]
    return ShownQuestion(question.id, texts[0], list(zip(question.options, texts[1:], strict=True)))


def _own_texts(settings: Settings) -> dict[str, tuple[str, bool]]:
    """Name → (the text in study.toml, whether it is the default one, of which there are translations)."""
    default = type(settings)()
    own = {"title": (settings.study.title, settings.study.title == default.study.title)}
    for f in fields(settings.texts):
        text = getattr(settings.texts, f.name)
        own[f.name] = (text, text == getattr(default.texts, f.name))
    return own


def _is_complete(settings: Settings, language: str) -> bool:
    given = settings.translations.get(language, Translation())
    return all(is_default or getattr(given, name) for name, (_, is_default) in _own_texts(settings).items()) and all(
        question in DEFAULT_QUESTIONS or question.id in given.questions for question in settings.questions
    )

"""The language of the pages."""

from __future__ import annotations

from flask import Flask, request, session
from flask_babel import Babel, get_locale

from study_server.web.sessions import current_study

_LANGUAGE = "language"


def configure(app: Flask) -> None:
    """Translate pages into the participant's language."""
    Babel(app, locale_selector=chosen, default_translation_directories="translations")
    app.before_request(_remember)
    app.jinja_env.globals["language"] = lambda: str(get_locale())


def chosen() -> str:
    """The language of the link (?lang=de), of an earlier page, or the best that the browser asks for."""
    offered = current_study().settings.study.languages or ["en"]
    for asked in (request.args.get("lang"), session.get(_LANGUAGE)):
        if asked in offered:
            return str(asked)
    return request.accept_languages.best_match(offered) or offered[0]


def _remember() -> None:
    asked = request.args.get("lang")
    if asked in current_study().settings.study.languages:
        session[_LANGUAGE] = asked

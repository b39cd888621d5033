"""Responses that are made when it is known what became of a request: no thread waits for that.

WSGI has no place for them. A worker that knows them says so with each request (`OFFER` in its environ), and may be
given a `Later` in place of a response's content. Elsewhere, as in tests, a view waits in its thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, Response, current_app, jsonify, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

R = TypeVar("R")

OFFER = "shift_study.later"
"""Key of a request's environ: whether a `Later` is understood."""

Content = Callable[[], Iterable[bytes]]
"""Makes a response: calls the request's `start_response`, and gives the content."""


class Later:
    """What an application gives in place of content: nothing yet."""

    def __init__(self, begin: Callable[[Callable[[Content], None]], object]) -> None:
        self.begin = begin
        """Called once, with what is to be called, once and by any thread, when the response can be made."""


def respond_when_known(
    wait: Callable[[], R],
    bring: Callable[[Callable[[Callable[[], R]], None]], object],
    message: Callable[[R], dict[str, Any]],
) -> Response:
    """A view's response in JSON to what comes of something, which other threads do.

    Args:
        wait: gives what came of it, or raises; where the worker offers nothing else.
        bring: has it done, and calls what it is given, from any thread, with a function that gives or raises the same.
        message: what to say then. It finds no context of the request: to bring that back takes as long as all the rest,
            and is done for errors alone, whose handlers expect it.
    """
    if not request.environ.get(OFFER):
        return jsonify(message(wait()))
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    return _Unknown(bring, partial(_message_or_refusal, app, message))


class _Unknown(Response):
    """The response, whose content is not known yet."""

    default_mimetype = "application/json"

    def __init__(
        self,
        bring: Callable[[Callable[[Callable[[], Any]], None]], object],
        make: Callable[[Callable[[], Any], WSGIEnvironment], bytes | Response],
    ) -> None:
        super().__init__()
        self._bring, self._make = bring, make

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Give the worker a `Later`: the request itself has come to its end."""

        def begin(send: Callable[[Content], None]) -> None:
            self._bring(lambda outcome: send(lambda: self._known(outcome, environ, start_response)))

        return Later(begin)  # type: ignore[return-value]

    def _known(
        self, outcome: Callable[[], Any], environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        made = self._make(outcome, environ)
        if isinstance(made, Response):
            # Such as cookies, which came about while the request was handled.
            made.headers.extend([header for header in self.headers if header[0] not in made.headers])
            return made(environ, start_response)
        self.set_data(made)
        return super().__call__(environ, start_response)


def _message_or_refusal(
    app: Flask, message: Callable[[R], dict[str, Any]], outcome: Callable[[], R], environ: WSGIEnvironment
) -> bytes | Response:
    try:
        return f"{app.json.dumps(message(outcome()), separators=(',', ':'))}\n".encode()
    except Exception as error:
        with app.request_context(environ):
            try:
                return app.finalize_request(app.handle_user_exception(error))
            except Exception as unexpected:
                return app.handle_exception(unexpected)

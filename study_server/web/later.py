"""Responses that are made when it is known what became of a request: no thread waits for that.

WSGI has no place for them. A worker that knows them says so with each request (`OFFER` in its environ), and may be
given a `Later` in place of a response's content. Elsewhere, as in tests, a view waits in its thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from flask import Response, copy_current_request_context, current_app, request
from flask.typing import ResponseReturnValue

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
    respond: Callable[[R], ResponseReturnValue],
) -> ResponseReturnValue:
    """A view's response to what comes of something, which other threads do.

    Args:
        wait: gives what came of it, or raises; where the worker offers nothing else.
        bring: has it done, and calls what it is given, from any thread, with a function that gives or raises the same.
        respond: the view's response, made in the request's context.
    """
    if not request.environ.get(OFFER):
        return respond(wait())
    return _Unknown(bring, copy_current_request_context(partial(_make, respond)))


class _Unknown(Response):
    """In place of the response until it is known."""

    def __init__(
        self,
        bring: Callable[[Callable[[Callable[[], R]], None]], object],
        make: Callable[[Callable[[], R]], Response],
    ) -> None:
        super().__init__()
        self._bring, self._make = bring, make

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Give the worker a `Later`: the request itself has come to its end."""
        bring, make = self._bring, self._make

        def begin(send: Callable[[Content], None]) -> None:
            bring(lambda outcome: send(lambda: make(outcome)(environ, start_response)))

        return Later(begin)  # type: ignore[return-value]


def _make(respond: Callable[[R], ResponseReturnValue], outcome: Callable[[], R]) -> Response:
    """The response, as Flask makes it of what a view returns or raises."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    try:
        try:
            said = respond(outcome())
        except Exception as error:
            said = app.handle_user_exception(error)
        made: Response = app.finalize_request(said)
    except Exception as error:
        made = app.handle_exception(error)
    return made

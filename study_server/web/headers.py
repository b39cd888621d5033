"""Headers of every response."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from study_server.access.sessions import current_study

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_POLICY = "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'"


_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def policy(*, frame_ancestors: str = "'none'", form_action: str = "'self'") -> str:
    """The Content-Security-Policy of a page: who may frame it, and where its forms may go."""
    return _policy(current_study().settings.server.stimuli_url, frame_ancestors, form_action)


@lru_cache(maxsize=100)
def _policy(stimuli_url: str, frame_ancestors: str, form_action: str) -> str:
    directives = [_POLICY, f"form-action {form_action}", f"frame-ancestors {frame_ancestors}"]
    elsewhere = urlsplit(stimuli_url)
    if elsewhere.netloc:
        directives.append(f"connect-src 'self' {elsewhere.scheme}://{elsewhere.netloc}")
    return "; ".join(directives)


class Hardened:
    """An application whose every response says that it is not to be framed, sniffed, cached or loading from elsewhere.

    Around Flask and not inside it: the same lines go out with every answer and image, and cost nothing here.
    """

    def __init__(self, app: WSGIApplication, static_path: str, stimuli_url: str) -> None:
        self._app = app
        self._static_path = static_path.rstrip("/") + "/"
        self._always = [*_ALWAYS.items(), ("Content-Security-Policy", _policy(stimuli_url, "'none'", "'self'"))]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request; headers that the page has given itself are left as they are."""

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            given = {name.lower() for name, _ in headers}
            return start_response(status, headers + [one for one in wanted if one[0].lower() not in given], *error)

        wanted = self._always
        if environ["wsgi.url_scheme"] == "https":
            wanted = [*wanted, ("Strict-Transport-Security", "max-age=31536000")]
        if not environ.get("PATH_INFO", "").startswith(self._static_path):
            wanted = [*wanted, ("Cache-Control", "no-store")]
        return self._app(environ, start)

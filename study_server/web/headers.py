"""Headers of every response."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from flask import Response, request

from study_server.web.sessions import current_study

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


def harden(response: Response) -> Response:
    """Add what keeps a page from being framed, sniffed, cached or made to load from elsewhere."""
    headers = response.headers
    given = {name.lower() for name, _ in headers}
    wanted = dict(_ALWAYS)
    wanted["Content-Security-Policy"] = policy()
    if request.is_secure:
        wanted["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint != "static":
        wanted["Cache-Control"] = "no-store"
    # In one go: this runs with every answer and image.
    headers.extend([(name, value) for name, value in wanted.items() if name.lower() not in given])
    return response

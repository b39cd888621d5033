"""Headers of every response."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, request

from study_server.web.sessions import current_study

_POLICY = "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"


def _policy() -> str:
    elsewhere = urlsplit(current_study().settings.server.stimuli_url)
    if not elsewhere.netloc:
        return _POLICY
    return f"{_POLICY}; connect-src 'self' {elsewhere.scheme}://{elsewhere.netloc}"


def harden(response: Response) -> Response:
    """Add what keeps a page from being framed, sniffed, cached or made to load from elsewhere."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
    return response

"""Headers of every response."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, request

from study_server.web.sessions import current_study

_POLICY = "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'"


def policy(*, frame_ancestors: str = "'none'", form_action: str = "'self'") -> str:
    """The Content-Security-Policy of a page: who may frame it, and where its forms may go."""
    directives = [_POLICY, f"form-action {form_action}", f"frame-ancestors {frame_ancestors}"]
    elsewhere = urlsplit(current_study().settings.server.stimuli_url)
    if elsewhere.netloc:
        directives.append(f"connect-src 'self' {elsewhere.scheme}://{elsewhere.netloc}")
    return "; ".join(directives)


def harden(response: Response) -> Response:
    """Add what keeps a page from being framed, sniffed, cached or made to load from elsewhere."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", policy())
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

"""What every request passes before it comes to an application: proxies' headers, headers of responses, host names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from study_server.settings import ServerSettings
from study_server.web.headers import Hardened
from study_server.web.host_names import KnownHosts

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def behind_front(app: WSGIApplication, server: ServerSettings, static_path: str, stimuli_url: str) -> WSGIApplication:
    """The application, behind all that. Which host is asked for is looked at after the proxies have said it."""
    app = Hardened(KnownHosts(app, server), static_path, stimuli_url)
    if not server.proxies:
        return app
    # Where several studies are served, the prefix is theirs (several.py).
    return ProxyFix(app, x_for=server.proxies, x_proto=server.proxies, x_host=server.proxies, x_prefix=0)

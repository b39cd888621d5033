"""A study served by a thread of the test: up at once, where `shift-study serve` takes two seconds of two processors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from study_server.folder.study_folder import StudyFolder
from study_server.web.app import create_app


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # as gunicorn: a connection serves one request after another

    def log(self, *_: Any) -> None:
        pass


@contextmanager
def served_app(app: Any) -> Iterator[BaseWSGIServer]:
    """The server of an application, for as long as the block lasts."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def served(study: StudyFolder) -> Iterator[str]:
    """Address of a study, for as long as the block lasts."""
    app = create_app(study)
    try:
        with served_app(app) as server:
            yield f"http://127.0.0.1:{server.server_port}"
    finally:
        app.extensions["study"].database.close()

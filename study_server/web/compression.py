"""Compress the images of studies while their pages stand, in a process of its own that yields to the server's.

Nothing waits for it: a process of the server that is asked for an image makes what is lacking itself (sent_images.py).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Any

from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder

_NICENESS = 19  # it gets what time the server's processes leave


class Compression:
    """A process that compresses what images the studies lack; none is started where nothing is lacking."""

    def __init__(self, folders: Sequence[StudyFolder]) -> None:
        self._folders = [folder for folder in folders if not folder.sent_images.is_full]
        self._process: int | None = None

    def start(self, before: Callable[[], Any]) -> None:
        """Start it, if there is something to do. `before` is what the new process does first."""
        if not self._folders:
            return
        server = os.getpid()
        self._process = os.fork()
        if self._process == 0:
            try:
                _leave(before)
                for folder in self._folders:
                    _compress(folder, server)
            except KeyboardInterrupt:
                pass
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(0)  # nothing of what the server does at its end

    def stop(self) -> None:
        """End it, and wait for that: it writes into the folders of the studies."""
        with suppress(ChildProcessError):  # it has ended, and gunicorn has seen it
            if self._process is not None and os.waitpid(self._process, os.WNOHANG) == (0, 0):
                os.kill(self._process, signal.SIGTERM)
                os.waitpid(self._process, 0)
        self._process = None


def _leave(before: Callable[[], Any]) -> None:
    """Be no part of the server any more."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # what is half written is removed
    for number in (signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_DFL)
    before()
    os.nice(_NICENESS)


def _compress(folder: StudyFolder, server: int) -> None:
    try:
        with closing(folder.sent_images.filling()) as images:
            for _ in images:
                if os.getppid() != server:
                    raise KeyboardInterrupt  # the server was killed
    except StudyError as error:
        print(f"{error}. Images are sent as PNG, which takes longer.", file=sys.stderr)

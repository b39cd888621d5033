"""A server of a study in a process of its own, for as long as a `with` block lasts."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder

_START_S = 180.0
_PORTS = range(20_000, 32_768)  # below those that Linux hands out, and so below those of other systems

# As `python -m study_server`, but this very package, whatever of its name lies where Python looks first.
_RUN_VERB = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r}); import study_server; "
    "del sys.path[0]; from study_server.__main__ import main; main()"
)


@contextmanager
def running_server(folder: StudyFolder, *, port: int = 0, arguments: Sequence[str] = ()) -> Iterator[str]:
    """Start a server of the study on this machine, give its address, stop it at the end.

    port: 0 for one that is free. arguments: more arguments of `shift-study serve`.
    Raises StudyError with what the server said if it does not start.
    """
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-c",
        _RUN_VERB,
        "serve",
        str(folder.path),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        *(["--database-url", folder.other_database] if folder.other_database else []),
        *arguments,
    ]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, text=True)
        try:
            if not _answers(url, process):
                said.seek(0)
                raise StudyError(f"the study's server did not start: {said.read().strip()}")
            yield url
        finally:
            # At once: what is acknowledged is on the disk, and nobody is to wait for idle connections.
            process.send_signal(signal.SIGQUIT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port of this machine at which nobody listens.

    Of those that no system hands out by itself: until the server is there, neither another that asks for any port nor a
    connection to somewhere is given this one.
    """
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _answers(url: str, process: subprocess.Popen[str]) -> bool:
    deadline = time.monotonic() + _START_S
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment does not lead to this machine
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(requests.RequestException):
                # It may admit nobody who comes this way; and a database may still be recovering.
                if session.get(url, timeout=10).status_code < 500:
                    return True
            time.sleep(0.05)
    return False

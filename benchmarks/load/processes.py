"""Servers as processes: started, waited for, measured, stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class BenchmarkError(Exception):
    """The benchmark cannot be run; the message says what to mend."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    pid: int
    port: int
    host: str = "127.0.0.1"

    def processes(self) -> list[int]:
        """It and all processes below it. Linux only; elsewhere none."""
        children: dict[int, list[int]] = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                parent = int(_stat(int(path.name))[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(path.name))
        found = [self.pid]
        for pid in found:
            found += children.get(pid, [])
        return found if children else []

    def cpu_seconds(self) -> float:
        """Processor time that all of them have used."""
        total = 0.0
        for pid in self.processes():
            try:
                fields = _stat(pid)
            except OSError:
                continue
            total += (int(fields[11]) + int(fields[12])) / _TICKS
        return total

    def memory_mib(self) -> float:
        """Memory of all of them; what they share is counted once."""
        total = 0
        for pid in self.processes():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on (the name before it may have blanks)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@contextmanager
def running(
    name: str,
    command: Sequence[str | Path],
    port: int,
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    start_s: float = 60.0,
) -> Iterator[Server]:
    """Start a server, wait until something listens at `port`, stop it and its children at the end.

    Raises BenchmarkError with the end of what it said if it does not start.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            if not _listens(port, process, start_s):
                said.seek(0)
                raise BenchmarkError(f"{name} did not start:\n{said.read()[-2000:].strip()}")
            yield Server(process.pid, port)
        finally:
            _stop(process)


def _listens(port: int, process: subprocess.Popen[bytes], start_s: float) -> bool:
    deadline = time.monotonic() + start_s
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign, patience_s in ((signal.SIGTERM, 15.0), (signal.SIGKILL, 15.0)):
        try:
            os.killpg(process.pid, sign)  # it has a session, so also a group, of its own
            process.wait(timeout=patience_s)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return

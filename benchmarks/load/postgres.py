"""A PostgreSQL cluster of its own for as long as a `with` block lasts, as durable as initdb makes it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.load.processes import BenchmarkError, running
from study_server.web.background_server import free_port


def find_binaries() -> Path | None:
    """Folder with initdb and postgres: beside pg_config on the PATH, or Debian's newest."""
    candidates = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True
    )
    if config := shutil.which("pg_config"):
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True)
        candidates.append(Path(said.stdout.strip()))
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


@contextmanager
def cluster() -> Iterator[str]:
    """Start a temporary cluster with an empty database; its URL for SQLAlchemy.

    fsync, synchronous_commit and full_page_writes are on, as they are by default. Raises BenchmarkError.
    """
    binaries = find_binaries()
    if binaries is None:
        raise BenchmarkError("there is no PostgreSQL here: install Debian's package postgresql")
    with tempfile.TemporaryDirectory(prefix="shift-study-postgresql-") as temporary:
        home = Path(temporary)
        data = home / "data"
        as_user: dict[str, Any] = {}
        prefix: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            try:
                postgres = pwd.getpwnam("postgres")
            except KeyError:
                raise BenchmarkError("PostgreSQL does not run as root, and there is no user postgres") from None
            os.chown(home, postgres.pw_uid, postgres.pw_gid)
            as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
            prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        made = subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"],
            capture_output=True,
            text=True,
            cwd=home,
            **as_user,
        )
        if made.returncode:
            raise BenchmarkError(f"initdb failed: {made.stderr.strip()[-500:]}")
        port = free_port()
        command = [*prefix, binaries / "postgres", "-D", data, "-k", home, "-h", "127.0.0.1", "-p", str(port)]
        with running("PostgreSQL", command, port, cwd=home):
            _wait_until_ready(binaries, port)
            created = subprocess.run(
                [binaries / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "shift_study"],
                capture_output=True,
                text=True,
                cwd=home,
            )
            if created.returncode:
                raise BenchmarkError(f"createdb failed: {created.stderr.strip()}")
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/shift_study"


def _wait_until_ready(binaries: Path, port: int) -> None:
    """It listens before it takes connections."""
    deadline = time.monotonic() + 60
    while subprocess.run([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode:
        if time.monotonic() > deadline:
            raise BenchmarkError("PostgreSQL started, and takes no connections")
        time.sleep(0.05)

"""The PostgreSQL of the tests: find it, install it (`python tests/postgres.py`, as `make test` does), run a cluster."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from benchmarks.load.postgres import find_binaries

# A disk that is busy with other things makes the recovery after a crash slow.
START_LIMIT_S = 180


class Cluster:
    """A PostgreSQL cluster in a folder, reached by a socket there; durable as initdb makes it."""

    def __init__(self, home: Path, binaries: Path) -> None:
        self.home, self.binaries, self.data = home, binaries, home / "data"
        self._databases = 0
        self._postmaster: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = _unprivileged_user()
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(home, user.pw_uid, user.pw_gid)
        command = [binaries / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]
        subprocess.run(command, cwd=home, stdout=subprocess.DEVNULL, check=True, **self._as_user)

    def start(self) -> None:
        """Start it, and wait until it takes connections; what an earlier run has left behind may have to end first.

        The postmaster is our own child, not one of pg_ctl's: whoever kills it can wait until it is gone for good. Dead
        and not yet waited for by an init that takes its time, it would keep the next one from starting.
        """
        deadline = time.monotonic() + START_LIMIT_S
        while not self._ready():
            if self._postmaster is None or self._postmaster.poll() is not None:
                self._postmaster = self._launched()
            if time.monotonic() > deadline:
                log = (self.home / "log").read_text(errors="replace")
                raise AssertionError(f"PostgreSQL takes no connections after {START_LIMIT_S} s:\n{log[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it, breaking off whatever it does, in good order; one that does not run is stopped already."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """kill -9 the postmaster: what only it had in memory is gone."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._postmaster is not None:
            self._postmaster.send_signal(how)
            self._postmaster.wait(START_LIMIT_S)

    def _ready(self) -> bool:
        command = [self.binaries / "pg_isready", "-q", "-h", self.home, "-U", "postgres"]
        return subprocess.run(command, cwd=self.home, check=False).returncode == 0

    def _launched(self) -> subprocess.Popen[bytes]:
        command = [self.binaries / "postgres", "-D", self.data, "-k", self.home, "-c", "listen_addresses="]
        with (self.home / "log").open("ab") as log:
            # Not in our group: Ctrl-C is for the tests, which then stop it in good order.
            return subprocess.Popen(
                command, cwd=self.home, stdout=log, stderr=log, start_new_session=True, **self._as_user
            )

    def new_database(self, template: str | None = None) -> str:
        """URL of a new database: empty, or a copy of the one with the URL `template`, which nobody may be using."""
        self._databases += 1
        name = f"study_{self._databases}"
        original = make_url(template).database if template else "template1"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, original)
        return f"postgresql://postgres@/{name}?host={self.home}"

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is using it."""
        self._run("DROP DATABASE {} WITH (FORCE)", make_url(url).database)

    def _run(self, command: str, *names: str | None) -> None:
        with psycopg.connect(host=str(self.home), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL(command).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]


def _unprivileged_user() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A cluster of its own, for as long as a `with` block lasts."""
    binaries = find_binaries()
    assert binaries is not None, "there is no PostgreSQL: `python tests/postgres.py` installs one"
    # Not in pytest's folder: no other user may look into that; and a socket's path must be short. Beside it, though.
    beside = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    with tempfile.TemporaryDirectory(prefix="shift-study-", dir=beside, ignore_cleanup_errors=True) as home:
        cluster = Cluster(Path(home), binaries)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


def main() -> None:
    """Make sure that there is a PostgreSQL, by Debian's package where that can be installed."""
    if find_binaries():
        return
    print("The tests run a real PostgreSQL, and there is none: installing it (about 60 MB).", file=sys.stderr)
    if shutil.which("apt-get"):
        as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if not as_root or shutil.which("sudo"):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run([*as_root, "apt-get", "update", "-q"], check=False, env=environment)
            subprocess.run([*as_root, "apt-get", "install", "-qy", "postgresql"], check=False, env=environment)
    if not find_binaries():
        raise SystemExit("No PostgreSQL could be installed. Install one, with its pg_config on the PATH.")


if __name__ == "__main__":
    main()

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

import psycopg
from psycopg import sql

from benchmarks.load.postgres import find_binaries


class Cluster:
    """A PostgreSQL cluster in a folder, reached by a socket there; durable as initdb makes it."""

    def __init__(self, home: Path, binaries: Path) -> None:
        self.home, self.binaries, self.data = home, binaries, home / "data"
        self._databases = 0
        # PostgreSQL refuses to run as root.
        self._user = _unprivileged_user() if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(home, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale")

    def start(self) -> None:
        """Start it, and wait until it takes connections; what an earlier run has left behind may have to end first."""
        options = f"-k {self.home} -c listen_addresses= -c log_min_messages=fatal"
        deadline = time.monotonic() + 60
        while True:
            try:
                return self._run("pg_ctl", "start", "-w", "-s", "-l", str(self.home / "log"), "-o", options)
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise

    def stop(self) -> None:
        """Stop it, breaking off whatever it does, in good order."""
        self._run("pg_ctl", "stop", "-w", "-s", "-m", "fast")

    def kill(self) -> None:
        """kill -9 the postmaster: what only it had in memory is gone."""
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def new_database(self) -> str:
        """URL of a new empty database."""
        self._databases += 1
        name = f"study_{self._databases}"
        with psycopg.connect(host=str(self.home), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql://postgres@/{name}?host={self.home}"

    def _run(self, program: str, *arguments: str) -> None:
        user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        command = [self.binaries / program, "-D", self.data, *arguments]
        # Not a pipe: the server that pg_ctl starts would keep it open.
        with (self.home / "output").open("w+") as output:
            done = subprocess.run(command, cwd=self.home, stdout=output, stderr=output, check=False, **user)
            if done.returncode:
                output.seek(0)
                raise subprocess.CalledProcessError(done.returncode, command, output.read())


def _unprivileged_user() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A cluster of its own, for as long as a `with` block lasts."""
    binaries = find_binaries()
    assert binaries is not None, "there is no PostgreSQL: `python tests/postgres.py` installs one"
    # Not in pytest's folder: no other user may look into that; and a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="shift-study-", ignore_cleanup_errors=True) as home:
        cluster = Cluster(Path(home), binaries)
        cluster.start()
        try:
            yield cluster
        finally:
            with suppress(subprocess.CalledProcessError):  # a test may have killed it
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

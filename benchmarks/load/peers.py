"""oTree and psiTurk from the package index, each in a virtual environment of its own in the user's cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.load.processes import BenchmarkError


def installed(package: str, version: str, *constraints: str) -> Path:
    """Folder with the programs of the package, installed there the first time; pip shows its progress on stderr.

    constraints: requirements on what it depends on, where the newest releases do not work with it. Raises
    BenchmarkError where it cannot be installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shift-study" / "benchmarks"
    home = cache / f"{package}-{version}"
    done = home / "installed"
    if not done.exists():
        print(f"installing {package} {version} from the package index into {home}", file=sys.stderr, flush=True)
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(home)],
            [str(home / "bin/pip"), "install", "--disable-pip-version-check", f"{package}=={version}", *constraints],
        ):
            if subprocess.run(command, stdout=sys.stderr).returncode:
                raise BenchmarkError(f"{package} {version} could not be installed: pip says why above")
        done.touch()
    size = sum(path.lstat().st_size for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"{package} {version}: {size / 1e6:.0f} MB in {home}", file=sys.stderr, flush=True)
    return home / "bin"

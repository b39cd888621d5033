"""Pango, which sets the text of PDF reports: installed where it lacks (`python tests/pango.py`, by `make test`)."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys

PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")


def present() -> bool:
    """Whether WeasyPrint finds all that it needs."""
    try:
        importlib.import_module("weasyprint")
    except OSError:
        return False
    return True


def main() -> int:
    if present():
        return 0
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES]
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"The tests of PDF reports need Pango: install it (Debian: {' '.join(command)}).", file=sys.stderr)
        return 1
    print(f"Installing {', '.join(PACKAGES)}, some 2 MB, from the system's package index.", file=sys.stderr)
    subprocess.run(["apt-get", "update", "-q"], check=True)
    subprocess.run(command, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

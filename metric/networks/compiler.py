"""Compiles `convolve.cpp` for the processor that is there, once, with the C++ compiler that is there. Loads no torch.

What comes out is kept in the user's cache under a name made of the source, the compiler and the processor's features,
so that another compiler or processor gets another. Where there is no compiler, or anything fails, networks are computed
by torch alone, in the same way and more slowly.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from metric.networks.minimal_filtering import FORMS, Matrix, transforms

SWITCH = "SHIFT_STUDY_COMPILED"
"""An environment variable: 0 leaves everything to torch."""

_SOURCE = Path(__file__).with_name("convolve.cpp")
_COMPILERS = ("c++", "g++", "clang++")
_LONGEST_S = 120


@dataclass(frozen=True)
class Compiled:
    """What was loaded, or why nothing was, in words."""

    library: ctypes.CDLL | None
    how: str


@cache
def compiled() -> Compiled:
    """The loaded library; it is compiled first where the cache does not have it, which takes two or three seconds."""
    if os.environ.get(SWITCH) == "0":
        return Compiled(None, f"by torch alone, as {SWITCH}=0 says")
    named = os.environ.get("CXX")
    compiler = next(filter(None, map(shutil.which, [named] if named else _COMPILERS)), None)
    if compiler is None:
        missing = f"{named}, which CXX names, was not found" if named else "no C++ compiler was found"
        return Compiled(None, f"by torch alone, as {missing}; with g++ or clang++ they take half the time")
    try:
        library = _load(compiler)
        library.filters_at_a_time.restype = ctypes.c_long
        lanes = library.filters_at_a_time() // 2
    except (OSError, subprocess.SubprocessError, AttributeError, RuntimeError) as error:  # the last: there is no home
        return Compiled(None, f"by torch alone, as {compiler} gave nothing that runs ({_say(error)})")
    return Compiled(library, f"by code that {compiler} compiled for this processor ({lanes} numbers at a time)")


def cache_folder() -> Path:
    """Where compiled code is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shift-study" / "compiled"


def _load(compiler: str) -> ctypes.CDLL:
    path = _build(compiler)
    try:
        return ctypes.CDLL(str(path))
    except OSError:  # what is there is damaged, or of a compiler that was
        path.unlink(missing_ok=True)
        return ctypes.CDLL(str(_build(compiler)))


def _build(compiler: str) -> Path:
    tuned = "-mcpu=native" if platform.machine() in ("aarch64", "arm64", "ppc64le") else "-march=native"
    command = [compiler, "-std=c++17", "-O3", tuned, "-fPIC"]
    source = f'{_constants()}\n#line 1 "{_SOURCE.name}"\n{_SOURCE.read_text(encoding="utf-8")}'.encode()
    # All macros: the compiler's version, and what the processor has.
    macros = _run([*command, "-dM", "-E", "-x", "c++", os.devnull], b"")
    name = hashlib.sha256(b"\0".join([source, macros, " ".join(command).encode()])).hexdigest()[:32]
    folder = cache_folder()
    path = folder / f"{name}.so"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as own:
            made = Path(own) / path.name
            _run([*command, "-shared", "-x", "c++", "-", "-o", str(made)], source)
            with made.open("rb") as file:
                os.fsync(file.fileno())
            made.replace(path)  # whole, or not at all, also where another process does the same
    return path


def _constants() -> str:
    """The transforms, known when the code is compiled."""
    lines = []
    for taps, outputs in FORMS:
        inputs, _, products = transforms(outputs, taps)
        window = outputs + taps - 1
        lines += [_constant(f"INPUTS_{window}", inputs), _constant(f"PRODUCTS_{window}", products)]
    return "\n".join(lines)


def _constant(name: str, matrix: Matrix) -> str:
    rows = ", ".join("{" + ", ".join(f"{float(value)!r}f" for value in row) + "}" for row in matrix)
    return f"constexpr float {name}[{matrix.shape[0]}][{matrix.shape[1]}] = {{{rows}}};"


def _run(command: list[str], given: bytes) -> bytes:
    return subprocess.run(command, input=given, capture_output=True, check=True, timeout=_LONGEST_S).stdout


def _say(error: Exception) -> str:
    said = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line), lines[0] if lines else type(error).__name__)

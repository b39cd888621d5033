"""Faults put in on purpose: `python tests/mutants.py`, as `make mutants` does.

mutmut changes the modules of `[tool.mutmut]` in pyproject.toml a bit at a time and runs the tests that reach it. What
mypy would refuse is not run and not counted. Each mutant that no test notices must stand in mutants.toml, beside this
file, with why it may. Exits with 1 where one does not, where one stands there that is noticed by now, or where too few
are killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

HERE = Path(__file__).parent
ACCEPTED = HERE / "mutants.toml"
LEAST_KILLED = 0.95
KILLED = ("killed", "timeout", "segfault")
ABORTED = -signal.SIGABRT
"""Exit code of tests that the fault has broken off, as where it makes a library write outside of its memory."""

Change = tuple[str, str, str]
"""Function, and the lines before and after the change."""


def run(arguments: list[str]) -> int:
    """Make the mutants and run the tests; what was tried before, and has not changed since, is not tried again."""
    environment = os.environ | {
        "CI": "1",  # the same examples for every mutant
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [sys.executable, "-c", "from mutmut.__main__ import cli; cli()", "run", *arguments]
    return subprocess.run(command, cwd=HERE.parent, env=environment, check=False).returncode


def accepted() -> dict[Change, str]:
    """The mutants that may survive, and why."""
    found = {}
    for reason in tomllib.loads(ACCEPTED.read_text(encoding="utf-8")).get("accepted", []):
        for before, after in reason["changes"]:
            found[reason["function"], before, after] = reason["why"]
    return found


def change(mutant: str, path: Path) -> Change:
    """A mutant by what it changes, which stays when lines are added elsewhere."""
    lines = get_diff_for_mutant(mutant, path=path).splitlines()[2:]
    before, after = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    module, _, mangled = mutant.rpartition(".")
    name = mangled.partition("__mutmut_")[0].removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return f"{module}.{name}", before, after


def main(arguments: list[str]) -> int:
    """Run, print a table, and what is wrong."""
    if arguments != ["--report"] and (failed := run(arguments)):
        return failed
    os.chdir(HERE.parent)
    reasons, survivors, total = accepted(), [], Counter[str]()
    heads = f"{'module':<52}{'mutants':>8}{'refused':>8}{'killed':>8}{'survive':>8}{'accepted':>9}"
    print(f"\n{heads}{'killed, %':>10}{'of others, %':>13}")
    for path in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=path)
        data.load()
        count = Counter[str]()
        for mutant, code in data.exit_code_by_key.items():
            if code is None:
                continue  # not asked for
            status = status_by_exit_code[code]
            known = status in ("caught by type check", *KILLED) or code == ABORTED
            count["refused" if status == "caught by type check" else "killed" if known else "survive"] += 1
            if not known:
                survivors.append((mutant, status, change(mutant, path)))
                count["accepted"] += survivors[-1][2] in reasons
        total += count
        if count:
            print_row(str(path), count)
    print_row("all", total)
    surviving = {found for _, _, found in survivors}
    wrong = [
        f"{mutant} ({status}):\n  {function}\n  - {before}\n  + {after}"
        for mutant, status, (function, before, after) in survivors
        if (function, before, after) not in reasons
    ]
    if not arguments or arguments == ["--report"]:
        wrong += [f"is killed by now:\n  {function}\n  - {before}\n  + {after}"
                  for function, before, after in reasons.keys() - surviving]  # fmt: skip
        if share(total, others=True) < LEAST_KILLED:
            wrong.append(f"of those that are not accepted, less than {LEAST_KILLED:.0%} are killed")
    print("\n".join(["", *wrong]))
    return 1 if wrong else 0


def share(count: Counter[str], *, others: bool = False) -> float:
    """Of those that the type checker lets pass, the share that tests kill; `others`: of those not accepted."""
    return count["killed"] / max(1, count["killed"] + count["survive"] - others * count["accepted"])


def print_row(name: str, count: Counter[str]) -> None:
    """A line of the table."""
    number = count["killed"] + count["survive"] + count["refused"]
    cells = "".join(f"{count[column]:>8}" for column in ("refused", "killed", "survive"))
    shares = f"{100 * share(count):>10.1f}{100 * share(count, others=True):>13.1f}"
    print(f"{name:<52}{number:>8}{cells}{count['accepted']:>9}{shares}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

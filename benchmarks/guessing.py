"""How often somebody who guesses passes the rules of a study, and an honest observer fails: computed and simulated.

`python -m benchmarks.guessing` prints the table of docs/security.md.
"""

from __future__ import annotations

import argparse
import json
import random
from typing import Any

from study_server.tasks.same_different.guessing import chance_to_pass, passes
from study_server.tasks.same_different.observer import Observer
from study_server.tasks.same_different.settings import SameDifferentAcceptance
from study_server.tasks.same_different.validation import CatchTrials

RULES: list[tuple[int, dict[str, Any]]] = [
    (5, {}),
    (5, {"most_catch_errors": 3}),
    (5, {"most_catch_errors": 2}),
    (5, {"least_catch_dprime": 1.0}),
    (5, {"least_catch_dprime": 2.0}),
    (10, {}),
    (10, {"most_catch_errors": 6}),
    (10, {"most_catch_errors": 5}),
    (10, {"most_catch_errors": 4}),
    (10, {"least_catch_dprime": 1.5}),
]
"""Pairs without a shift, and as many with the largest; and the rule beside the paper's."""


def simulated(rules: SameDifferentAcceptance, n: int, wrong: tuple[float, float], participants: int) -> float:
    """Share that passes of simulated participants who err so often, on pairs without a shift and with the largest."""
    rng = random.Random(f"{rules}/{n}/{wrong}")
    passed = 0
    for _ in range(participants):
        zero, largest = (sum(rng.random() < p for _ in range(n)) for p in wrong)
        passed += passes(CatchTrials(n, zero, n, largest), rules)
    return passed / participants


def table(participants: int) -> list[dict[str, Any]]:
    """A row for each rule, shares in percent."""
    observer = Observer()
    honest = (1 - observer.p_same(0), observer.p_same(9))
    rows = []
    for n, rule in RULES:
        rules = SameDifferentAcceptance(**rule)
        rows.append(
            {
                "rule": ", ".join(f"{name} = {value:g}" for name, value in rule.items()) or "the paper's alone",
                "catch_trials": f"{n} + {n}",
                "guessing_used": 100 * chance_to_pass(rules, n, n, 0.5, 0.5),
                "guessing_used_simulated": 100 * simulated(rules, n, (0.5, 0.5), participants),
                "honest_lost": 100 * (1 - chance_to_pass(rules, n, n, *honest)),
                "honest_lost_simulated": 100 * (1 - simulated(rules, n, honest, participants)),
            }
        )
    return rows


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--participants", type=int, default=10_000, help="simulated participants for each share")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args(arguments)
    rows = table(options.participants)
    if options.json:
        print(json.dumps(rows))
        return
    print(f"{'rule':<28}{'catch trials':>13}{'guessing, used %':>20}{'honest, lost %':>20}")
    for row in rows:
        guessing = f"{row['guessing_used']:.3f} ({row['guessing_used_simulated']:.2f})"
        lost = f"{row['honest_lost']:.4f} ({row['honest_lost_simulated']:.2f})"
        print(f"{row['rule']:<28}{row['catch_trials']:>13}{guessing:>20}{lost:>20}")


if __name__ == "__main__":
    main()

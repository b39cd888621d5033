"""What a study would say had its exclusion rules been others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.columns.participants import answered, participant_codes
from analysis.errors import AnalysisError
from analysis.exclusions.marking import DEFAULT_RULES, RULES, accepted, change_reasons, known_rules, mark, rule_columns
from analysis.results import Estimate, Result
from analysis.wilson import wilson_percent

SENSITIVITY_COLUMNS = ("image", *rule_columns(RULES))
"""What is looked at, whichever rules a variant has, for readers that need not read more."""


@dataclass(frozen=True)
class MainResults(Result):
    """The figures of a study that its conclusions rest on; `problem` says why one is lacking, else it is None.

    `threshold_px`: shift at which "different" is as likely as "same" (psychometric function, bootstrap interval).
    `false_alarm_percent`: share of 0-pixel pairs called different, in [0, 100], Wilson interval.
    `half_px`: smallest shift that was shown at which half of the answers or more are "different";
    `half_percent`: their share there, Wilson interval.
    """

    responses: int
    participants: int
    threshold_px: Estimate
    false_alarm_percent: Estimate
    half_px: int | None
    half_percent: Estimate
    problem: str | None


@dataclass(frozen=True)
class SensitivityRow(Result):
    """The main results under some of the rules; None where there are none, and `problem` says why."""

    label: str
    results: MainResults | None
    problem: str | None


@dataclass(frozen=True)
class Sensitivity(Result):
    """The main results with all rules, with none, without each, and with each alone."""

    rows: tuple[SensitivityRow, ...]


def variants(responses: pd.DataFrame, rules: Sequence[str] = DEFAULT_RULES) -> list[tuple[str, pd.DataFrame]]:
    """The table marked by all rules, by none, without each, and by each alone, with a label for each.

    Marks that a table already has from other rules count as theirs, and are taken away with them; other marks, such
    as the researcher's, stay in each variant. With one rule, those without it and with it alone are left out.

    Raises: `AnalysisError` where a name is no rule.
    """
    table = mark(responses, rules)
    listed = {name for reasons in table["exclusion_reason"].unique() for name in str(reasons).split(";")}
    names = [*known_rules(rules), *(name for name in RULES if name in listed and name not in rules)]
    if not names:
        return [("no rule", table)]
    made = [("all rules", table), ("no rule", _only(table, ()))]
    if len(names) > 1:
        made += [(f"without {name}", _only(table, [other for other in names if other != name])) for name in names]
        made += [(f"{name} alone", _only(table, (name,))) for name in names]
    return made


def sensitivity(responses: pd.DataFrame, rules: Sequence[str] = DEFAULT_RULES) -> Sensitivity:
    """The main results of each of the `variants`.

    Raises: `AnalysisError` where a name is no rule.
    """
    rows = []
    # Many rules exclude nothing more than others, and then change nothing.
    known: dict[bytes, MainResults] = {}
    for label, table in tqdm(variants(responses, rules), desc="rules", unit="variant", delay=1, leave=False):
        excluded = table["excluded"].to_numpy(dtype=bool).tobytes()
        try:
            if excluded not in known:
                known[excluded] = main_results(table)
        except AnalysisError as error:
            rows.append(SensitivityRow(label, None, str(error)))
        else:
            rows.append(SensitivityRow(label, known[excluded], known[excluded].problem))
    return Sensitivity(tuple(rows))


def main_results(responses: pd.DataFrame) -> MainResults:
    """The main results of the responses that are not excluded.

    Raises: `AnalysisError` where no response is left, or they are of several studies.
    """
    kept = accepted(responses)
    different = answered(kept, "different")
    shifts, place = np.unique(kept["shift_px"].to_numpy(dtype=np.int64), return_inverse=True)
    total = np.bincount(place)
    hits = np.bincount(place, weights=different).astype(np.int64)
    half = np.flatnonzero(2 * hits >= total)
    threshold, problem = _threshold(responses)
    codes, _ = participant_codes(kept)
    return MainResults(
        responses=len(kept),
        participants=len(np.unique(codes[codes >= 0])),
        threshold_px=threshold,
        false_alarm_percent=wilson_percent(int(hits[0]), int(total[0]))
        if shifts[0] == 0
        else Estimate(None, None, None, "no 0-pixel pair was judged"),
        half_px=int(shifts[half[0]]) if len(half) else None,
        half_percent=wilson_percent(int(hits[half[0]]), int(total[half[0]]))
        if len(half)
        else Estimate(None, None, None, "no shift was called different half of the time"),
        problem=problem,
    )


def _threshold(responses: pd.DataFrame) -> tuple[Estimate, str | None]:
    from analysis.psychometric.function import psychometric_function
    from analysis.trial_counts import TrialCounts

    try:
        found = psychometric_function(TrialCounts.of(responses)).threshold_px
    except AnalysisError as error:
        return Estimate(None, None, None, "no psychometric function"), str(error)
    if found.estimate is None:
        return found, "The function crosses one half at no shift that was shown."
    return found, None


def _only(responses: pd.DataFrame, rules: Sequence[str]) -> pd.DataFrame:
    """The table without the marks of all other rules."""

    def kept(reasons: list[str], _: int) -> list[str]:
        return [name for name in reasons if name in rules or name not in RULES]

    return change_reasons(responses, np.zeros(len(responses), dtype=np.int64), kept)

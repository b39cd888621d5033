"""Which responses are not analysed, and why. Rules mark; nothing is removed.

A rule takes the tidy response table and gives two boolean arrays, one value a response: whether the rule
marks it, and whether the rule could be applied to it at all. A rule looks at answers only, never at marks, so
the order of the rules and how often they are applied make no difference to what they mark. What is asked about a
participant's answers, the task says; the rules of their circumstances are the same for every task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.columns.participants import PARTICIPANT, codes_of
from analysis.columns.rule_columns import (
    Mask,
    NumberedResponses,
    Numbers,
    Responses,
    Texts,
    different,
    is_true,
    known,
    numbered_texts,
    row_count,
)
from analysis.errors import AnalysisError
from analysis.exclusions.participant_rules import one_sided, unfinished
from analysis.exclusions.response_rules import interrupted, not_pixel_exact, page_altered, too_fast
from analysis.tasks.registry import TASKS, task_of
from analysis.tasks.rule import Rule
from analysis.tasks.same_different import SAME_DIFFERENT
from analysis.tasks.task import Task

if TYPE_CHECKING:
    import pandas as pd

_Table = TypeVar("_Table", "pd.DataFrame", NumberedResponses)

_OF_EVERY_TASK = {
    "unfinished": Rule(unfinished, ("participant_state",), known_by="participant_state"),
    "one_sided": Rule(one_sided, (*PARTICIPANT, "response")),
    "too_fast": Rule(too_fast, ("reaction_time_ms",), known_by="reaction_time_ms"),
    "interrupted": Rule(interrupted, (*PARTICIPANT, "trial", "visit", "hidden"), known_by="hidden"),
    "not_pixel_exact": Rule(not_pixel_exact, ("pixel_scale", "window_changes")),
    "page_altered": Rule(page_altered, ("page_altered",), known_by="page_altered"),
}

RULES = (
    "unfinished",
    "validation",
    "catch_dprime",
    "retest_agreement",
    "one_sided",
    "too_fast",
    "interrupted",
    "not_pixel_exact",
    "page_altered",
)
"""Names of all rules, whichever task they are of."""

DEFAULT_RULES = ("unfinished", "validation")


def rules_of(task: Task) -> dict[str, Rule]:
    """The rules that can be applied to responses of a task, by name and in the order of `RULES`."""
    rules = {**_OF_EVERY_TASK, **task.rules}
    return {name: rules[name] for name in RULES if name in rules}


def rule_columns(names: Sequence[str], tasks: Iterable[Task] = TASKS.values()) -> tuple[str, ...]:
    """What these rules look at, for readers that need not read more; of whichever of the tasks the responses are."""
    rules = [rules_of(task).get(name) for name in names for task in tasks]
    return tuple(dict.fromkeys(column for rule in rules if rule is not None for column in rule.columns))


def named_rules(text: str) -> tuple[str, ...]:
    """The rules of a text such as `unfinished,too_fast`, each once, in its order; `none` for no rule.

    Raises: `AnalysisError` where it names a rule that there is not.

    >>> named_rules("too_fast,unfinished")
    ('too_fast', 'unfinished')
    """
    names = [name.strip() for name in text.split(",")]
    return () if names == ["none"] else known_rules(names)


def known_rules(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once and in their order.

    Raises: `AnalysisError` where one of them is no rule.
    """
    for name in names:
        if name not in RULES:
            raise AnalysisError(f"{name!r} is no exclusion rule; name some of {', '.join(RULES)}, or none.")
    return tuple(dict.fromkeys(names))


def meaning(rule: str, task: Task = SAME_DIFFERENT) -> str:
    """What a rule marks, in one line."""
    rules = rules_of(task)
    return rules[rule].meaning if rule in rules else "A rule that is not of this task."


def look(responses: Responses, rule: str) -> tuple[Mask, Mask]:
    """Which responses a rule marks, and to which it can be applied at all; to none of a task that it is not of."""
    found = rules_of(task_of(responses)).get(rule)
    if found is None or not row_count(responses):
        nothing = np.zeros(row_count(responses), dtype=np.bool_)
        return nothing, nothing
    return found.look(responses)


def assessed(responses: Responses, rule: str) -> Mask:
    """To which responses a rule can be applied: the second of what `look` gives."""
    found = rules_of(task_of(responses)).get(rule)
    # Where one column tells it, to look there is all that it takes.
    if found is not None and found.known_by is not None:
        return known(responses, found.known_by)
    return look(responses, rule)[1]


def mark(responses: _Table, rules: Sequence[str] = DEFAULT_RULES) -> _Table:
    """The table with the marks of rules added to `excluded` and `exclusion_reason`.

    Marks that are there already stay; marking twice is the same as marking once; `responses` stays as it is.

    Args:
        responses: a tidy response table.
        rules: names out of `RULES`; a response with several reasons has them in this order.

    Raises: `AnalysisError` where a name is no rule, or none of the responses' task.
    """
    names = known_rules(rules)
    task = task_of(responses)
    for name in names:
        if task.is_known and name not in rules_of(task):
            raise AnalysisError(
                f"{name} is no exclusion rule of {task.name} studies; name some of {', '.join(rules_of(task))}, "
                "or none."
            )
    masks = [look(responses, name)[0] for name in names]

    def with_marks(reasons: list[str], marks: int) -> list[str]:
        added: list[str] = [name for bit, name in enumerate(names) if marks >> bit & 1]
        return [*reasons, *(name for name in added if name not in reasons)]

    marks = np.zeros(row_count(responses), dtype=np.int64)
    for bit, mask in enumerate(masks):
        marks |= mask.astype(np.int64) << bit
    return change_reasons(responses, marks, with_marks)


def change_reasons(
    responses: _Table, marks: NDArray[np.int64], change: Callable[[list[str], int], list[str]]
) -> _Table:
    """The table with other reasons, found once for each combination of reasons and mark that there is.

    Args:
        responses: a tidy response table.
        marks: `(len(responses),)` whole numbers ≥ 0.
        change: gives the reasons of a response from those that it has and its mark.
    """
    if is_true(responses, "excluded").any():
        before, listed = numbered_texts(responses, "exclusion_reason")
    elif marks.any():
        before, listed = np.zeros(len(marks), dtype=np.int64), [""]
    else:
        return responses if isinstance(responses, NumberedResponses) else responses.copy()
    # Few combinations, whatever the number of responses.
    combinations, codes = different(marks * max(1, len(listed)) + before)
    joined = []
    for combination in combinations.tolist():
        mark_here, reason = divmod(combination, len(listed))
        joined.append(";".join(change([name for name in listed[reason].split(";") if name], mark_here)))
    excluded = np.array([bool(reasons) for reasons in joined], dtype=bool)
    if isinstance(responses, NumberedResponses):
        reasons = Texts.of(codes, joined)
        return NumberedResponses(
            {**responses, "excluded": Numbers(excluded[codes]), "exclusion_reason": reasons}, len(codes)
        )
    import pandas as pd

    return responses.assign(
        excluded=pd.array(excluded[codes], dtype="boolean"),
        exclusion_reason=pd.array(joined, dtype="string").take(codes),
    )


def accepted(responses: pd.DataFrame) -> pd.DataFrame:
    """The responses that are not excluded, of one study.

    Raises: `AnalysisError` where none is left to analyse, and where they are of several studies.
    """
    rows = accepted_rows(responses)
    return responses if rows.all() else responses[rows]


def accepted_rows(responses: pd.DataFrame) -> Mask:
    """Which responses are not excluded; there is one at least, and all are of one study.

    Raises: `AnalysisError` where none is left to analyse, and where they are of several studies.
    """
    if responses.empty:
        raise AnalysisError("There are no responses yet; analyse the study after the first participant answered.")
    if codes_of(responses["study"])[1] > 1:
        studies = responses["study"].unique().tolist()
        # Studies name their pairs alike: pooled by name, answers to different photographs would mix.
        raise AnalysisError(
            f"The responses are of {len(studies)} studies ({', '.join(studies)}), whose pairs may share "
            "names; name one study's folder, or export them and keep the rows of one."
        )
    rows = ~responses["excluded"].to_numpy(dtype=bool)
    if not rows.any():
        reasons = sorted({name for listed in responses["exclusion_reason"].unique() for name in listed.split(";")})
        raise AnalysisError(
            f"All {len(responses):,} responses are excluded ({', '.join(reasons)}), so none is left to analyse; wait "
            "for more participants, or name other rules with --rules."
        )
    return rows

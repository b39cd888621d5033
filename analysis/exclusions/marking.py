"""Which responses are not analysed, and why. Rules mark; nothing is removed.

A rule takes the tidy response table and gives two boolean arrays, one value a response: whether the rule
marks it, and whether the rule could be applied to it at all. A rule looks at answers only, never at marks, so
the order of the rules and how often they are applied make no difference to what they mark.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.exclusions.participant_rules import catch_dprime, one_sided, unfinished, validation
from analysis.exclusions.participants import PARTICIPANT, codes_of
from analysis.exclusions.response_rules import interrupted, not_pixel_exact, too_fast
from analysis.exclusions.rule_columns import (
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

if TYPE_CHECKING:
    import pandas as pd

Rule = Callable[[Responses], tuple[Mask, Mask]]
_Table = TypeVar("_Table", "pd.DataFrame", NumberedResponses)

RULES: dict[str, Rule] = {
    "unfinished": unfinished,
    "validation": validation,
    "catch_dprime": catch_dprime,
    "one_sided": one_sided,
    "too_fast": too_fast,
    "interrupted": interrupted,
    "not_pixel_exact": not_pixel_exact,
}

DEFAULT_RULES = ("unfinished", "validation")

# Where this is all that a rule must know of a response, to say so takes no more than to look.
_MUST_BE_KNOWN = {
    "unfinished": "participant_state",
    "validation": "participant",
    "too_fast": "reaction_time_ms",
    "interrupted": "hidden",
}

# What each rule looks at, for readers that need not read more.
RULE_COLUMNS: dict[str, tuple[str, ...]] = {
    "unfinished": ("participant_state",),
    "validation": (*PARTICIPANT, "shift_px", "response"),
    "catch_dprime": (*PARTICIPANT, "shift_px", "response"),
    "one_sided": (*PARTICIPANT, "response"),
    "too_fast": ("reaction_time_ms",),
    "interrupted": (*PARTICIPANT, "trial", "visit", "hidden"),
    "not_pixel_exact": ("pixel_scale", "window_changes"),
}


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


def meaning(rule: str) -> str:
    """What a rule marks, in one line."""
    return (inspect.getdoc(RULES[rule]) or "").partition("\n")[0]


def assessed(responses: Responses, rule: str) -> Mask:
    """To which responses a rule can be applied: the second of what it gives."""
    if rule in _MUST_BE_KNOWN:
        return known(responses, _MUST_BE_KNOWN[rule])
    return RULES[rule](responses)[1]


def mark(responses: _Table, rules: Sequence[str] = DEFAULT_RULES) -> _Table:
    """The table with the marks of rules added to `excluded` and `exclusion_reason`.

    Marks that are there already stay; marking twice is the same as marking once; `responses` stays as it is.

    Args:
        responses: a tidy response table.
        rules: names out of `RULES`; a response with several reasons has them in this order.

    Raises: `AnalysisError` where a name is no rule.
    """
    names = known_rules(rules)
    masks = [RULES[name](responses)[0] for name in names]

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

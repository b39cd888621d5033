"""What a comparison of two metrics says, in a sentence."""

from __future__ import annotations

from typing import Literal

import numpy as np

from analysis.results import Estimate

Outcome = Literal["concordance", "jnd_map"]
Verdict = Literal["better", "worse", "equivalent", "undecided"]

NAMES: dict[Outcome, str] = {"concordance": "γ within shifts", "jnd_map": "JND mAP"}


def verdict(difference: float, p: float | None, equivalence_p: float | None) -> Verdict:
    """Of the first metric, by corrected p-values below 0.05; a difference that is there comes before its smallness."""
    if p is not None and p < 0.05:
        return "better" if difference > 0 else "worse"
    return "equivalent" if equivalence_p is not None and equivalence_p < 0.05 else "undecided"


def sentence(
    first: str,
    second: str | None,
    outcome: Outcome,
    found: Verdict,
    difference: Estimate,
    *,
    margin: float,
    within: float | None,
    resolvable: float | None,
    permutation_p: float,
    p_alone: float | None = None,
) -> str:
    """The conclusion; `second` None: what `first` has beyond the shift, which has none of it."""
    value = difference.estimate
    if value is None:
        return f"{_start(first, second, outcome)}: {difference.method}."
    if found in ("better", "worse"):
        low, high = difference.low or 0.0, difference.high or 0.0
        figures = f"{signed(value)}, 95% interval {signed(low)} to {signed(high)}"
        if second is None:
            how = "as people do" if found == "better" else "against people"
            return f"{first} orders pairs of the same shift {how}, beyond chance (γ {figures})."
        return f"{first} is {found} than {second} in {NAMES[outcome]} ({figures})."
    if value == 0 and difference.low is None:
        return f"{_start(first, second, outcome)}; there is no difference to resolve."
    if within is None or resolvable is None:
        return f"{_start(first, second, outcome)}; there is {difference.method.rpartition('; ')[2]}."
    if found == "equivalent":
        if second is None:
            return (
                f"{first} knows next to nothing beyond the shift: its γ is within ±{_size(within)} of 0, and "
                f"±{margin:g} counts as none."
            )
        return (
            f"{first} and {second} are equivalent in {NAMES[outcome]}: within ±{_size(within)} of each other, and "
            f"±{margin:g} counts as none."
        )
    of = "of 0" if second is None else "of each other"
    most = 2.0 if outcome == "concordance" and second is not None else 1.0  # γ lies between −1 and 1, mAP above 0
    text = f"{_start(first, second, outcome)}: they are within ±{_size(min(within, most))} {of}, and "
    if resolvable < most:
        text += f"a difference of {_size(resolvable)} would be found by four such studies out of five."
    else:
        text += "no difference that there can be would be found by four such studies out of five."
    if second is None:
        text = text.replace("they are within", "γ is within").replace("a difference of", "one of")
    if p_alone is not None and p_alone < 0.05:
        text += f" Alone it would be significant (p = {p_alone:.3f}), but not among so many comparisons."
    elif within < margin:
        text += f" Alone, less than ±{margin:g} would count as none, but not among so many comparisons."
    elif permutation_p < 0.05:
        text += (
            f" The permutation test finds one (p = {permutation_p:.3f}), but only of these answers; the interval is "
            "about other photographs and people too."
        )
    return text


def too_few_draws(first: str, second: str, comparisons: int, draws: int, fewest: int) -> str:
    """The sentence where no data could have decided anything."""
    return (
        f"{first} and {second} could not be told apart with any data: for {comparisons:,} comparisons, "
        f"{draws:,} draws are too few; take {fewest:,} or more."
    )


def _start(first: str, second: str | None, outcome: Outcome) -> str:
    if second is None:
        return f"Whether {first} knows anything beyond the shift cannot be told with these data"
    return f"{first} and {second} cannot be told apart in {NAMES[outcome]} with these data"


def signed(value: float) -> str:
    """A difference for a sentence: `−0.012`."""
    return f"{value:+.3f}".replace("-", "−")


def _size(value: float) -> str:
    return np.format_float_positional(value, precision=2, fractional=False, trim="-")

"""Triplet scores made for tests, and their figures counted line by line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

CATEGORIES = ("traditional", "cnn", "superres")


def made_triplets(
    metrics: Sequence[str] = ("good", "poor"),
    *,
    counts: Sequence[int] = (40, 60, 90),
    categories: Sequence[str] = CATEGORIES,
    votes: int = 5,
    shifts: Sequence[int] = (0, 1, 2, 3),
    references: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """One row a metric and sample; distances are coarse, so that some are ties.

    `references`: how many triplets of a category share a reference; none is named where None.
    """
    generator = np.random.default_rng(seed)
    category = np.repeat(categories, counts)
    share = generator.beta(1, 1, len(category))
    base = pd.DataFrame({"category": category, "judge": generator.binomial(votes, share) / votes})
    base.insert(1, "sample", [f"{place:06d}" for count in counts for place in range(count)])
    if references is not None:
        base["reference"] = [f"r{place // references}" for count in counts for place in range(count)]
    tables = []
    for number, metric in enumerate(metrics):
        table = base.assign(metric=metric)
        knows = 2 * share - 1 + (0.5 + number) * generator.standard_normal(len(base))
        for side, sign in ((0, 1), (1, -1)):
            distance = 2 + sign * knows / 4
            table[f"d{side}"] = distance.round(1)
            for shift in shifts:
                shaken = distance + 0.04 * (1 + shift) * generator.standard_normal(len(base))
                table[f"d{side}_n{shift}"] = shaken.round(1)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def plain_two_afc(table: pd.DataFrame) -> float:
    """2AFC score in % of one metric, by a loop over its rows."""
    found: dict[str, list[float]] = {}
    for row in table.itertuples():
        agree = 0.5 if row.d0 == row.d1 else 1 - row.judge if row.d0 < row.d1 else row.judge
        found.setdefault(row.category, []).append(agree)
    return 100 * sum(sum(values) / len(values) for values in found.values()) / len(found)


def plain_flips(table: pd.DataFrame, shift: int, baseline: str = "_n0") -> tuple[float, int]:
    """Rank-flip rate in % of one metric, and the number of flips, by a loop over its rows."""
    found: dict[str, list[int]] = {}
    for row in table.to_dict("records"):
        before = row[f"d0{baseline}"] < row[f"d1{baseline}"]
        after = row[f"d0_n{shift}"] < row[f"d1_n{shift}"]
        found.setdefault(row["category"], []).append(int(before != after))
    rate = 100 * sum(sum(values) / len(values) for values in found.values()) / len(found)
    return rate, sum(sum(values) for values in found.values())

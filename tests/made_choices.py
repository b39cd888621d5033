"""Answers of a two-alternative study made for tests, with flip rates that are known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd


def made_choices(
    *,
    people: int = 20,
    triplets: int = 30,
    flips: Mapping[int, float] | None = None,
    retest: float = 0.1,
    repeated: float = 0.3,
    triplets_a_photograph: int = 1,
    answered: float = 1.0,
    catch: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """One row an answer, with the columns of the task `2afc` that the analysis looks at, nothing excluded.

    In each triplet a person has an image of their own, the second with the triplet's probability. They prefer it in the
    unshifted version, and the other one at a shift with the probability that `flips` has for it, or where the same
    stimulus is asked again, with `retest`; independently of everything.

    Args:
        people, triplets: how many.
        flips: probability of a flip by shift in pixels; 0.2 at 1 px if left out.
        repeated: share of the stimuli that are asked again of a person.
        triplets_a_photograph: triplets that share one.
        answered: share of the triplets that a person is asked.
        catch: triplets before the others that are obvious and are answered so.
    """
    generator = np.random.default_rng(seed)
    flips = {1: 0.2} if flips is None else flips
    prefers = generator.beta(1, 1, triplets)
    rows = []
    for person in range(people):
        for triplet in range(-catch, triplets):
            if triplet >= 0 and generator.random() > answered:
                continue
            second = bool(generator.random() < prefers[max(triplet, 0)]) or triplet < 0
            for shift, chance in {0: 0.0, **flips}.items():
                if triplet < 0 and shift:
                    continue
                first_time = second != (triplet >= 0 and generator.random() < chance)
                chosen = {1: first_time}
                if triplet >= 0 and generator.random() < repeated:
                    chosen[2] = first_time != (generator.random() < retest)
                for repetition, prefers_second in chosen.items():
                    rows.append(
                        {
                            "participant": f"p{person:04d}",
                            "stimulus": f"{triplet + catch + 1:05d}_n-{shift}",
                            "triplet": f"{triplet + catch + 1:05d}",
                            "photograph": f"{max(triplet, -1) // triplets_a_photograph:064x}"
                            if triplet >= 0
                            else "f" * 64,
                            "shift_px": shift,
                            "distortion_first": f"blur {1 + (triplet + catch) % 3}",
                            "distortion_second": f"noise {1 + (triplet + catch) % 2}",
                            "catch_answer": "second" if triplet < 0 else None,
                            "first_side": "left" if generator.random() < 0.5 else "right",
                            "repetition": repetition,
                            "preferred": "second" if prefers_second else "first",
                        }
                    )
    table = pd.DataFrame(rows)
    other = {"left": "right", "right": "left"}
    table["response"] = np.where(table["preferred"] == "first", table["first_side"], table["first_side"].map(other))
    table.insert(0, "study", "made")
    table.insert(1, "task", "2afc")
    table["trial"] = table.groupby("participant").cumcount() + 1
    table["excluded"] = False
    table["exclusion_reason"] = ""
    texts = [name for name in table.columns if table[name].dtype == object]
    return table.astype(
        {
            **dict.fromkeys(texts, "string"),
            "shift_px": "Int64",
            "repetition": "Int64",
            "trial": "Int64",
            "excluded": "boolean",
        }
    )


def made_distances(table: pd.DataFrame, *, noise: float = 0.3, shaken: float = 0.1, seed: int = 0) -> pd.DataFrame:
    """Distances of a metric that knows people's shares with noise: a row a triplet, with the columns of its scores."""
    generator = np.random.default_rng(seed)
    first = table[table["repetition"] == 1]
    share = (first["preferred"] == "second").groupby([first["triplet"], first["shift_px"]]).mean().unstack()
    knows = share[0].fillna(0.5).to_numpy(dtype=float) - 0.5 + noise * generator.standard_normal(len(share))
    found = pd.DataFrame({"category": "study", "sample": share.index.astype(str)})
    for shift in share.columns:
        moved = knows + shaken * shift * generator.standard_normal(len(share))
        found[f"d0_n{shift}"], found[f"d1_n{shift}"] = (1 + moved / 4).round(2), (1 - moved / 4).round(2)
    found.insert(2, "judge", np.nan)
    found.insert(3, "d0", found["d0_n0"])
    found.insert(4, "d1", found["d1_n0"])
    found.insert(0, "set", "two-afc")
    return found

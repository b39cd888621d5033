"""Seconds for Table 1 of a million answers, and how often that is contained in plain pandas `groupby(...).apply(...)`.

    python -m benchmarks.table1_speed
    python -m benchmarks.table1_speed --quick --json

The answers are those of simulated participants, 50 each, to the 500 pairs of 50 images, or of more; a Parquet file as
`export` writes it is made of them. Timed are, each as the best of several runs:

- `parquet`: from that file to Table 1: read, check, mark by the default rules, count.
- `marking_and_table`: from the table in memory: mark, count; and what a script with `groupby(...).apply(...)` takes for
  the same, one function call a participant, a pair and a shift.
- `table`: the same of a table that is marked already.
- `table_two_columns`: likewise, the script handing each function the two columns alone that it needs.
- `table_many_images`: as `table`, the answers being to the 50,000 pairs of 5,000 images, 20 a pair.

Both give the same figures, which is checked.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from analysis.exclusions.marking import mark
from analysis.observers.table1 import TABLE1_COLUMNS, Table1, table1
from analysis.responses.response_files import write_file
from analysis.responses.sources import read_responses

# Of the paper's Table 1, by shift in pixels.
_DIFFERENT = (0.067, 0.193, 0.44, 0.653, 0.653, 0.733, 0.767, 0.793, 0.82, 0.9)
_TRIALS = 50
_IMAGES = 50


def answers(count: int, seed: int = 0, images: int = _IMAGES) -> pd.DataFrame:
    """A tidy response table with `count` answers to pairs of so many images; both are multiples of 50."""
    generator = np.random.default_rng(seed)
    people = count // _TRIALS
    participant = np.repeat(np.arange(people), _TRIALS)
    shift = np.tile(np.repeat(np.arange(len(_DIFFERENT)), _TRIALS // len(_DIFFERENT)), people)
    # A participant sees 50 images that follow each other, each once.
    seen = (_TRIALS * np.arange(people)[:, np.newaxis] + np.arange(_TRIALS)) % images
    image = generator.permuted(seen, axis=1).ravel()
    different = generator.random(count) < np.array(_DIFFERENT)[shift]

    def texts(values: Sequence[str], codes: Any = None) -> Any:
        codes = np.zeros(count, dtype=np.int64) if codes is None else codes
        return pd.array(np.array(values, dtype=object)[codes], dtype="string")

    names = [f"{number:05d}" for number in range(images)]
    pairs = [f"{name}_n-{shift_px}" for name in names for shift_px in range(len(_DIFFERENT))]
    columns: dict[str, Any] = {
        "schema": texts(["shift-study/responses/3"]),
        "study": texts(["speed"]),
        "task": texts(["same-different"]),
        "participant": texts([f"s{number:05d}" for number in range(people)], participant),
        "simulated": pd.array(np.ones(count, dtype=bool), dtype="boolean"),
        "participant_state": texts(["finished"]),
        "trial": pd.array(np.tile(np.arange(1, _TRIALS + 1), people), dtype="Int64"),
        "pair": texts(pairs, image * len(_DIFFERENT) + shift),
        "image": texts(names, image),
        "photograph": pd.array([None] * count, dtype="string"),
        "selection": pd.array([None] * count, dtype="string"),
        "shift_px": pd.array(shift, dtype="Int64"),
        "direction": texts(["right"]),
        "reference_side": texts(["left", "right"], generator.integers(0, 2, count)),
        "response": texts(["same", "different"], different.astype(np.int64)),
        "reaction_time_ms": pd.array(generator.gamma(4, 400, count), dtype="Float64"),
        "answered_at": texts(["2026-03-01T12:00:00.000+00:00"]),
        "device_pixel_ratio": pd.array(np.ones(count), dtype="Float64"),
        "pixel_scale": pd.array(np.ones(count, dtype=np.int64), dtype="Int64"),
        "viewport_width": pd.array(np.full(count, 1280), dtype="Int64"),
        "viewport_height": pd.array(np.full(count, 720), dtype="Int64"),
        "hidden": pd.array(np.zeros(count, dtype=bool), dtype="boolean"),
        "exactness": texts(["reported"]),
        "page_altered": pd.array(np.zeros(count, dtype=bool), dtype="boolean"),
        "visit": pd.array(np.ones(count, dtype=np.int64), dtype="Int64"),
        "window_changes": pd.array(np.zeros(count, dtype=np.int64), dtype="Int64"),
        "refresh_rate_hz": pd.array(np.full(count, 60.0), dtype="Float64"),
        "sent_after_ms": pd.array(generator.gamma(2, 5, count), dtype="Float64"),
        "pixels_per_degree": pd.array(np.full(count, np.nan), dtype="Float64"),
        "shift_arcmin": pd.array(np.full(count, np.nan), dtype="Float64"),
        "images_sent_at": pd.array([None] * count, dtype="string"),
        "excluded": pd.array(np.zeros(count, dtype=bool), dtype="boolean"),
        "exclusion_reason": texts([""]),
    }
    return pd.DataFrame(columns)


def marked_by_apply(responses: pd.DataFrame) -> pd.DataFrame:
    """The table without the participants whom the default rules exclude, as a script would find them."""
    largest = responses["shift_px"].max()

    def kept(one: pd.DataFrame) -> bool:
        zero = one.loc[one["shift_px"] == 0, "response"]
        wide = one.loc[one["shift_px"] == largest, "response"]
        passes = (zero == "different").sum() * 3 <= len(zero) * 2 and (wide == "same").sum() * 3 <= len(wide) * 2
        return bool(passes and (one["participant_state"] == "finished").all())

    keep = responses.groupby("participant")[["shift_px", "response", "participant_state"]].apply(kept)
    return responses.assign(excluded=~responses["participant"].map(keep).to_numpy(dtype=bool))


def table_by_apply(marked: pd.DataFrame, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Table 1 of a marked table, as a script would compute it; of these columns alone where they are given."""
    accepted = marked[~marked["excluded"]]
    answered = accepted.assign(same=(accepted["response"] == "same").astype(int))

    def row(one: pd.DataFrame) -> pd.Series[Any]:
        deviations = one.groupby("pair")["same"].apply(lambda pair: pair.std(ddof=0))
        return pd.Series(
            {
                "same": one["same"].sum(),
                "different": (1 - one["same"]).sum(),
                "sd_mean": deviations.mean(),
                "sd_sd": deviations.std(ddof=0),
                "pairs": len(deviations),
            }
        )

    groups = answered.groupby("shift_px")
    return (groups if columns is None else groups[[*columns]]).apply(row)


def best(run: Callable[[], Any], times: int) -> float:
    """Seconds of the quickest of several runs."""
    seconds = []
    for _ in range(times):
        began = perf_counter()
        run()
        seconds.append(perf_counter() - began)
    return min(seconds)


def check(ours: Table1, by_apply: pd.DataFrame) -> None:
    """Raises `ValueError` where the two differ."""
    for row in ours.rows:
        other = by_apply.loc[row.shift_px]
        figures = [row.same, row.different, row.sd_mean, row.sd_sd, row.pairs]
        if not np.allclose(figures, other.to_numpy(dtype=float), rtol=0, atol=1e-9):
            raise ValueError(f"The two tables differ at {row.shift_px} px.")


def measure(quick: bool = False) -> dict[str, Any]:
    """Seconds and ratios, as the module says; `quick` takes a tenth of the answers and one run of each."""
    count, times = (100_000, 1) if quick else (1_000_000, 5)
    responses = answers(count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "responses.parquet"
        write_file(responses, path)

        def from_parquet() -> Table1:
            return table1(read_responses(str(path), lambda source: None, columns=TABLE1_COLUMNS))

        from_parquet()  # the first call imports
        parquet = best(from_parquet, times)
    marked, many = mark(responses), mark(answers(count, images=count // 200))
    for table in (marked, many):
        check(table1(table), table_by_apply(table))
    ours = {
        "marking_and_table": best(lambda: table1(mark(responses)), times),
        "table": best(lambda: table1(marked), times),
        "table_many_images": best(lambda: table1(many), times),
    }
    ours["table_two_columns"] = ours["table"]
    apply = {
        "marking_and_table": best(lambda: table_by_apply(marked_by_apply(responses)), 1),
        "table": best(lambda: table_by_apply(marked), min(times, 2)),
        "table_two_columns": best(lambda: table_by_apply(marked, ["pair", "same"]), min(times, 2)),
        "table_many_images": best(lambda: table_by_apply(many), 1),
    }
    return {"answers": count, "parquet_seconds": parquet} | {
        name: {"seconds": ours[name], "apply_seconds": apply[name], "ratio": apply[name] / ours[name]} for name in apply
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the answers, one run of each")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    options = parser.parse_args(arguments)
    found = measure(options.quick)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['answers']:,} answers; from Parquet to Table 1: {found['parquet_seconds']:.3f} s")
    for name in ("marking_and_table", "table", "table_two_columns", "table_many_images"):
        one = found[name]
        print(
            f"{name.replace('_', ' ')}: {one['seconds']:.3f} s, by groupby.apply {one['apply_seconds']:.2f} s: "
            f"{one['ratio']:.1f} times as fast"
        )


if __name__ == "__main__":
    main()

"""The analysis beside its peers, all in one run.

    python -m benchmarks.analysis_speed [--quick] [--json]

- `map_bootstrap`: 10,000 bootstrap draws of JND mAP of 301 pairs, against a plain Python loop over NumPy.
- `table1`: Table 1 of a million answers, against `groupby(...).apply(...)`, and from a Parquet file.
- `fit`: a psychometric function with 600 bootstrap draws, against one fit of psignifit.
- `report`: the whole report of 1,500 answers and nine metrics.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

from benchmarks import fit_speed, map_bootstrap, report_speed, table1_speed

PARTS: dict[str, Callable[[bool], dict[str, Any]]] = {
    "map_bootstrap": map_bootstrap.measure,
    "table1": table1_speed.measure,
    "fit": fit_speed.measure,
    "report": report_speed.measure,
}


def measure(quick: bool) -> dict[str, Any]:
    """Figures of each part by its name."""
    return {name: part(quick) for name, part in tqdm(PARTS.items(), desc="benchmarks", unit="part", leave=False)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer answers and runs, in under a minute")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    found = measure(arguments.quick)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return 0
    for name, figures in found.items():
        print(name)
        for figure, value in figures.items():
            shown = f"{value:,.3g}" if isinstance(value, float) else value
            if not isinstance(value, dict | list):
                print(f"  {figure:<28} {shown}")
            elif isinstance(value, dict) and all(isinstance(part, float) for part in value.values()):
                print(f"  {figure:<28} " + ", ".join(f"{key} {part:.3g}" for key, part in value.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""At which levels of a network flips arise: of what `benchmarks.training_proof` trained, and of published metrics.

    python -m benchmarks.training_levels
    python -m benchmarks.training_levels --proof FOLDER --json

On the triplets that the proof scored. LPIPS is a sum over levels (Zhang et al. 2018, Eq. 1), and so its flips can be
counted with some of them alone. Beside these stands the share that each level has of the whole distance.

2AFC is of the crops without shift, and not of whole images. All is kept in the proof's folder.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from analysis.triplets.outcomes import two_afc
from benchmarks.training_figures import COLUMNS, SHIFTS, Outcomes, figures, order
from benchmarks.training_proof import CACHE, NETWORKS, PLAIN
from metric.text_table import align

Floats = NDArray[np.float64]

TOLERANT_PUBLISHED, PUBLISHED = "stlpips-alex", "lpips-alex"
PLAIN_OF = {name: plain for name, plain in PLAIN.items() if name in NETWORKS["scratch"]} | {
    TOLERANT_PUBLISHED: PUBLISHED
}
PARTS: Mapping[str, slice] = {"all levels": slice(None), "level 1": slice(1), "levels 2 to 5": slice(1, None)}


@dataclass(frozen=True)
class Shown:
    """Triplets that were looked at: shares of votes (N,) for the second image, and the category of each."""

    judge: Floats
    category: NDArray[np.int64]


def level_distances(metric: str, data: Path) -> Floats:
    """(N, 4, L, 2): of each triplet, at each shift from 0 to 3 px, at each level, of both images."""
    import torch

    from metric import load
    from metric.learned.lpips import LPIPS, level_distance
    from metric.triplets.crops import SHIFTS as ALL_SHIFTS
    from metric.triplets.crops import crop_columns
    from metric.triplets.decoding import Decoder
    from metric.triplets.judged_folders import TWO_AFC, read_folders

    torch.set_num_threads(1)
    lpips = load(metric, device="cpu")
    assert isinstance(lpips, LPIPS), f"{metric} has no levels"
    found = []
    with torch.inference_mode():
        for decoded in Decoder(None).decode(read_folders(data, TWO_AFC).triplets):
            if decoded.problem:
                raise decoded.problem
            pixels = (np.array(each) for each in (decoded.reference, *decoded.compared))
            reference, *images = (torch.from_numpy(each).permute(2, 0, 1)[None] / 255 for each in pixels)
            one = lpips.features(reference[..., crop_columns(reference.shape[-1])])
            by_shift = []
            for shift in ALL_SHIFTS:
                others = [lpips.features(image[..., crop_columns(image.shape[-1], shift)]) for image in images]
                levels = zip(one, *others, lpips.channel_weights, strict=True)
                by_shift.append(
                    [[float(level_distance(r, image, weights)) for image in both] for r, *both, weights in levels]
                )
            found.append(by_shift)
    return np.array(found)


def kept_distances(metric: str, data: Path, file: Path) -> Floats:
    """Those of `level_distances`, computed unless they are there already."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: what a killed run left would be taken for the distances.
        part = file.with_suffix(".part.npy")
        np.save(part, level_distances(metric, data))
        part.replace(file)
    distances: Floats = np.load(file)
    return distances


def outcomes(by_seed: Sequence[Floats], levels: slice, shown: Shown) -> Outcomes:
    """What a metric of these levels alone says, under each seed."""
    values = []
    for distances in by_seed:
        d0, d1 = np.moveaxis(distances[:, :, levels].sum(axis=2), 2, 0)
        flips = ((d0 < d1) != (d0[:, :1] < d1[:, :1]))[:, list(SHIFTS)]
        values.append(np.column_stack([two_afc(shown.judge, d0[:, 0], d1[:, 0]), flips]))
    return Outcomes(np.stack(values), shown.category, np.arange(len(shown.judge)))


def shares(by_seed: Sequence[Floats]) -> list[float]:
    """Of the mean distance without shift, that of each level, as a mean over seeds."""
    each = [distances[:, 0].mean(axis=(0, 2)) for distances in by_seed]
    return np.mean([one / one.sum() for one in each], axis=0).tolist()  # type: ignore[no-any-return]


def compare(distances: Mapping[str, Sequence[Floats]], shown: Shown) -> dict[str, Any]:
    """Shares of levels, and for all and some levels the figures of each metric and the order of the pairs."""
    found: dict[str, Any] = {"shares": {name: shares(each) for name, each in distances.items()}}
    for title, levels in PARTS.items():
        of = {name: outcomes(each, levels, shown) for name, each in distances.items()}
        found[title] = {
            "figures": figures(of),
            "against_plain": {name: order(of[plain], of[name]) for name, plain in PLAIN_OF.items()},
        }
    return found


def run(proof: Path, processes: int) -> dict[str, Any]:
    """All figures of a proof's trainings.

    Raises:
        SystemExit: where the proof's folder has not all trainings from scratch.
    """
    from metric.triplets.judged_folders import TWO_AFC, read_folders

    plan_file = proof / "plan.json"
    if not plan_file.exists():
        raise SystemExit(f"{plan_file} is not there; run `python -m benchmarks.training_proof --part scratch` first.")
    plan = json.loads(plan_file.read_text(encoding="utf-8"))
    cells = [
        (name, proof / "scratch" / f"{name}-seed{seed}" / "metric.safetensors")
        for name in NETWORKS["scratch"]
        for seed in plan["seeds"]
    ]
    missing = [str(file) for _, file in cells if not file.exists()]
    if missing:
        raise SystemExit(f"{missing[0]} is not there; the proof's trainings are not all done.")
    data = proof / "shown"
    files = [proof / "levels" / f"{file.parent.name}.npy" for _, file in cells]
    files += [proof / "levels" / f"{name}.npy" for name in (TOLERANT_PUBLISHED, PUBLISHED)]
    metrics = [*(str(file) for _, file in cells), TOLERANT_PUBLISHED, PUBLISHED]
    with ProcessPoolExecutor(processes) as pool:
        computed = list(
            tqdm(pool.map(kept_distances, metrics, repeat(data), files), total=len(files), desc="distances by level")
        )
    distances: dict[str, list[Floats]] = {}
    for name, each in zip([*(name for name, _ in cells), TOLERANT_PUBLISHED, PUBLISHED], computed, strict=True):
        distances.setdefault(name, []).append(each)
    triplets = read_folders(data, TWO_AFC).triplets
    categories = [triplet.category for triplet in triplets]
    shown = Shown(np.array([triplet.judge for triplet in triplets]), np.unique(categories, return_inverse=True)[1])
    return {"plan": plan, "triplets": len(triplets), **compare(distances, shown)}


def table(found: Mapping[str, Any]) -> str:
    """The figures as text."""
    plan = found["plan"]
    shown = f"{plan['shown_px']} px shown at {plan['shown'] * plan['shown_px']}"
    texts = [f"{found['triplets']} triplets of photographs that were held out, {shown}."]
    rows = [("share of the distance, %", *(f"level {number}" for number in range(1, 6)))]
    rows += [(name, *(f"{100 * share:.0f}" for share in each)) for name, each in found["shares"].items()]
    texts.append(align(rows))
    for title in PARTS:
        lines: list[tuple[str, ...]] = [(title, *COLUMNS)]
        for name, columns in found[title]["figures"].items():
            lines.append((name, *(_cell(figure) for figure in columns.values())))
        texts.append(align(lines))
        for name, against in found[title]["against_plain"].items():
            ratios = ", ".join(_ratio(one) for one in against["flips"].values())
            texts.append(f"{name} over {PLAIN_OF[name]}, {title}: flips {ratios} at 1, 2, 3 px.")
    return "\n\n".join(texts)


def _cell(figure: Mapping[str, Any]) -> str:
    low, high = figure["low"], figure["high"]
    interval = "" if low is None else f" ({low:.1f} to {high:.1f})"
    over = "" if figure["over_seeds"] is None else f" ± {figure['over_seeds']:.1f}"
    return f"{figure['estimate']:.2f}{interval}{over}"


def _ratio(one: Mapping[str, Any]) -> str:
    interval = " (no interval)" if one["low"] is None else f" ({one['low']:.2f} to {one['high']:.2f})"
    return f"{one['estimate']:.2f}{interval}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints shares and figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proof", type=Path, default=CACHE / "training-proof", help="folder of the proof (its own)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at a time (all processors)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args(arguments)
    found = run(options.proof, options.processes)
    print(json.dumps(found, indent=2) if options.json else table(found))


if __name__ == "__main__":
    main()

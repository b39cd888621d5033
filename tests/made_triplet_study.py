"""A small folder of a two-alternative study made for tests: triplets cut out of noise, their manifest, and answers."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from analysis.responses.columns import columns_of
from analysis.responses.response_files import write_file
from analysis.responses.tidy_table import from_rows
from analysis.tasks.two_afc import TWO_AFC
from made_choices import made_choices

COLUMNS = (
    *("schema", "stimulus", "triplet", "shift_px", "direction", "reference_file", "first_file", "second_file"),
    *("distortion_first", "distortion_second", "catch_answer", "share_second", "source_file", "source_sha256"),
    *("source_url", "licence", "crop_x", "crop_y", "size", "reference_sha256", "first_sha256", "second_sha256"),
    "selection",
)
_MARGIN = 8


def made_triplet_study(
    folder: Path,
    *,
    triplets: int = 12,
    triplets_a_reference: int = 1,
    shifts: Sequence[int] = (0, 1, 2),
    size: int = 48,
    known_shares: bool = False,
    seed: int = 0,
) -> Path:
    """A study folder with stimuli and their manifest; `triplets_a_reference` of them share a reference each.

    The images of triplets of one reference are those of a ladder of distortions, each compared with the next.
    """
    generator = np.random.default_rng(seed)
    (folder / "stimuli").mkdir(parents=True)
    rows = []
    for number in range(triplets):
        place, step = divmod(number, triplets_a_reference)
        if step == 0:
            photograph = _noise(generator, size + 2 * _MARGIN)
            steps = triplets_a_reference + 1 if triplets_a_reference > 1 else 2
            distorted = [
                np.clip(photograph + 12 * (1 + rung) * generator.standard_normal(photograph.shape), 0, 255)
                for rung in range(steps)
            ]
            reference = _store(folder, f"{place:05d}_reference", _window(photograph, 0, size))
        triplet = f"{number + 1:05d}"
        for shift in shifts:
            stored = [
                _store(folder, f"{place:05d}_{rung}_n-{shift}", _window(distorted[rung], shift, size))
                for rung in (step, step + 1)
            ]
            rows.append(
                {
                    "schema": "shift-study/triplet-manifest/1",
                    "stimulus": f"{triplet}_n-{shift}",
                    "triplet": triplet,
                    "shift_px": shift,
                    "direction": "right",
                    "reference_file": reference[0],
                    "first_file": stored[0][0],
                    "second_file": stored[1][0],
                    "distortion_first": f"noise {step + 1}",
                    "distortion_second": f"noise {step + 2}",
                    "share_second": round(float(generator.random()), 2) if known_shares else "",
                    "source_file": f"{place}.png",
                    "source_sha256": f"{place:064x}",
                    "crop_x": _MARGIN,
                    "crop_y": _MARGIN,
                    "size": size,
                    "reference_sha256": reference[1],
                    "first_sha256": stored[0][1],
                    "second_sha256": stored[1][1],
                }
            )
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def made_answers(path: Path, manifest: Path | None = None, **how: object) -> pd.DataFrame:
    """A response file with the answers of `made_choices`, named as in a manifest where there is one; and its table."""
    made = made_choices(**how)  # type: ignore[arg-type]
    if manifest is not None:
        known = pd.read_csv(manifest / "manifest.csv", dtype=str).drop_duplicates("triplet").set_index("triplet")
        for name in ("distortion_first", "distortion_second"):
            made[name] = made["triplet"].map(known[name]).astype("string").fillna("obvious")
        made["photograph"] = made["triplet"].map(known["source_sha256"]).astype("string").fillna("f" * 64)
    rows = made.astype(object).where(made.notna(), None)
    for column in columns_of(TWO_AFC):
        if column.name not in rows:
            rows[column.name] = None
    rows["schema"] = "shift-study/responses/3"
    rows["participant_state"] = "finished"
    table = from_rows(rows.to_dict("records"))
    write_file(table, path)
    return table


def _noise(generator: np.random.Generator, size: int) -> NDArray[np.float64]:
    coarse = Image.fromarray(generator.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((size, size))
    return np.asarray(coarse, dtype=np.float64)


def _window(pixels: NDArray[np.float64], shift: int, size: int) -> NDArray[np.uint8]:
    return pixels[_MARGIN : _MARGIN + size, _MARGIN + shift : _MARGIN + shift + size].round().astype(np.uint8)


def _store(folder: Path, name: str, pixels: NDArray[np.uint8]) -> tuple[str, str]:
    file = f"stimuli/{name}.png"
    Image.fromarray(pixels).save(folder / file)
    return file, sha256(pixels.tobytes()).hexdigest()

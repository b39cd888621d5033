"""How much damage in photographs is noticed: by Pillow alone, and as `shift-study new` reads them.

    python -m benchmarks.damage
    python -m benchmarks.damage --photographs FOLDER --times 200 --json

JPEGs of the demo photographs (or of a folder) are damaged at random places in their scan. What is neither refused nor
decodes to the very same pixels is silent: another stream without fault, which no decoder can tell from the photograph.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from metric.text_table import align
from study_server.errors import StudyError
from study_server.stimuli.image_sources import demo_photographs, folder_photographs
from study_server.stimuli.photographs import read_pixels

Damage = Callable[[bytearray, int, random.Random], None]


def _wrong(count: int) -> Damage:
    def damage(data: bytearray, scan: int, rng: random.Random) -> None:
        for _ in range(count):
            data[rng.randrange(scan, len(data) - 2)] = rng.randrange(256)

    return damage


def _zeroed(data: bytearray, scan: int, rng: random.Random) -> None:
    at = rng.randrange(scan, len(data) - 302)
    data[at : at + 300] = bytes(300)


DAMAGES = {"1 wrong byte": _wrong(1), "4 wrong bytes": _wrong(4), "50 wrong bytes": _wrong(50), "300 zeroed": _zeroed}


def outcomes(photographs: list[Path], progressive: bool, damage: Damage, times: int) -> dict[str, float]:
    """Shares of what becomes of damaged JPEGs: refused by Pillow, refused here, the same pixels, silent."""
    rng, found = random.Random(1), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        for number in range(times):
            file = io.BytesIO()
            pixels = read_pixels(photographs[number % len(photographs)])
            Image.fromarray(pixels).save(file, "JPEG", quality=90, progressive=progressive)
            data = bytearray(file.getvalue())
            path.write_bytes(data)
            whole = read_pixels(path)
            damage(data, data.index(b"\xff\xda") + 14, rng)
            path.write_bytes(data)
            try:
                Image.open(path).convert("RGB")
            except (OSError, SyntaxError):
                found["refused by Pillow"] += 1
                continue
            try:
                found["the same pixels" if np.array_equal(read_pixels(path), whole) else "silent"] += 1
            except StudyError:
                found["refused here"] += 1
    return {name: found[name] / times for name in ("refused by Pillow", "refused here", "the same pixels", "silent")}


def main() -> None:
    """Prints the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, help="a folder (the demo photographs)")
    parser.add_argument("--times", type=int, default=100, help="JPEGs of each kind (100)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    source = folder_photographs(options.photographs, 0) if options.photographs else demo_photographs()
    paths = [each.path for each in source.photographs]
    found = {
        f"{'progressive' if progressive else 'baseline'}, {name}": outcomes(paths, progressive, damage, options.times)
        for progressive in (False, True)
        for name, damage in DAMAGES.items()
    }
    if options.json:
        print(json.dumps(found, indent=2))
        return
    names = next(iter(found.values()))
    rows = [(kind, *(f"{100 * share:.0f}%" for share in each.values())) for kind, each in found.items()]
    print(align([("JPEG", *names), *rows]))


if __name__ == "__main__":
    main()

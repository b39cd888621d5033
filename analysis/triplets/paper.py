"""Tables 2, 3 and 4 of the paper: what it found of the metrics that it compares.

Source: Ghildyal & Liu, "Shift-tolerant Perceptual Similarity Metric", ECCV 2022 (arXiv:2207.13686).
"""

from __future__ import annotations

from dataclasses import dataclass

from analysis.results import Result

BAPPS_SAMPLES = 36_344
"""Samples of the BAPPS validation set (Section 4)."""
BAPPS_SIZE_PX = 256
"""Side of its images as they are."""


@dataclass(frozen=True)
class PaperRow(Result):
    """A line of Table `table`, under the name that the paper gives the metric.

    `metrics`: names by which `shift-study metrics` has it, of which the paper may not say which of two it was.
    `two_afc`: 2AFC score in %, of Table 4 the accuracy in %. By shift in pixels, `rank_flip_rate` in % (Tables 2
    and 3), or `rank_flips`, their number (Table 4).
    """

    table: int
    label: str
    metrics: tuple[str, ...]
    two_afc: float
    rank_flip_rate: dict[int, float]
    rank_flips: dict[int, int]


_ROWS: tuple[tuple[int, str, tuple[str, ...], float, tuple[float, float, float]], ...] = (
    (2, "L2", ("l2",), 62.91, (12.27, 23.07, 28.83)),
    (2, "SSIM", ("ssim",), 63.08, (13.08, 25.50, 32.74)),
    (2, "CW-SSIM", ("cw-ssim",), 60.55, (11.33, 18.28, 23.22)),
    (2, "E-LPIPS", ("elpips-vgg",), 69.23, (8.72, 10.67, 12.34)),
    (2, "GTI-CNN", ("gti-cnn",), 63.74, (9.37, 12.32, 16.25)),
    (2, "DISTS", ("dists",), 68.89, (5.57, 8.20, 10.07)),
    (2, "PIM-1", ("pim-1",), 69.45, (1.63, 3.06, 4.39)),
    (2, "PIM-5", ("pim-5",), 69.47, (2.28, 3.56, 5.19)),
    (2, "LPIPS (Alex)", ("lpips-alex",), 69.83, (6.79, 8.90, 9.70)),
    (2, "LPIPS (Alex), retrained on 64 px", ("vanilla-alex",), 70.04, (9.25, 9.34, 11.55)),
    (2, "LPIPS (Alex) ours, trained on 64 px", ("stlpips-alex",), 69.83, (3.48, 4.75, 6.84)),
    (3, "L2", ("l2",), 62.92, (3.59, 7.55, 10.82)),
    (3, "SSIM", ("ssim",), 61.41, (3.16, 7.20, 13.73)),
    (3, "CW-SSIM", ("cw-ssim",), 61.48, (3.91, 6.88, 9.47)),
    (3, "MS-SSIM", ("ms-ssim",), 62.54, (2.22, 5.83, 10.66)),
    (3, "PieAPP, sparse", ("pieapp-sparse",), 64.20, (2.83, 3.19, 3.81)),
    (3, "PieAPP, dense", ("pieapp-dense",), 64.15, (2.97, 1.37, 3.33)),
    (3, "PIM-1", ("pim-1",), 67.45, (0.79, 1.70, 2.52)),
    (3, "PIM-5", ("pim-5",), 67.38, (1.01, 1.88, 2.96)),
    (3, "GTI-CNN", ("gti-cnn",), 63.87, (3.95, 4.91, 7.88)),
    (3, "DISTS", ("dists",), 68.83, (2.85, 2.89, 4.03)),
    (3, "E-LPIPS", ("elpips-vgg",), 68.22, (5.84, 5.86, 5.77)),
    (3, "LPIPS (Alex)", ("lpips-alex",), 68.59, (2.81, 3.41, 3.84)),
    (3, "LPIPS (Alex), retrained, LPIPS's setup", (), 70.54, (2.58, 3.59, 3.53)),
    (3, "LPIPS (Alex) ours, LPIPS's setup", (), 70.39, (0.66, 1.24, 1.79)),
    (3, "LPIPS (Alex), retrained, paper's setup", ("vanilla-alex",), 70.65, (2.87, 3.92, 3.74)),
    (3, "LPIPS (Alex) ours, paper's setup", ("stlpips-alex",), 70.48, (0.57, 1.06, 1.50)),
    (4, "L2", ("l2",), 58.16, (833, 2102, 2214)),
    (4, "SSIM", ("ssim",), 60.00, (349, 931, 1109)),
    (4, "PieAPP", ("pieapp-sparse", "pieapp-dense"), 75.44, (91, 134, 158)),
    (4, "E-LPIPS", ("elpips-vgg",), 74.44, (212, 251, 317)),
    (4, "DISTS", ("dists",), 75.63, (28, 36, 50)),
    (4, "PIM-1", ("pim-1",), 73.79, (13, 22, 33)),
    (4, "LPIPS (Alex)", ("lpips-alex",), 73.68, (90, 108, 121)),
    (4, "LPIPS (Alex), retrained on 64 px", ("vanilla-alex",), 76.53, (59, 51, 62)),
    (4, "LPIPS (Alex) ours, trained on 64 px", ("stlpips-alex",), 76.97, (17, 14, 21)),
)

PAPER_ROWS: tuple[PaperRow, ...] = tuple(
    PaperRow(
        table=table,
        label=label,
        metrics=metrics,
        two_afc=score,
        rank_flip_rate={} if table == 4 else {1: flips[0], 2: flips[1], 3: flips[2]},
        rank_flips={1: int(flips[0]), 2: int(flips[1]), 3: int(flips[2])} if table == 4 else {},
    )
    for table, label, metrics, score, flips in _ROWS
)


def paper_tables(layout: str, size_px: int | None, size_stated: bool) -> tuple[int, ...]:
    """Numbers of the paper's tables of a set at a size; both of BAPPS where the size is not known.

    >>> paper_tables("bapps", 64, True), paper_tables("bapps", None, True), paper_tables("bapps", None, False)
    ((2,), (3,), (2, 3))
    """
    if layout == "clic":
        return (4,) if size_px is None else ()
    if layout != "bapps":
        return ()
    if not size_stated:
        return (2, 3)
    return {64: (2,), BAPPS_SIZE_PX: (3,)}.get(size_px or BAPPS_SIZE_PX, ())


def paper_rows(tables: tuple[int, ...]) -> tuple[PaperRow, ...]:
    """The lines of these tables, in their order."""
    return tuple(row for row in PAPER_ROWS if row.table in tables)

"""A report as files: page, PDF, tables, figures and results, all of them or none."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import ImageFile

from analysis.errors import AnalysisError
from analysis.figure_style import draw, save
from analysis.report.content import Report
from analysis.report.page import page
from analysis.report.table_files import as_csv, as_latex

Step = Callable[[str], object]


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Raise `AnalysisError` where `write_report` would refuse `folder`, before the work that leads to it."""
    if folder.exists() and not folder.is_dir():
        raise AnalysisError(f"{folder} is a file; give the name of a folder.")
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise AnalysisError(f"{folder} cannot be written, for {above} is no folder that can; give another name.")
    if folder.is_dir() and any(folder.iterdir()):
        if not overwrite:
            raise AnalysisError(f"{folder} is not empty; give another name, or --force to replace a report.")
        if not (folder / "report.html").is_file():
            raise AnalysisError(f"{folder} holds no report, so it is not replaced; give another name.")


def write_report(
    report: Report, folder: Path, *, pdf: bool = True, overwrite: bool = False, step: Step | None = None
) -> list[str]:
    """Write `report.html`, `report.pdf`, `results.json`, `tables/` (CSV, LaTeX) and `figures/` (SVG, PDF).

    Args:
        folder: made if it is not there; a report in it is replaced where `overwrite`.
        pdf: also `report.pdf`, from the same page.
        step: called with the name of what is written next.

    Returns: sentences on what could not be written.

    Raises: `AnalysisError` where the folder is not empty, or a file cannot be written.
    """
    check_folder(folder, overwrite=overwrite)
    # Beside it, to take its place once everything is there.
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    problems: list[str] = []
    say = step or (lambda name: None)
    try:
        try:
            (draft / "tables").mkdir(parents=True)
            (draft / "figures").mkdir()
            say("figures")
            for figure in report.figures:
                drawn = draw(figure.plot, figure.size, report.label)
                for suffix in (".svg", ".pdf"):
                    save(drawn, draft / "figures" / f"{figure.name}{suffix}")
            say("page")
            html = page(report, draft / "figures")
            (draft / "report.html").write_text(html, encoding="utf-8")
            if pdf:
                say("PDF")
                problems += _write_pdf(html, draft / "report.pdf")
            say("tables")
            for table in report.tables:
                (draft / "tables" / f"{table.name}.csv").write_text(as_csv(table), encoding="utf-8")
                (draft / "tables" / f"{table.name}.tex").write_text(as_latex(table), encoding="utf-8")
            (draft / "results.json").write_text(_results(report), encoding="utf-8")
            _replace(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise AnalysisError(f"{folder} cannot be written: {error.strerror or error}; choose another.") from error
    return problems


def _results(report: Report) -> str:
    results = {name: result for section in report.sections for name, result in section.results.items()}
    document = {
        "title": report.title,
        **report.results,
        "left_out": list(report.left_out),
        "reproduce": dict(report.footer),
        "results": results,
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _replace(draft: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        before = folder.with_name(f".{folder.name}.{os.getpid()}.before")
        folder.rename(before)
        draft.rename(folder)
        shutil.rmtree(before, ignore_errors=True)
    else:
        draft.rename(folder)


def _write_pdf(html: str, path: Path) -> list[str]:
    # WeasyPrint makes Pillow take truncated images, in the whole process, where others count on their being refused.
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        import weasyprint
    except OSError as error:
        # WeasyPrint sets text with Pango, which is no Python package.
        return [
            f"report.pdf was not written: the library Pango is missing ({error}); install it (Debian: apt install "
            "libpango-1.0-0 libpangoft2-1.0-0), or print report.html from a browser."
        ]
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
    weasyprint.HTML(string=html).write_pdf(path)
    return []

"""Where responses come from: a study, an exported file or the published judgments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.columns.rule_columns import Responses
from analysis.errors import AnalysisError
from analysis.exclusions.marking import DEFAULT_RULES, known_rules, mark, rule_columns
from analysis.responses.judgment_list import parse_judgment_list
from analysis.responses.response_files import SUFFIXES, check_output, read_file, write_file
from analysis.responses.study_table import Open, read_study, write_study

if TYPE_CHECKING:
    import pandas as pd

PUBLISHED = "ghildyal2022"
PUBLISHED_TABLE1 = "ghildyal2022-table1"

# Whose answers they are and whether people's, that none is there twice, and what is excluded already.
_ALWAYS = ("study", "participant", "simulated", "trial", "excluded", "exclusion_reason")


def read_responses(
    source: str,
    study_rows: Open,
    rules: Sequence[str] = DEFAULT_RULES,
    columns: Collection[str] | None = None,
) -> pd.DataFrame:
    """The tidy response table of a source, checked, with the marks of the exclusion rules.

    Args:
        source: a study folder or database URL, a file that `shift-study export` wrote, or `ghildyal2022`
            (the published judgments; a folder of that name is `./ghildyal2022`).
        study_rows: gives the responses of a study folder or database URL, and None for any other source.
        rules: names of the rules that mark.
        columns: names of the columns that are needed, beside those of the rules, of the marks and of whose answer
            it is; all if left out. Others may lack, where that is quicker.

    Raises: `AnalysisError` where the source is none of these or its table is not valid, and where a name is no
        rule.
    """
    needed = None
    if columns is not None:
        needed = {*columns, *_needed_to_mark(rules)}
        if "image" in needed:
            needed |= {"photograph", "direction"}  # of which it is one crop, and which way that moved
    return mark(_read(source, study_rows, needed), rules)


def export_responses(
    source: str, study_rows: Open, path: Path, rules: Sequence[str] = DEFAULT_RULES, *, overwrite: bool = False
) -> Responses:
    """Write the responses of a source, with the marks of the exclusion rules; of a study not all are held at a time.

    Args:
        source: as of `read_responses`, and so are `study_rows` and `rules`.
        path: the file; its suffix says the format.
        overwrite: whether a file that is there is replaced.

    Returns: the marked responses; of a study, what the rules look at alone, as numbers.

    Raises: as `read_responses` and `write_file`.
    """
    check_output(path, overwrite=overwrite)
    opened = study_rows(source) if path.suffix.lower() != ".json" else None
    if opened is not None:
        with opened as study:
            return write_study(study, source, path, rules, _needed_to_mark(rules))
    responses = read_responses(source, study_rows, rules)
    write_file(responses, path, overwrite=overwrite)
    return responses


def _needed_to_mark(rules: Sequence[str]) -> set[str]:
    return {*_ALWAYS, *rule_columns(known_rules(rules))}


def is_counts(source: str) -> bool:
    """Whether a source is numbers of answers by shift instead of the answers themselves."""
    if source == PUBLISHED_TABLE1:
        return True
    path = Path(source)
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open("rb") as stream:
        header = stream.readline(10_000).decode("utf-8-sig", errors="replace")
    names = {name.strip() for name in header.split(",")}
    return {"same", "different"} <= names and "schema" not in names


def _read(source: str, study_rows: Open, columns: Collection[str] | None) -> pd.DataFrame:
    if source == PUBLISHED:
        return published_judgments()
    opened = study_rows(source)
    if opened is not None:
        with opened as study:
            return read_study(study, source, columns)
    if is_counts(source):
        raise AnalysisError(
            f"{source} holds numbers of answers and not the answers; psychometric and dprime take it, other analyses "
            "need the answers."
        )
    path = Path(source)
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        return read_file(path, columns)
    problem = "is a file of another kind" if path.is_file() else "does not exist"
    raise AnalysisError(
        f"{source} {problem}; name a study folder, a database URL, an exported file "
        f"({', '.join(SUFFIXES)}) or {PUBLISHED} (psychometric and dprime also take numbers of answers: a .csv file "
        f"with shift_px, same and different, or {PUBLISHED_TABLE1})."
    )


def published_judgments() -> pd.DataFrame:
    """The 1,158 published answers to 301 pairs of Ghildyal & Liu 2022; they are of people, of which ones is unknown.

    Each image is a photograph of its own: 50 of MSCOCO's test set, one crop of each (Section 3).
    """
    import pandas as pd

    file = resources.files("analysis.responses") / "data" / PUBLISHED / "user_jnd.json"
    table = parse_judgment_list(file.read_text(encoding="utf-8"), study=PUBLISHED, origin=PUBLISHED)
    return table.assign(photograph=table["image"], simulated=pd.array([False] * len(table), dtype="boolean"))

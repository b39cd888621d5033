"""Triplets that are there already, as files: in folders, in folders of BAPPS's layout, or listed in a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from study_server.errors import StudyError
from study_server.stimuli.image_sources import can_be_recorded
from study_server.stimuli.photographs import SUFFIXES
from study_server.tasks.two_afc.manifest_row import CATCH_ANSWERS, ROLES, Compared, Role

TABLE = "triplets.csv"
LAYOUTS = (("ref", "first", "second"), ("ref", "p0", "p1"))
"""Folders of the reference and of the two images that are compared with it; the second as in Zhang et al. 2018."""
JUDGMENTS = "judge"
_TEXTS = ("distortion_first", "distortion_second", "catch_answer", "licence")
_UNRECORDABLE = "its name is not UTF-8 or has control characters; rename it"


@dataclass(frozen=True)
class TripletFiles:
    """The files of one triplet by role, relative to their folder, and what is said about them.

    Attributes:
        name: what it is called where it is passed over.
        category: the folder that it lies in; empty where there are no categories.
        judgment: the NumPy file of the share of people who preferred the second.
    """

    name: str
    files: Mapping[Role, str]
    category: str = ""
    distortions: Mapping[Compared, str] = field(default_factory=dict)
    catch_answer: str = ""
    licence: str = ""
    judgment: str | None = None


def has_triplets(path: Path) -> bool:
    """Whether a path is taken for triplets: a CSV file, or a folder with triplets.csv, or with `ref` anywhere."""
    if path.is_file():
        return path.suffix.lower() == ".csv"
    return path.is_dir() and ((path / TABLE).is_file() or next(_homes(path), None) is not None)


def read_table(path: Path) -> tuple[list[TripletFiles], dict[str, str]]:
    """Triplets of a CSV file, which names images relative to its folder.

    Raises StudyError for a file that is no such table, and a column that is none of reference, first, second,
    distortion_first, distortion_second, catch_answer and licence.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")  # spreadsheets put a byte order mark before it
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found: list[TripletFiles] = []
    lines: dict[tuple[str, ...], int] = {}
    try:
        _refuse_columns(path, list(reader.fieldnames or []))
        for record in reader:
            where = f"{path}, line {reader.line_num}"
            files = _files_of(record, where)
            line = lines.setdefault(tuple(files.values()), reader.line_num)
            if line != reader.line_num:
                raise StudyError(f"{where}: it names the same images as line {line}; remove one of them")
            texts = {name: record.get(name) or "" for name in _TEXTS}
            for name, value in texts.items():
                if not can_be_recorded(value):
                    raise StudyError(f"{where}: {name} is {value!r}; control characters are not allowed in it")
            if texts["catch_answer"] not in CATCH_ANSWERS:
                raise StudyError(
                    f"{where}: catch_answer is {texts['catch_answer']!r}; allowed is first, second, or nothing where "
                    "it is no catch"
                )
            found.append(
                TripletFiles(
                    name=f"line {reader.line_num}",
                    files=files,
                    distortions={"first": texts["distortion_first"], "second": texts["distortion_second"]},
                    catch_answer=texts["catch_answer"],
                    licence=texts["licence"],
                )
            )
    except csv.Error as error:
        raise StudyError(f"{path}, line {reader.reader.line_num}: {error}") from error
    if not found:
        raise StudyError(f"{path} lists no triplets: write a line with reference, first and second for each")
    return found, {}


def _refuse_columns(path: Path, columns: list[str]) -> None:
    for name in columns:
        if name not in (*ROLES, *_TEXTS):
            raise StudyError(
                f"{path}: there is no column {name!r}; there are {', '.join(ROLES)} and, where known, "
                f"{', '.join(_TEXTS)}"
            )
        if columns.count(name) > 1:
            raise StudyError(f"{path}: two columns are called {name}; rename or remove one of them")
    for role in ROLES:
        if role not in columns:
            raise StudyError(f"{path}: column {role} is missing; {', '.join(ROLES)} name the images of a triplet")


def _files_of(record: dict[str, str], where: str) -> dict[Role, str]:
    if None in record:
        raise StudyError(f"{where}: it has more values than there are columns; put quotes around a value with a comma")
    files: dict[Role, str] = {}
    for role in ROLES:
        file = record[role] or ""
        parts = PurePosixPath(file).parts
        if not file or file.startswith("/") or ".." in parts or not can_be_recorded(file):
            raise StudyError(f"{where}: {role} is {file!r}; allowed is a path inside the folder of {TABLE}")
        files[role] = PurePosixPath(file).as_posix()
    return files


def read_folders(folder: Path) -> tuple[list[TripletFiles], dict[str, str]]:
    """Triplets of a folder with `ref`, `first` and `second` (or `p0` and `p1`), or of all folders below it that have.

    Images of one name belong together, and a file of that name in `judge`, where there is one. Those that lack a
    partner are left out: name → reason.
    Raises StudyError for a folder without triplets, without one of the three, and with two images of one name.
    """
    found: list[TripletFiles] = []
    skipped: dict[str, str] = {}
    for home in _homes(folder):
        found += _of_one_folder(folder, home, skipped)
    if not found:
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in list(skipped.items())[:5])
        raise StudyError(
            f"{folder} contains no triplets: put images of one name in its folders ref, first and second, or list them "
            f"in {TABLE}{reasons}"
        )
    return found, skipped


def _homes(folder: Path) -> Iterator[Path]:
    """Folders with triplets: the folder itself, or those below it."""
    if (folder / "ref").is_dir():
        yield folder
    else:
        yield from sorted(path.parent for path in folder.rglob("ref") if path.is_dir())


def _of_one_folder(folder: Path, home: Path, skipped: dict[str, str]) -> Iterator[TripletFiles]:
    layout = next((names for names in LAYOUTS if (home / names[1]).is_dir() or (home / names[2]).is_dir()), LAYOUTS[0])
    for name in layout:
        if not (home / name).is_dir():
            raise StudyError(
                f"{home} has no folder {name}: triplets lie in " + ", or in ".join(map(", ".join, LAYOUTS))
            )
    judged = (home / JUDGMENTS).is_dir()
    names = (*layout, JUDGMENTS) if judged else layout
    files = {name: _by_stem(home / name, {".npy"} if name == JUDGMENTS else SUFFIXES) for name in names}
    category = home.relative_to(folder).as_posix() if home != folder else ""
    for stem in sorted(set().union(*files.values())):
        triplet = f"{category}/{stem}" if category else stem
        lacking = [name for name in names if stem not in files[name]]
        if not can_be_recorded(triplet):
            skipped[ascii(triplet)] = _UNRECORDABLE
        elif lacking:
            skipped[triplet] = f"there is no {stem} in {lacking[0]}; add it"
        else:
            paths = [files[name][stem].relative_to(folder).as_posix() for name in names]
            yield TripletFiles(
                name=triplet,
                files=dict(zip(ROLES, paths[:3], strict=True)),
                category=category,
                judgment=paths[3] if judged else None,
            )


def _by_stem(folder: Path, suffixes: set[str] | frozenset[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file():
            if path.stem in found:
                raise StudyError(f"{path} and {found[path.stem].name} have one name; remove or rename one of them")
            found[path.stem] = path
    return found

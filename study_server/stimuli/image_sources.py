"""Where the photographs of a study come from: the demo set, a folder, or MSCOCO."""

from __future__ import annotations

import importlib.util
import mimetypes
import random
import unicodedata
from collections import Counter
from contextlib import suppress
from pathlib import Path

from study_server.errors import StudyError
from study_server.stimuli.coco_downloads import downloads_folder
from study_server.stimuli.photographs import SUFFIXES, Photograph, PhotographSource

_RAW = frozenset(
    {
        ".3fr", ".arw", ".bay", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".kdc", ".mef",
        ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw",
        ".x3f",
    }
)  # fmt: skip
_UNREADABLE = {
    **dict.fromkeys(_RAW, "camera raw"),
    ".jxl": "JPEG XL", ".jxr": "JPEG XR", ".psd": "Photoshop", ".psb": "Photoshop", ".xcf": "GIMP", ".svg": "SVG",
    ".svgz": "SVG", ".eps": "PostScript", ".ai": "Illustrator", ".exr": "OpenEXR", ".hdr": "Radiance HDR",
    ".jp2k": "JPEG 2000", ".j2k": "JPEG 2000", ".jpx": "JPEG 2000", ".j2c": "JPEG 2000", ".jpf": "JPEG 2000",
    ".bpg": "BPG", ".tga": "Targa", ".pcx": "PCX", ".ico": "icon", ".icns": "icon", ".dds": "DirectDraw Surface",
    ".heics": "HEIC sequence", ".heifs": "HEIC sequence", ".avifs": "AVIF sequence", ".livp": "Live Photo",
    ".pbm": "PBM", ".pnm": "PNM", ".pam": "PAM", ".dib": "DIB", ".apng": "animated PNG", ".mpo": "MPO", ".jps": "JPS",
    ".qoi": "QOI", ".fits": "FITS", ".dcm": "DICOM", ".wmf": "WMF", ".emf": "EMF", ".kra": "Krita", ".cur": "icon",
}  # fmt: skip
_KINDS = mimetypes.MimeTypes()  # Python's own, and not what this machine knows beside them
# How files begin that are read under their own name, and come without it from some downloads.
_BEGINNINGS = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n": "PNG", b"GIF8": "GIF", b"II*\0": "TIFF", b"MM\0*": "TIFF",
}  # fmt: skip
_NAMELESS = " without a suffix"
_OF_SYSTEMS = frozenset({"thumbs.db", "desktop.ini", "__macosx", "ehthumbs.db", "$recycle.bin"})

_CC0 = "CC0 1.0"
_PUBLIC_DOMAIN = "public domain"
_CC_BY = "CC BY 2.0"
# name: (package, path inside it, licence as that package states it, where it can be seen)
_DEMO = {
    "astronaut.png": ("skimage", "data", _PUBLIC_DOMAIN, "https://flic.kr/p/r9qvLn"),
    "coffee.png": ("skimage", "data", _CC0, ""),
    "hubble_deep_field.jpg": ("skimage", "data", _PUBLIC_DOMAIN, "https://hubblesite.org/"),
    "retina.jpg": ("skimage", "data", _CC0, ""),
    "camera.png": ("skimage", "data", _CC0, ""),
    "brick.png": ("skimage", "data", _CC0, ""),
    "grass.png": ("skimage", "data", _CC0, ""),
    "gravel.png": ("skimage", "data", _CC0, ""),
    "china.jpg": (
        "sklearn",
        "datasets/images",
        _CC_BY,
        "https://www.flickr.com/photos/danielbuechele/6061409035",
    ),
    "flower.jpg": (
        "sklearn",
        "datasets/images",
        _CC_BY,
        "https://www.flickr.com/photos/vultilion/6056698931",
    ),
}
# Kept apart, so that nobody practises on a photograph of the study.
_DEMO_PRACTICE = {
    "chelsea.png": ("skimage", "data", _CC0, ""),
    "rocket.jpg": ("skimage", "data", _PUBLIC_DOMAIN, ""),
}


def demo_photographs(*, practice: bool = False) -> PhotographSource:
    """Photographs that come inside the installed scikit-image and scikit-learn packages."""
    photographs = []
    for name, (package, folder, licence, url) in (_DEMO_PRACTICE if practice else _DEMO).items():
        spec = importlib.util.find_spec(package)  # finds the folder without running the package
        if spec is None or not spec.submodule_search_locations:
            raise StudyError(
                f"the demo photograph {name} comes with the package {package}, which is not installed: "
                'run pip install "shift-study"'
            )
        path = Path(spec.submodule_search_locations[0]) / folder / name
        if not path.is_file():
            raise StudyError(f"the installed {package} no longer contains the demo photograph {name}")
        photographs.append(Photograph(path, name, url, licence))
    return PhotographSource("demo", photographs, several_crops=True)


def folder_photographs(folder: Path, seed: int) -> PhotographSource:
    """Image files of a folder (subfolders too), in an order drawn by `seed`. Raises StudyError if there are none."""
    location = str(folder.resolve())
    if not can_be_recorded(location):
        raise StudyError(f"the name of the folder {location!r} is not UTF-8 or has control characters: rename it")
    found = sorted(p for p in folder.rglob("*") if p.is_file() and not _is_of_the_system(p.relative_to(folder)))
    files = [path for path in found if path.suffix.lower() in SUFFIXES]
    unreadable = {path: form for path in found if (form := unreadable_form(path))}
    if not files:
        others = "".join(f"; {count} {form}" for form, count in sorted(Counter(unreadable.values()).items()))
        raise StudyError(
            f"{folder} contains no images that can be read{others}: put photographs ({', '.join(sorted(SUFFIXES))}) "
            "in it or name another folder"
        )
    random.Random(f"{seed}/photographs").shuffle(files)
    photographs: list[Photograph] = []
    skipped: dict[str, str] = {}
    for path, form in unreadable.items():
        name = path.relative_to(folder).as_posix()
        reason = f"{form}: add it to its name" if form.endswith(_NAMELESS) else f"{form} cannot be read; save it as PNG"
        skipped[name if can_be_recorded(name) else ascii(name)] = reason
    for path in files:
        name = path.relative_to(folder).as_posix()
        if can_be_recorded(name):
            photographs.append(Photograph(path, name))
        else:
            skipped[ascii(name)] = "its name is not UTF-8 or has control characters; rename it"
    return PhotographSource(location, photographs, skipped=skipped)


def unreadable_form(path: Path) -> str:
    """What a file is that looks like a picture and is none of those which are read; empty for others.

    By its name; without a suffix, by how it begins.
    """
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return ""
    if suffix in _UNREADABLE:
        return _UNREADABLE[suffix]
    if not suffix:
        with suppress(OSError), path.open("rb") as file:
            beginning = file.read(16)
            found = [form for first, form in _BEGINNINGS.items() if beginning.startswith(first)]
            return f"{found[0]}{_NAMELESS}" if found else ""
    kind = _KINDS.guess_type(path.name)[0] or ""
    return kind if kind.startswith("image/") else ""


def _is_of_the_system(name: Path) -> bool:
    """Whether a file, by its name in the folder, is hidden or put there by an operating system, and no photograph."""
    return any(part.startswith(".") or part.lower() in _OF_SYSTEMS for part in name.parts)


def can_be_recorded(name: str) -> bool:
    """Whether a file name can stand in a CSV file in UTF-8: not one in another encoding, or with a line end in it."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)


def locate(source: str, name: str) -> Path | None:
    """The file of a photograph named in a manifest, or None where this machine does not have it any more."""
    if source == "demo":
        known = {p.name: p.path for p in demo_photographs().photographs + demo_photographs(practice=True).photographs}
        return known.get(name)
    path = downloads_folder(source.removeprefix("coco:")) / name if source.startswith("coco:") else Path(source) / name
    return path if path.is_file() else None


def photographs_in(source: str, seed: int) -> PhotographSource:
    """Photographs of `demo` or a folder. Raises StudyError where the source is neither."""
    if source == "demo":
        return demo_photographs()
    if source and Path(source).is_dir():
        return folder_photographs(Path(source), seed)
    raise StudyError(
        f"{source!r} is no source of images: give demo, a folder of images, or coco:SPLIT such as coco:test2017"
    )

"""Photographs of MSCOCO: chosen by seed from the official image-info JSON, and only those downloaded."""

from __future__ import annotations

import json
import random
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from study_server.errors import StudyError
from study_server.stimuli.coco_downloads import downloads_folder
from study_server.stimuli.download import PATIENCE, NotAvailable, Patience, fetch
from study_server.stimuli.photographs import Photograph, PhotographSource, read_pixels

BASE_URL = "http://images.cocodataset.org"
_PARALLEL = 8


@dataclass(frozen=True)
class _Info:
    """The archive that carries a split's image-info JSON."""

    archive: str
    member: str
    size: int
    sha256: str


def _test(year: int, size: int, sha256: str) -> _Info:
    return _Info(f"image_info_test{year}.zip", f"annotations/image_info_test{year}.json", size, sha256)


def _labelled(split: str, year: int, size: int, sha256: str) -> _Info:
    return _Info(f"annotations_trainval{year}.zip", f"annotations/instances_{split}{year}.json", size, sha256)


_TRAINVAL_2014 = (2014, 252_872_794, "031296bbc80c45a1d1f76bf9a90ead27e94e99ec629208449507a4917a3bf009")
_TRAINVAL_2017 = (2017, 252_907_541, "113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268")
# Sizes (bytes) and SHA-256 as TensorFlow Datasets records them (url_checksums/coco.txt).
SPLITS = {
    "test2014": _test(2014, 763_464, "7cecc66f6b09c1671c1896a1bcc1f35eb09b7fcf00a5c18420a5f0f5983dc8c9"),
    "test2015": _test(2015, 1_887_164, "cf400242f8497257fb8a3e369bc766491f4a7e42625fb3d72555504e9a8c3b18"),
    "test2017": _test(2017, 1_144_034, "e52f412dd7195ac8f98d782b44c6dd30ea10241e9f42521f67610fbe055a74f8"),
    "val2014": _labelled("val", *_TRAINVAL_2014),
    "train2014": _labelled("train", *_TRAINVAL_2014),
    "val2017": _labelled("val", *_TRAINVAL_2017),
    "train2017": _labelled("train", *_TRAINVAL_2017),
}


def coco_photographs(
    split: str,
    *,
    count: int,
    least: tuple[int, int],
    seed: int,
    info_file: Path | None = None,
    base_url: str = BASE_URL,
    patience: Patience = PATIENCE,
) -> PhotographSource:
    """`count` photographs of a split of at least `least` pixels (width, height), chosen by `seed` and downloaded.

    Image info comes from `info_file` (the official JSON, or the archive with it) or is downloaded once. A photograph
    that the server does not have, or that cannot be decoded, is replaced by the next in the drawn order and reported.
    Raises StudyError where the split is unknown, the info is not what it should be, or the server cannot be reached.
    """
    if split not in SPLITS:
        raise StudyError(f"coco:{split} is no split of MSCOCO; there are {', '.join('coco:' + s for s in SPLITS)}")
    folder = downloads_folder(split)
    images, licences = _read_info(
        info_file or _fetch_info(SPLITS[split], folder.parent, base_url, patience), SPLITS[split].member
    )
    large_enough = sorted(
        (i for i in images if i["width"] >= least[0] and i["height"] >= least[1]), key=lambda i: int(i["id"])
    )
    if len(large_enough) < count:
        raise StudyError(
            f"coco:{split} has {len(large_enough)} images of at least {least[0]}x{least[1]} pixels, "
            f"and {count} are needed: lower --count or --size"
        )
    random.Random(f"{seed}/photographs").shuffle(large_enough)
    chosen, skipped = _download(large_enough, count, least, folder, patience)
    photographs = [
        Photograph(
            folder / i["file_name"],
            i["file_name"],
            str(i.get("flickr_url") or ""),
            licences.get(i.get("license"), ""),
        )
        for i in chosen
    ]
    return PhotographSource(f"coco:{split}", photographs, skipped=skipped)


def _fetch_info(info: _Info, folder: Path, base_url: str, patience: Patience) -> Path:
    path = folder / info.archive
    url = f"{base_url}/annotations/{info.archive}"
    if not path.exists():
        print(f"downloading {url} ({info.size / 1e6:.1f} MB) to {path}", file=sys.stderr)
    with tqdm(total=info.size, unit="B", unit_scale=True, desc=info.archive, leave=False, delay=1.0) as bar:
        fetch(url, path, size=info.size, sha256=info.sha256, patience=patience, on_bytes=bar.update)
    return path


_REQUIRED = {"id": int, "file_name": str, "width": int, "height": int, "coco_url": str}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")  # as all of MSCOCO's are; it becomes a file on this machine


def _read_info(path: Path, member: str) -> tuple[list[dict[str, Any]], dict[Any, str]]:
    """Images and names of licences by id, from the official JSON or the archive with it."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                text = archive.read(member).decode()
        else:
            text = path.read_text(encoding="utf-8-sig")
        info = json.loads(text)
        images: list[dict[str, Any]] = info["images"]
        licences = {entry["id"]: str(entry["name"]) for entry in info.get("licenses") or []}
        for image in images:
            if not all(isinstance(image[key], kind) for key, kind in _REQUIRED.items()):
                raise TypeError
    except FileNotFoundError as error:
        raise StudyError(f"{path} is missing: --coco-info names the official image-info JSON") from error
    except (
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
        OSError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise StudyError(
            f"{path} is not an image-info JSON of MSCOCO, or the archive with {member}: a list `images` with id, "
            "file_name, width, height, coco_url is expected"
        ) from error
    for image in images:
        if not _PLAIN_NAME.fullmatch(image["file_name"]):
            raise StudyError(
                f"{path}: file_name {image['file_name']!r} is not a plain name of letters, digits, . - and _"
            )
        if not image["coco_url"].startswith(("http://", "https://")):
            raise StudyError(f"{path}: coco_url {image['coco_url']!r} is not an address that begins with http")
    return images, licences


def _download(
    candidates: list[dict[str, Any]], count: int, least: tuple[int, int], folder: Path, patience: Patience
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The first `count` candidates that can be had, in order, and the reasons of those that could not."""
    chosen: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    rest: Iterator[dict[str, Any]] = iter(candidates)
    with (
        tqdm(total=count, unit="image", desc="downloading photographs", leave=False, delay=1.0) as bar,
        ThreadPoolExecutor(_PARALLEL) as pool,
    ):
        while len(chosen) < count:
            batch = [image for image, _ in zip(rest, range(count - len(chosen)), strict=False)]
            # More refusals than images wanted: something is wrong with the server or the info, not with single files.
            if not batch or len(skipped) > count:
                first = next(iter(skipped.items()))
                raise StudyError(
                    f"only {len(chosen)} of {count} photographs could be downloaded; {first[0]}: {first[1]}"
                )
            reasons = pool.map(lambda image: _try(image, least, folder, patience), batch)
            for image, reason in zip(batch, reasons, strict=True):
                if reason is None:
                    chosen.append(image)
                    bar.update()
                else:
                    skipped[image["file_name"]] = reason
    return chosen, skipped


def _try(image: dict[str, Any], least: tuple[int, int], folder: Path, patience: Patience) -> str | None:
    """Download one image; the reason if it cannot be had or used."""
    width = height = 0

    def verify(path: Path) -> None:
        nonlocal width, height
        height, width = read_pixels(path).shape[:2]
        # Recorded sizes are those of the stored pixels; EXIF orientation may turn them.
        if sorted((height, width)) != sorted((image["height"], image["width"])):
            raise StudyError(f"{width}x{height} pixels where the info says {image['width']}x{image['height']}")

    try:
        fetch(image["coco_url"], folder / image["file_name"], verify=verify, patience=patience)
    except NotAvailable as error:
        return str(error)
    if width < least[0] or height < least[1]:
        return f"{width}x{height} pixels when upright; {least[0]}x{least[1]} are needed"
    return None

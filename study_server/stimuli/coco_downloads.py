"""Where photographs of MSCOCO are kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def downloads_folder(split: str) -> Path:
    """Where the downloads of a split are kept, so that they are made once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "shift-study" / "coco" / split

"""plotly.js as it lies in the installed package plotly, served from here."""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

# It writes a style sheet for maps into each page, unless the page has an element of this id already. We draw no maps,
# and the Content-Security-Policy allows no style sheet in a page.
_MAP_STYLES = re.compile(rb'getElementById\("([0-9a-f]{64})"\)')


def plotly_version() -> str:
    """Version of the package: a part of the address, so that browsers may keep the file for good."""
    return version("plotly")


@lru_cache(maxsize=1)
def plotly_js() -> bytes:
    """The library, compressed with gzip."""
    return gzip.compress(_source(), 6, mtime=0)


@lru_cache(maxsize=1)
def map_styles_id() -> str:
    """Id of the element that keeps the library from writing its style sheet for maps; empty if it has none."""
    found = _MAP_STYLES.search(_source())
    return found.group(1).decode() if found else ""


def _source() -> bytes:
    # Not `import plotly`, which takes a second.
    spec = find_spec("plotly")
    assert spec is not None and spec.origin is not None
    return (Path(spec.origin).parent / "package_data" / "plotly.min.js").read_bytes()


def decompressed(body: bytes) -> bytes:
    """What `plotly_js` has compressed, for a browser that takes it only so."""
    return gzip.decompress(body)

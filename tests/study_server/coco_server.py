"""A server on this machine that lays its files out like that of MSCOCO, with faults on demand."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

LICENCE = "Attribution-NonCommercial License"


def jpeg(width: int, height: int, seed: int, **options: Any) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


class CocoServer:
    """Files by path, faults by path (one is used up by each request), and every request that came."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Callable[[_Handler], None]]] = defaultdict(list)
        self.requests: list[tuple[str, str | None]] = []
        self.ranges = True
        self.over = threading.Event()
        self.address = ""

    @property
    def paths(self) -> list[str]:
        """Paths asked for, in order."""
        return [path for path, _ in self.requests]

    def image(self, number: int, width: int = 90, height: int = 80) -> dict[str, Any]:
        """Serve a photograph; its entry in the image info."""
        name = f"{number:012d}.jpg"
        self.files[f"/test2017/{name}"] = jpeg(width, height, number)
        return {
            "id": number, "file_name": name, "width": width, "height": height, "license": 2,
            "coco_url": f"{self.address}/test2017/{name}", "flickr_url": f"http://flickr.example/{number}",
            "date_captured": "2013-11-14 16:28:13",
        }  # fmt: skip


def info_json(images: list[dict[str, Any]]) -> bytes:
    licences = [{"id": 1, "name": "another", "url": ""}, {"id": 2, "name": LICENCE, "url": ""}]
    return json.dumps({"info": {"year": 2017}, "images": images, "licenses": licences, "categories": []}).encode()


def archive(member: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr(member, content)
    return file.getvalue()


class _Handler(BaseHTTPRequestHandler):
    coco: CocoServer

    def do_GET(self) -> None:
        self.coco.requests.append((self.path, self.headers["Range"]))
        if self.coco.faults[self.path]:
            self.coco.faults[self.path].pop(0)(self)
        elif self.path in self.coco.files:
            self.send(self.coco.files[self.path])
        else:
            self.send_error(404)

    def send(self, content: bytes, *, stop_after: int | None = None) -> None:
        """Send a file, or the asked part of it; with `stop_after`, only so many bytes of what the header promises."""
        asked = self.headers["Range"] if self.coco.ranges else None
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if begin >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        self.wfile.write(content[begin:][:stop_after])
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


def breaks_off(after: int) -> Callable[[_Handler], None]:
    """The connection ends after so many bytes of the body."""
    return lambda handler: handler.send(handler.coco.files[handler.path], stop_after=after)


def stalls(after: int) -> Callable[[_Handler], None]:
    """So many bytes come, then none for longer than anybody waits."""

    def fault(handler: _Handler) -> None:
        handler.send(handler.coco.files[handler.path], stop_after=after)
        handler.coco.over.wait()

    return fault


def answers(status: int) -> Callable[[_Handler], None]:
    """An error."""
    return lambda handler: handler.send_error(status)


def sends(content: bytes) -> Callable[[_Handler], None]:
    """Something else, whole."""
    return lambda handler: handler.send(content)


@contextmanager
def coco_server() -> Iterator[CocoServer]:
    """A running server; it stops at the end of the block."""
    coco = CocoServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"coco": coco}))
    coco.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield coco
    finally:
        coco.over.set()
        server.shutdown()
        thread.join()
        server.server_close()

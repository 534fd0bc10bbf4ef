"""A web server that has models, and one bad habit at a time."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from monitor.asr.models.manifest import Entry, File, Manifest, Needs, Source, Text

FOLDER = "sherpa-onnx-small-2026"
CONTENT = {
    "model.int8.onnx": bytes(range(256)) * 1200,
    "tokens.txt": "<blk> 0\n你 1\n好 2\n".encode(),
}


@dataclass
class Site:
    """What the server has and does; `asked` is every request as (path, Range header)."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    break_after: dict[str, list[int]] = field(default_factory=dict)  # bytes before each break
    ranges: bool = True


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.site.asked.append((self.path, wanted))
        content = self.site.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = 0
        if wanted is not None and self.site.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        breaks = self.site.break_after.get(self.path)
        if breaks:
            body = body[: breaks.pop(0)]
        self.wfile.write(body)
        if len(body) < len(content) - start:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Silent."""


@pytest.fixture
def site() -> Iterator[Site]:
    """A server on this machine, reached as any other would be."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    site = Site(f"http://127.0.0.1:{server.server_port}")
    handler.site = site  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models go, and nothing of this machine's own settings."""
    for name in ("HF_ENDPOINT", "MONITOR_MODEL_MIRROR", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    store = tmp_path / "store"
    monkeypatch.setenv("MONITOR_MODELS", str(store))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return store


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry(*sources: Source, name: str = "small", sums: bool = True) -> Entry:
    """A model of two files."""
    return Entry(
        name=name,
        engine="sherpa",
        good_for=Text(zh="试验", en="trials"),
        uses=("live",),
        languages=("zh",),
        licence="Apache-2.0",
        size_mb=1,
        needs=Needs(memory_gb=0.1),
        sources=sources,
        files=tuple(
            File(path=path, size=len(content), sha256=sha(content) if sums else None)
            for path, content in CONTENT.items()
        ),
    )


def manifest(*entries: Entry) -> Manifest:
    return Manifest(models=entries)


def tar(folder: str, content: dict[str, bytes], mode: str = "w:bz2") -> bytes:
    """An archive as publishers pack them: a folder with more in it than is needed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for path, data in {**content, "README.md": b"# hello"}.items():
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def silent(name: str, have: int, total: int | None) -> None:
    """No progress is shown."""

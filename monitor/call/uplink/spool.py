"""A call's events on disk until the server has them: one JSON line each.

{"to": "ws://…", "key": "…", "info": {…}}          the first line
{"now_ms": 5120, "event": {…}}                     event 0, 1, 2, …
{"close": true, "score": {…}}                      the last line, once the call is over
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from monitor.base.errors import UserError
from monitor.base.file_locks import hold
from monitor.base.i18n import tr


@dataclass(frozen=True, slots=True)
class Head:
    """Where a call goes and what it says of itself; `info` is its CallInfo event."""

    to: str
    key: str
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """An event on its way: its JSON text, and the call time up to which audio had arrived."""

    now_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Closing:
    """The call is over; `score` is its card, None when it was cut off before it had one."""

    score: Mapping[str, Any] | None


class Spool:
    """The file of one call, held by this process alone while it is open."""

    def __init__(self, path: Path, head: Head, file: IO[str]) -> None:
        self.path = path
        self.head = head
        self._file = file

    @classmethod
    def create(cls, folder: Path, head: Head) -> Spool:
        """A new file in the folder.

        Raises:
            UserError: the folder cannot be written.
        """
        path = folder / f"{head.key}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = path.open("x", encoding="utf-8", newline="\n")
            hold(file)
            file.write(json.dumps({"to": head.to, "key": head.key, "info": head.info}) + "\n")
            file.flush()
        except OSError as error:
            raise UserError(
                tr(
                    f"{path}：不能写入待发送的通话：{error.strerror}。请检查磁盘空间和权限",
                    f"{path}: cannot keep the call until it is sent: {error.strerror};"
                    " check disk space and permissions",
                )
            ) from error
        return cls(path, head, file)

    @classmethod
    def take_over(cls, path: Path) -> tuple[Spool, list[Item], Closing | None] | None:
        """A file that an earlier run left, with what is in it; None when it is in use or empty.

        A last line that was cut off when its writer died is dropped.
        """
        try:
            file = path.open("r+", encoding="utf-8", newline="\n")
        except OSError:
            return None
        if not hold(file):
            file.close()
            return None
        lines = list(_whole_lines(file))
        if not lines:
            file.close()
            path.unlink(missing_ok=True)
            return None
        head = Head(lines[0]["to"], lines[0]["key"], lines[0]["info"])
        items = [
            Item(line["now_ms"], json.dumps(line["event"], ensure_ascii=False))
            for line in lines[1:]
            if "event" in line
        ]
        closing = Closing(lines[-1]["score"]) if lines[-1].get("close") else None
        return cls(path, head, file), items, closing

    def add(self, items: list[Item]) -> None:
        """Append events; they outlive this process from here on.

        Raises:
            OSError: the disk is full.
        """
        for item in items:
            self._file.write(f'{{"now_ms": {item.now_ms}, "event": {item.text}}}\n')
        self._file.flush()

    def close(self, closing: Closing) -> None:
        """Append that the call is over.

        Raises:
            OSError: the disk is full.
        """
        self._file.write(json.dumps({"close": True, "score": closing.score}) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def set_aside(self) -> Path:
        """Keep the file, but out of the way of what is still to be sent; returns where it is."""
        aside = self.path.with_suffix(".refused")
        self._file.close()  # Windows renames nothing that is open
        try:
            self.path.replace(aside)
        except OSError:
            return self.path  # then the next run asks again
        return aside

    def release(self, delivered: bool) -> None:
        """Let go of the file; it goes away when the server has everything."""
        self._file.close()
        if delivered:
            self.path.unlink(missing_ok=True)


def left_behind(folder: Path, to: str) -> Iterator[Path]:
    """Files of earlier calls to the same server, oldest first."""
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime):
        try:
            with path.open(encoding="utf-8") as file:
                first = next(_whole_lines(file), None)
        except (OSError, UnicodeDecodeError):
            continue
        if first is not None and first.get("to") == to:
            yield path


def _whole_lines(file: IO[str]) -> Iterator[dict[str, Any]]:
    for line in file:
        if not line.endswith("\n"):
            return
        try:
            data = json.loads(line)
        except ValueError:
            return
        if not isinstance(data, dict):
            return
        yield data

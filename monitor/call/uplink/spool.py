"""A call's events on disk until the server has them: one JSON line each.

{"to": "ws://…", "key": "…", "info": {…}}          the first line
{"now_ms": 5120, "event": {…}}                     event 0, 1, 2, …
{"close": true, "score": {…}}                      the last line, once the call is over

An event's number is its line: the file never lacks one in the middle. What the disk did not take
is written first when it takes something again; a line that was damaged later is read as a `Gap`.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from monitor.base import private
from monitor.base.errors import UserError
from monitor.base.file_locks import hold
from monitor.base.i18n import tr
from monitor.events import Gap, Party, from_json, to_json


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


class DamagedError(Exception):
    """A file of the folder that holds a call no more, or nobody can say for whom."""


class Spool:
    """The file of one call, held by this process alone while it is open."""

    def __init__(self, path: Path, head: Head, file: BinaryIO) -> None:
        self.path = path
        self.head = head
        self._file = file
        self._end = file.seek(0, os.SEEK_END)  # where the last whole line ends
        self._waiting: list[bytes] = []  # lines that the disk has not taken

    @classmethod
    def create(cls, folder: Path, head: Head) -> Spool:
        """A new file in the folder.

        Raises:
            UserError: the folder cannot be written.
        """
        path = folder / f"{head.key}.jsonl"
        try:
            private.make_folder(folder)
            number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
            file = os.fdopen(number, "r+b", buffering=0)
            hold(file)
            spool = cls(path, head, file)
            spool._put(_line({"to": head.to, "key": head.key, "info": head.info}))
        except OSError as error:
            raise UserError(
                tr(
                    f"{path}：不能写入待发送的通话：{error.strerror}。请检查磁盘空间和权限",
                    f"{path}: cannot keep the call until it is sent: {error.strerror};"
                    " check disk space and permissions",
                )
            ) from error
        return spool

    @classmethod
    def take_over(cls, path: Path) -> tuple[Spool, list[Item], Closing | None] | None:
        """A file that an earlier run left, with what is in it; None when it is in use or empty.

        A last line that was cut off when its writer died is dropped.

        Raises:
            DamagedError: it does not say where the call goes; the file is set aside.
        """
        try:
            file = path.open("r+b", buffering=0)
        except OSError:
            return None
        if not hold(file):
            file.close()
            return None
        try:
            lines = list(_whole_lines(file))
        except OSError:  # a sector that cannot be read: the others wait for nothing
            file.close()
            return None
        if not lines:
            file.close()
            path.unlink(missing_ok=True)
            return None
        head = _head(lines[0])
        if head is None:
            aside = path.with_suffix(".damaged")
            file.close()
            path.replace(aside)
            raise DamagedError(str(aside))
        closing = _closing(lines[-1])
        items = _items(lines[1 : -1 if closing else None])
        return cls(path, head, file), items, closing

    def add(self, items: list[Item]) -> None:
        """Append events; they outlive this process from here on.

        Raises:
            OSError: the disk is full. They are kept, and written before whatever comes next.
        """
        lines = [f'{{"now_ms": {item.now_ms}, "event": {item.text}}}\n' for item in items]
        self._append([line.encode() for line in lines])

    def close(self, closing: Closing) -> None:
        """Append that the call is over.

        Raises:
            OSError: the disk is full.
        """
        self._append([_line({"close": True, "score": closing.score})])
        os.fsync(self._file.fileno())

    def give_up(self, now_ms: int) -> bool:
        """Put a gap in the place of what the disk does not take; False when there is no room for
        that either."""
        closed = bool(self._waiting) and _closing(_parsed(self._waiting[-1])) is not None
        start_ms = next(
            (item.now_ms for line in self._waiting if (item := _item(_parsed(line)))), 0
        )
        gap = lost(start_ms, max(start_ms, now_ms), "the agent's disk was full")
        try:
            if len(self._waiting) > closed:
                self._put(f'{{"now_ms": {gap.now_ms}, "event": {gap.text}}}\n'.encode())
            self._put(_line({"close": True, "score": None}))
        except OSError:
            return False
        return True

    @property
    def lacks(self) -> int:
        """Lines that the disk has not taken so far."""
        return len(self._waiting)

    def items(self) -> list[Item]:
        """All events of the call from its first on: those on disk, those that wait for it."""
        self._file.seek(0)
        lines = [*_whole_lines(self._file), *map(_parsed, self._waiting)]
        return _items([line for line in lines[1:] if _closing(line) is None])

    def set_aside(self) -> Path:
        """Keep the file, but out of the way of what is still to be sent; returns where it is."""
        aside = self.path.with_suffix(".refused")
        self._file.close()  # Windows renames nothing that is open
        try:
            self.path.replace(aside)
        except OSError:
            return self.path  # then the next run asks again
        self.path = aside
        return aside

    def release(self, delivered: bool) -> None:
        """Let go of the file; it goes away when the server has everything."""
        self._file.close()
        if delivered:
            self.path.unlink(missing_ok=True)

    def _append(self, lines: list[bytes]) -> None:
        self._waiting += lines
        while self._waiting:
            self._put(self._waiting[0])
            del self._waiting[0]

    def _put(self, line: bytes) -> None:
        """Write a whole line, or none of it."""
        try:
            self._file.seek(self._end)
            left = memoryview(line)
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._file.truncate(self._end)
            raise
        self._end += len(line)


_SHORTEST_KEY = 8  # docs/server.md, protocol
_BINARY = getattr(os, "O_BINARY", 0)  # Windows


def left_behind(folder: Path, to: str) -> Iterator[Path]:
    """Files of earlier calls to the same server, oldest first; also those that nobody can read."""
    if not folder.is_dir():
        return
    found = []
    for path in folder.glob("*.jsonl"):
        try:
            found.append((path.stat().st_mtime, path))
        except OSError:
            continue  # another process has just delivered it
    for _, path in sorted(found):
        try:
            with path.open("rb") as file:
                first = next(_whole_lines(file), None)
        except OSError:
            continue
        head = None if first is None else _head(first)
        if head is not None and head.to == to:
            yield path


def damaged(folder: Path) -> Iterator[Path]:
    """Files of calls, by their names, that do not say where they go."""
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
        if len(path.stem) < _SHORTEST_KEY:
            continue  # somebody's own
        try:
            with path.open("rb") as file:
                lacking = [_head(line) is None for line in itertools.islice(_whole_lines(file), 1)]
        except OSError:
            continue
        if any(lacking):
            yield path


def _line(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data) + "\n").encode()


def _whole_lines(file: BinaryIO) -> Iterator[dict[str, Any] | None]:
    """The lines of a file but one that was cut off; None: damaged."""
    rest = b""
    while block := file.read(1 << 20):
        *whole, rest = (rest + block).split(b"\n")
        yield from map(_parsed, whole)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _head(line: dict[str, Any] | None) -> Head | None:
    to, key, info = ((line or {}).get(name) for name in ("to", "key", "info"))
    if isinstance(to, str) and isinstance(key, str) and isinstance(info, dict):
        return Head(to, key, info)
    return None


def _closing(line: dict[str, Any] | None) -> Closing | None:
    if line is None or not line.get("close"):
        return None
    score = line.get("score")
    return Closing(score if isinstance(score, dict) else None)


def _items(lines: list[dict[str, Any] | None]) -> list[Item]:
    """The events of as many lines; a damaged one is a gap at the time of the one before."""
    items: list[Item] = []
    for line in lines:
        last_ms = items[-1].now_ms if items else 0
        items.append(_item(line) or lost(last_ms, last_ms, "the agent's machine damaged an event"))
    return items


def _item(line: dict[str, Any] | None) -> Item | None:
    now_ms, event = ((line or {}).get(name) for name in ("now_ms", "event"))
    if not isinstance(now_ms, int) or not isinstance(event, dict):
        return None
    text = json.dumps(event, ensure_ascii=False)
    try:
        from_json(text)
    except (ValueError, TypeError):
        return None
    return Item(now_ms, text)


def lost(start_ms: int, end_ms: int, reason: str) -> Item:
    """What stands for events that are lost."""
    return Item(end_ms, to_json(Gap(Party.AGENT, start_ms, end_ms, reason)))

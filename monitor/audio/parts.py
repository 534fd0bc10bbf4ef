"""The recordings in one file, in order: nearly always one, more where some were appended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from monitor.audio.headers import mp4, others, riff
from monitor.audio.headers.layout import Layout, at, size_of
from monitor.audio.kinds import Kind, kind_of, look

_MOST = 10_000  # recordings in one file
_HEAD = 4096

_READERS: Mapping[Kind, Callable[[BinaryIO, int], Layout]] = {
    "wav": riff.read,
    "aiff": others.aiff,
    "au": others.au,
    "caf": others.caf,
    "w64": others.w64,
    "mov": mp4.read,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One recording of a file: its container, where it begins, and where its sound lies."""

    kind: Kind
    start: int
    layout: Layout


def split(file: BinaryIO) -> list[Part]:
    """The recordings of a file; empty where it holds none of a known kind.

    Raises:
        UserError: one of them has no format or no sound; without the file's name.
    """
    found = look(file)
    parts: list[Part] = []
    while found is not None and len(parts) < _MOST:
        kind, start = found
        read = _READERS.get(kind)
        layout = read(file, start) if read else Layout(((start, size_of(file) - start),))
        parts.append(Part(kind, start, layout))
        found = None
        if layout.next is not None and layout.next > start:
            following = kind_of(at(file, layout.next, _HEAD))
            found = (following, layout.next) if following else None
    return parts

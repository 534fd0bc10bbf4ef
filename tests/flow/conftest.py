"""A call that needs no model: scripted words over synthetic sound, real voice activity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from monitor.audio import file as audio_file
from monitor.audio.vad import SileroVad
from monitor.call.engine import Engine
from monitor.events import Chunk, Event, Party, Samples

Cut = Callable[[int], int]
"""Given a sample's index, how many samples the next chunk holds."""


@pytest.fixture(scope="session")
def vad() -> SileroVad:
    return SileroVad()


def samples_of(path: Path) -> dict[Party, Samples]:
    """A whole recording in memory, by party."""
    parts: dict[Party, list[Samples]] = {}
    for chunk in audio_file.read_call(path):
        parts.setdefault(chunk.party, []).append(chunk.samples)
    return {party: np.concatenate(chunks) for party, chunks in parts.items()}


def chunked(audio: dict[Party, Samples], sizes: Sequence[int]) -> list[Chunk]:
    """The recording cut into chunks whose sizes (samples) repeat the given ones."""
    chunks: list[Chunk] = []
    for party, samples in audio.items():
        at = turn = 0
        while at < len(samples):
            size = sizes[turn % len(sizes)]
            chunks.append(Chunk(party, at // 16, samples[at : at + size]))
            at += size
            turn += 1
    return sorted(chunks, key=lambda chunk: chunk.start_ms)


def events_of(loaded: Engine, chunks: Sequence[Chunk], parties: Sequence[Party]) -> list[Event]:
    call = loaded.call("test", parties)
    events = call.start()
    for chunk in chunks:
        events += call.feed(chunk)
    return events + call.finish()

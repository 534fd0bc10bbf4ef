"""A switchboard whose recogniser hears what it is told, on ports of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import soxr

from monitor import rules
from monitor.asr.scripted import ScriptedRecognizer
from monitor.audio import file as audio_file
from monitor.audio.vad import SileroVad
from monitor.call.engine import Engine
from monitor.events import CallEnd, CallInfo, Chunk, Event, Gap, Party, Token, Utterance
from monitor.ingest.live_board import Board, Limits, Outgoing
from monitor.ingest.patience import Patience
from monitor.ingest.sources import Source, Sources
from monitor.rules.scorecard import Scorecard
from monitor.testing import fixtures
from monitor.web.telephony.server import bind, serving

CLIP = "compliant"


@dataclass(slots=True)
class Kept:
    """One call as it went out: an outlet that keeps everything."""

    key: str
    agent: str | None
    events: list[Event] = field(default_factory=list)
    recorded: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def __call__(self, events: Sequence[Event], now_ms: int) -> None:
        self.events += events

    def record(self, chunk: Chunk) -> None:
        self.recorded += len(chunk.samples)

    def finish(self, card: Scorecard) -> list[str]:
        self.over.set()
        return []

    @property
    def info(self) -> CallInfo:
        return next(event for event in self.events if isinstance(event, CallInfo))

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def text(self, party: Party) -> str:
        return "".join(turn.text for turn in self.of(Utterance) if turn.party == party)

    @property
    def gaps(self) -> list[Gap]:
        return self.of(Gap)

    @property
    def end(self) -> CallEnd:
        return next(event for event in self.events if isinstance(event, CallEnd))


class Rack:
    """All calls of a test."""

    def __init__(self) -> None:
        self.calls: list[Kept] = []
        self.came = threading.Condition()

    def __call__(self, call: Outgoing) -> Kept:
        kept = Kept(call.key, call.agent)
        with self.came:
            self.calls.append(kept)
            self.came.notify_all()
        return kept

    def call(self, number: int = 0, over: bool = True) -> Kept:
        """The call of this number, once it has begun, and is over."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.calls) > number, 30)
        kept = self.calls[number]
        assert not over or kept.over.wait(30)
        return kept


@pytest.fixture(scope="session")
def sound() -> dict[Party, np.ndarray]:
    """A bundled call, int16 at 16 kHz, by party."""
    parts: dict[Party, list[np.ndarray]] = {}
    for chunk in audio_file.read_call(fixtures.load(CLIP).audio):
        parts.setdefault(chunk.party, []).append(chunk.samples)
    return {
        party: np.round(np.concatenate(chunks) * 32767).astype(np.int16)
        for party, chunks in parts.items()
    }


@pytest.fixture(scope="session")
def scripted() -> Engine:
    """Hears the bundled call's own words, at their times."""
    tokens = []
    for line in fixtures.load(CLIP).lines:
        text = "".join(char for char in line.text if "\u4e00" <= char <= "\u9fff")
        each = (line.end_ms - line.start_ms) // max(1, len(text))
        tokens += [
            Token(line.party, char, "", line.start_ms + n * each, line.start_ms + (n + 1) * each)
            for n, char in enumerate(text)
        ]
    return Engine(ScriptedRecognizer(tokens), rules.load(()), SileroVad())


def telephone(samples: np.ndarray) -> np.ndarray:
    """At 8 kHz."""
    return np.round(soxr.resample(samples.astype(np.float32), 16_000, 8_000)).astype("<i2")


def lines(party: Party) -> str:
    """What the party says in the bundled call."""
    text = "".join(line.text for line in fixtures.load(CLIP).lines if line.party == party)
    return "".join(char for char in text if "\u4e00" <= char <= "\u9fff")


Open = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Site:
    """A running server: its ports, its board and the calls that have come."""

    port: int
    audiosocket: int
    board: Board
    rack: Rack

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def site(scripted: Engine) -> Iterator[Open]:
    """Serve sources: `site(Source(…), calls=2)`."""
    open_: list[Any] = []

    def serve(
        *sources: Source, calls: int = 20, loaded: Engine = scripted, **patience: int
    ) -> Site:
        context = served(loaded, Sources(sources), calls, Patience(**patience))
        open_.append(context)
        return context.__enter__()

    yield serve
    for context in open_:
        context.__exit__(None, None, None)


@contextmanager
def served(loaded: Engine, sources: Sources, calls: int, patience: Patience) -> Iterator[Site]:
    rack = Rack()
    board = Board(loaded, rack, Limits(calls), patience=patience)
    ports = bind("127.0.0.1", 0, sources)
    own = [bound.getsockname()[1] for bound in ports.audiosocket.values()]
    port = ports.common.getsockname()[1]
    with serving(board, loaded, sources, ports):
        yield Site(port, own[0] if own else 0, board, rack)
    ports.close()

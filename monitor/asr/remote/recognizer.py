"""A recogniser behind an address: turns go out, tokens come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from monitor.asr.remote.answer import pieces
from monitor.asr.token_writer import TokenWriter
from monitor.events import SAMPLE_RATE, Chunk, Party, Samples, Token

if TYPE_CHECKING:
    from monitor.asr.remote.client import Client

_LONGEST = 30 * SAMPLE_RATE
"""Samples sent at once at most; most servers hear windows of 30 s."""

_SHORTEST = SAMPLE_RATE // 10
"""Less than this is not worth asking about; some servers refuse it."""


class Asks(Protocol):
    """A client, or what stands in for it in a test."""

    def transcribe(self, samples: Samples) -> dict[str, Any]:
        """What the server says of a turn."""


class RemoteRecognizer:
    """One server; shared by the calls of a process, one after the other."""

    def __init__(self, client: Client, name: str) -> None:
        self.name = name
        self._client = client

    def stream(self, party: Party) -> RemoteStream:
        """A fresh stream."""
        return RemoteStream(self._client, party)

    def close(self) -> None:
        """Hang up."""
        self._client.close()


class RemoteStream:
    """One party of one call: asks when a turn is over, or fills what can be sent at once."""

    def __init__(self, client: Asks, party: Party) -> None:
        self.settled_ms = 0
        self.partial = ""
        self._client = client
        self._party = party
        self._held = np.zeros(0, np.float32)
        self._start_ms: int | None = None
        self._sent = 0  # samples of the stretch already sent
        self._writer: TokenWriter | None = None

    def feed(self, chunk: Chunk) -> list[Token]:
        """Take the next audio of the open speech stretch."""
        if self._start_ms is None:
            self._start_ms, self._sent = chunk.start_ms, 0
            self._writer = TokenWriter(self._party, chunk.start_ms, look_ahead=True)
            self.settled_ms = max(self.settled_ms, chunk.start_ms)
        self._held = np.concatenate([self._held, chunk.samples])
        tokens: list[Token] = []
        while len(self._held) >= _LONGEST:
            tokens += self._ask(_LONGEST)
        return tokens

    def end_turn(self) -> list[Token]:
        """The stretch is over: everything heard in it comes out."""
        if self._start_ms is None:
            return []
        tokens = self._ask(len(self._held)) if len(self._held) >= _SHORTEST else []
        self.settled_ms = self._time(self._sent + len(self._held))
        self._held = np.zeros(0, np.float32)
        self._start_ms = self._writer = None
        return tokens

    def _ask(self, count: int) -> list[Token]:
        assert self._writer is not None
        samples, self._held = self._held[:count], self._held[count:]
        begin, end = self._time(self._sent), self._time(self._sent + count)
        self._sent += count
        tokens = self._writer.write(pieces(self._client.transcribe(samples), begin, end), end)
        self._writer.free_ms = max(self._writer.free_ms, end)
        self.settled_ms = end
        return tokens

    def _time(self, sample: int) -> int:
        assert self._start_ms is not None
        return self._start_ms + sample * 1000 // SAMPLE_RATE

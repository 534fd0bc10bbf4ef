"""A recogniser that hears what it is told: for tests of everything behind it.

Each given token is returned as soon as the audio fed to its party's stream
has passed the token's end, or with the turn in which it began.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from monitor.events import SAMPLE_RATE, Chunk, Party, Token


class ScriptedRecognizer:
    """Returns `tokens` at their times.

    Args:
        tokens: what will be "heard", of all parties, in any order.
    """

    name = "scripted"

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._tokens = tuple(sorted(tokens, key=lambda token: (token.start_ms, token.end_ms)))

    def stream(self, party: Party) -> ScriptedStream:
        return ScriptedStream(token for token in self._tokens if token.party == party)

    def close(self) -> None:
        """Nothing to release."""


class ScriptedStream:
    """One party's script."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self.settled_ms = 0
        self._waiting = deque(tokens)
        self._start_ms: int | None = None
        self._samples = 0

    @property
    def partial(self) -> str:
        """The token that is being spoken."""
        if self._start_ms is None or not self._waiting:
            return ""
        token = self._waiting[0]
        return token.text if token.start_ms < self._now_ms else ""

    def feed(self, chunk: Chunk) -> list[Token]:
        if self._start_ms is None:
            self._start_ms, self._samples = chunk.start_ms, 0
        self._samples += len(chunk.samples)
        return self._release(self._now_ms, whole=True)

    def end_turn(self) -> list[Token]:
        if self._start_ms is None:
            return []
        now_ms = self._now_ms
        tokens = self._release(now_ms, whole=False)
        self._start_ms = None
        self.settled_ms = now_ms
        return tokens

    @property
    def _now_ms(self) -> int:
        assert self._start_ms is not None
        return self._start_ms + self._samples * 1000 // SAMPLE_RATE

    def _release(self, now_ms: int, *, whole: bool) -> list[Token]:
        """Tokens that ended by now (`whole`), or that at least began before now."""
        tokens = []
        while self._waiting:
            token = self._waiting[0]
            if (token.end_ms > now_ms) if whole else (token.start_ms >= now_ms):
                break
            tokens.append(self._waiting.popleft())
        self.settled_ms = min(now_ms, self._waiting[0].start_ms) if self._waiting else now_ms
        return tokens

"""One party's ear for phrases: what is spotted in its posteriors, told once its tokens are out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitor.asr.ctc.keyword_spotter import Finding, Spotter, SpottingStream
from monitor.events import Party, Spotted, Token

if TYPE_CHECKING:
    from monitor.asr.ctc.decode import Posteriors

_KEPT_TOKENS = 200


class KeywordEvents:
    """Findings become `Spotted` events when the tokens they lie on have been committed.

    Args:
        trail_ms: how long after its last frame a token ends (see `ctc.TRAIL_MS`).
    """

    def __init__(self, spotter: Spotter, party: Party, trail_ms: int) -> None:
        self._spotter = spotter
        self._party = party
        self._trail_ms = trail_ms
        self._stream: SpottingStream | None = None
        self._start_ms = self._frame_ms = self._frames = 0
        self._found: list[Finding] = []
        self._tokens: deque[Token] = deque(maxlen=_KEPT_TOKENS)  # of the stretch
        self._out: list[Spotted] = []

    def switch(self, spotter: Spotter) -> None:
        """Listen for other phrases from the next frame on."""
        self._spotter = spotter
        if self._stream is not None:
            tokens = list(self._tokens)
            self.begin(self._time(self._frames), self._frame_ms)
            self._tokens += tokens
            self._found = []  # by the old phrases, which may no longer be wanted

    def begin(self, start_ms: int, frame_ms: int) -> None:
        """A stretch begins at `start_ms`; its frames last `frame_ms`."""
        self._stream = self._spotter.stream()
        self._start_ms, self._frame_ms, self._frames = start_ms, frame_ms, 0
        self._tokens.clear()

    def hear(self, posteriors: Posteriors) -> None:
        """The next frames [frames, classes] of the stretch."""
        if self._stream is not None:
            self._found += self._stream.feed(posteriors)
            self._frames += len(posteriors)

    def commit(self, tokens: Sequence[Token], settled_ms: int) -> None:
        """The stretch's next tokens; every one that starts before `settled_ms` is out."""
        self._tokens += tokens
        if self._found:
            # A token that was heard in the last frame of a find ends no earlier than this.
            known = settled_ms - self._trail_ms
            due = [f for f in self._found if self._time(f.end + 1) <= known]
            self._found = [f for f in self._found if self._time(f.end + 1) > known]
            self._tell(due, settled_ms)

    def end(self, tokens: Sequence[Token], settled_ms: int) -> None:
        """The stretch is over, with its last tokens."""
        self._tokens += tokens
        if self._stream is not None:
            found = self._found + self._stream.finish()
            self._stream, self._found = None, []
            self._tell(found, settled_ms)

    def take(self) -> list[Spotted]:
        """What was spotted since the last time."""
        out, self._out = self._out, []
        return out

    def _time(self, frame: int) -> int:
        return self._start_ms + frame * self._frame_ms

    def _tell(self, findings: Sequence[Finding], settled_ms: int) -> None:
        """Those that lie on committed tokens; where nothing was decoded nothing was said."""
        for found in findings:
            inside = [
                token
                for token in self._tokens
                # A token's last frame; decoder and spotter may differ by one.
                if self._time(found.start - 1)
                <= token.end_ms - self._trail_ms - self._frame_ms
                < self._time(found.end + 2)
            ]
            if inside:
                self._out.append(
                    Spotted(
                        self._party,
                        found.text,
                        inside[0].start_ms,
                        inside[-1].end_ms,
                        settled_ms,
                        round(found.per_syllable, 3),
                        round(found.limit / found.syllables, 3),
                    )
                )

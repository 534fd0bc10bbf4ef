"""One party's way through the call: windows, voice activity, recognition, turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from monitor.asr.protocol import RecognizerStream, Spots
from monitor.audio.vad import WINDOW, WINDOW_MS, Edge, VadSettings, VadStream
from monitor.audio.voice import VoiceMeter
from monitor.events import Chunk, Event, Partial, Party, Samples, Speech, Spotted, Token, Utterance

if TYPE_CHECKING:
    from monitor.language.phrases.keywords import Keyword

_PRE_ROLL = 10
"""Windows (320 ms) before the onset that the recogniser also hears, as the VAD
opens late on soft initials."""

_SILENCE_DB = -100.0


class Channel:
    """Turns the samples of one party into events, one VAD window at a time.

    Attributes:
        received: samples taken so far.
    """

    def __init__(
        self,
        party: Party,
        stream: RecognizerStream,
        vad: VadStream,
        settings: VadSettings | None = None,
    ) -> None:
        self.party = party
        self.received = 0
        self._stream = stream
        self._spots = stream if isinstance(stream, Spots) else None
        self._vad = vad
        self._open_windows = (settings or VadSettings()).open_windows
        self._waiting: deque[Samples] = deque()
        self._waiting_samples = 0
        self._recent: deque[Samples] = deque(maxlen=_PRE_ROLL + self._open_windows)
        self._window = 0  # windows stepped through
        self._heard = 0  # windows the recogniser was given, or that can no longer be
        self._energies: list[float] = []  # mean square per window of the open speech
        self._voice = VoiceMeter()
        self._turn: list[Token] = []
        self._spotted: list[Spotted] = []  # in the turn
        self._partial = ""

    def listen_for(self, phrases: tuple[Keyword, ...]) -> None:
        """Have the recogniser spot these phrases, if it can."""
        if self._spots is not None:
            self._spots.listen_for(phrases)

    def take(self, samples: Samples) -> None:
        """Queue audio: float32 of shape (n,), n ≥ 0."""
        if len(samples):
            self._waiting.append(samples)
            self._waiting_samples += len(samples)
            self.received += len(samples)

    @property
    def ready(self) -> bool:
        """Whether a whole window is waiting."""
        return self._waiting_samples >= WINDOW

    @property
    def settled_ms(self) -> int:
        """Every event that starts before this time has been emitted."""
        if self._vad.open:
            return min(self._stream.settled_ms, self._window * WINDOW_MS)
        earliest_onset = self._window - (self._open_windows - 1)
        return max(self._heard, earliest_onset - _PRE_ROLL, 0) * WINDOW_MS

    def step(self, window: Samples) -> Iterator[Event]:
        """Advance by one window: `next_window`, or what is left of it."""
        edge = self._vad.feed(window)
        self._recent.append(window)
        self._window += 1
        if self._vad.open or edge is Edge.CLOSED:
            self._voice.speech(window)
        else:
            self._voice.background(window)
        if edge is Edge.OPENED:
            yield Speech(self.party, self._vad.onset * WINDOW_MS)
            yield from self._listen(self._backlog())
        elif self._vad.open or edge is Edge.CLOSED:
            yield from self._listen(window)
        if edge is Edge.CLOSED:
            yield from self._end_turn()

    def finish(self) -> Iterator[Event]:
        """The call is over: flush an open turn."""
        if self._vad.open:
            yield from self._end_turn()

    def next_window(self) -> Samples:
        """The audio of the next window (`ready` must be true): float32 of shape (`WINDOW`,)."""
        parts: list[Samples] = []
        missing = WINDOW
        while missing:
            part = self._waiting.popleft()
            if len(part) > missing:
                self._waiting.appendleft(part[missing:])
                part = part[:missing]
            parts.append(part)
            missing -= len(part)
        self._waiting_samples -= WINDOW
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _backlog(self) -> Samples:
        """The recent audio the recogniser has not had: pre-roll and the onset itself."""
        first = max(self._heard, self._vad.onset - _PRE_ROLL)
        self._heard = first
        self._energies = []
        onset_windows = self._window - self._vad.onset
        recent = list(self._recent)
        for window in recent[-onset_windows:-1]:
            self._energies.append(_mean_square(window))
        return np.concatenate(recent[first - self._window :])

    def _listen(self, samples: Samples) -> Iterator[Event]:
        start_ms = self._heard * WINDOW_MS
        self._heard = self._window
        self._energies.append(_mean_square(samples[-WINDOW:]))
        yield from self._heard_of(self._stream.feed(Chunk(self.party, start_ms, samples)))
        if self._stream.partial != self._partial:
            self._partial = self._stream.partial
            yield Partial(self.party, self._partial, self._window * WINDOW_MS)

    def _end_turn(self) -> Iterator[Event]:
        yield from self._heard_of(self._stream.end_turn())
        if self._partial:
            self._partial = ""
            yield Partial(self.party, "", self._window * WINDOW_MS)
        vad = self._vad
        voiced = self._energies[: vad.last_voiced - vad.onset + 1]
        power = sum(voiced) / len(voiced) if voiced else 0.0
        loudness = 10 * float(np.log10(power)) if power > 0 else _SILENCE_DB
        end_ms = (vad.last_voiced + 1) * WINDOW_MS
        level, voice = round(loudness, 2), self._voice.take()
        yield Speech(self.party, vad.onset * WINDOW_MS, end_ms, level, voice)
        if self._turn:
            turn, spotted = tuple(self._turn), tuple(self._spotted)
            self._turn, self._spotted = [], []
            yield Utterance(self.party, turn[0].start_ms, turn[-1].end_ms, turn, spotted)

    def _heard_of(self, tokens: Sequence[Token]) -> Iterator[Event]:
        """The tokens, and what was spotted, in the order in which they became certain."""
        spotted = self._spots.spotted() if self._spots is not None else []
        self._turn += tokens
        self._spotted += spotted
        told = 0
        for found in spotted:
            while told < len(tokens) and tokens[told].start_ms < found.at_ms:
                yield tokens[told]
                told += 1
            yield found
        yield from tokens[told:]


def _mean_square(samples: Samples) -> float:
    return float(np.dot(samples, samples)) / len(samples)

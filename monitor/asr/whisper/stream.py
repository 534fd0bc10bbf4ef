"""One party of one call: a growing, bounded window over an open speech stretch.

Live, the window is decoded each time another `step_ms` of audio are complete –
at fixed places in the audio, so the tokens do not depend on how it was cut up
nor on the speed of the machine. The words on which two hypotheses in a row
agree are committed (LocalAgreement-2: Liu et al. 2020, arXiv:2005.11185;
Macháček et al. 2023, arXiv:2307.14743). What was committed is given to the
next hypothesis as its beginning and can no longer change; a window that is
full lets go of its oldest committed audio. So neither the work per second nor
the delay grows with the call.

Recorded, the same window is decoded once, at the end of the turn or when full.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from monitor.asr.token_writer import TokenWriter
from monitor.asr.whisper.credibility import Voice, believable
from monitor.asr.whisper.hypothesis import Window, letters
from monitor.asr.whisper.spelling import pieces_of, simplified
from monitor.audio.vad import WINDOW
from monitor.events import SAMPLE_RATE, SAMPLES_PER_MS, Chunk, Party, Samples, Token

if TYPE_CHECKING:
    from monitor.asr.whisper.hypothesis import Decoder, Word
    from monitor.asr.whisper.settings import WhisperSettings
    from monitor.audio.vad import SileroVad, VadStream

_ALIGNED_MS = 200
"""A word that is still open may move by about so much when it is heard again."""


class WhisperStream:
    """Recognises one party."""

    def __init__(
        self,
        decoder: Callable[[], Decoder],
        vad: SileroVad,
        settings: WhisperSettings,
        party: Party,
    ) -> None:
        self.settled_ms = 0
        self.partial = ""
        self._decoder = decoder
        self._vad = vad
        self._settings = settings
        self._party = party
        self._stretch: _Stretch | None = None

    def feed(self, chunk: Chunk) -> list[Token]:
        """Take the next audio of the open speech stretch."""
        stretch = self._stretch
        if stretch is None:
            stretch = self._stretch = _Stretch(
                chunk.start_ms, self._party, self._vad.stream(), self._decoder(), self._settings
            )
            self.settled_ms = max(self.settled_ms, chunk.start_ms)
        stretch.audio.append(chunk.samples)
        tokens: list[Token] = []
        while stretch.audio.end >= stretch.next_at:
            tokens += stretch.listen(self._decoder(), stretch.next_at)
        self.settled_ms = max(self.settled_ms, stretch.settled_ms)
        self.partial = stretch.partial
        return tokens

    def end_turn(self) -> list[Token]:
        """The stretch is over: everything heard in it comes out."""
        stretch, self._stretch = self._stretch, None
        if stretch is None:
            return []
        tokens = stretch.listen(self._decoder(), stretch.audio.end, last=True)
        self.settled_ms = stretch.ms(stretch.audio.end)
        self.partial = ""
        return tokens


class _Audio:
    """The samples of a stretch that are still needed, by their place in it."""

    def __init__(self) -> None:
        self.begin = 0
        self.end = 0
        self._parts: list[Samples] = []

    def append(self, samples: Samples) -> None:
        self._parts.append(samples)
        self.end += len(samples)

    def between(self, first: int, last: int) -> Samples:
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        whole = self._parts[0] if self._parts else np.zeros(0, np.float32)
        return whole[first - self.begin : last - self.begin]

    def forget(self, before: int) -> None:
        """Drop what lies before a place."""
        self._parts = [self.between(before, self.end).copy()]
        self.begin = before


class _Stretch:
    """State from the beginning of a speech stretch to its end."""

    def __init__(
        self,
        start_ms: int,
        party: Party,
        vad: VadStream,
        decoder: Decoder,
        settings: WhisperSettings,
    ) -> None:
        self.audio = _Audio()
        self.settled_ms = start_ms
        self.partial = ""
        self._start_ms = start_ms
        self._settings = settings
        # The last hundredth of the window stays empty: a text ends better before silence.
        self._longest = min(settings.window_ms, decoder.longest_ms * 99 // 100) * SAMPLES_PER_MS
        self._step = min(settings.step_ms * SAMPLES_PER_MS, self._longest // 4)
        self._writer = TokenWriter(party, start_ms, look_ahead=True)
        self._vad = vad
        self._voice: list[float] = []  # one speech probability per VAD window of the stretch
        self._origin = 0  # where the window begins
        self._committed: list[Word] = []  # those in the window, times from its origin
        self._tail: tuple[Word, ...] = ()  # the words of the last hypothesis not committed
        self.next_at = self._after(0)

    def ms(self, sample: int) -> int:
        """Call time of a place in the stretch."""
        return self._start_ms + sample * 1000 // SAMPLE_RATE

    def listen(self, decoder: Decoder, at: int, *, last: bool = False) -> list[Token]:
        """Decode the window up to `at`; returns the words that are certain now."""
        words = self._hypothesis(decoder, at)
        # Full: the next hypothesis would have to hear more than fits. Hypotheses stay a
        # step apart, for two of nearly the same audio agree on their errors as well.
        full = at - self._origin + (self._step if self._settings.live else 0) > self._longest - 1
        if last:
            count = len(words)
        else:
            count = _agreed(self._tail, words) if self._settings.live else 0
            if full:
                count = max(count, self._old(words, at))
        tokens = self._commit(words, count, at, last=last)
        if full or self._settings.live:
            self._settle(at)
        if full:
            self._trim(at)
        self.next_at = self._after(at)
        return tokens

    def _after(self, at: int) -> int:
        """Where to decode next."""
        return at + self._step if self._settings.live else self._origin + self._longest

    def _hypothesis(self, decoder: Decoder, at: int) -> tuple[Word, ...]:
        samples = self.audio.between(self._origin, at)
        if not len(samples):
            return ()
        prefix = tuple(i for word in self._committed for i in (*word.ids, *word.mark_ids))
        found = decoder.decode([Window(samples, prefix)])[0]
        self._hear(at)
        first = self._origin // WINDOW
        voice = Voice(np.array(self._voice[first:], np.float32))
        return believable(found, voice, self._settings.hotwords)

    def _hear(self, at: int) -> None:
        """Ask the voice activity model about every window that is complete."""
        while (len(self._voice) + 1) * WINDOW <= at:
            first = len(self._voice) * WINDOW
            self._vad.feed(self.audio.between(first, first + WINDOW))
            self._voice.append(self._vad.probability)

    def _old(self, words: Sequence[Word], at: int) -> int:
        """How many words ended long enough ago to be believed without a second hypothesis."""
        horizon_s = (at - self._origin) / SAMPLE_RATE - self._settings.tail_ms / 1000
        return sum(word.end_s <= horizon_s for word in words)

    def _commit(self, words: tuple[Word, ...], count: int, at: int, *, last: bool) -> list[Token]:
        certain, self._tail = words[:count], words[count:]
        # A mark at the very end may only be there because the audio ends.
        final_mark = last or bool(self._tail)
        if certain and not final_mark:
            certain = (*certain[:-1], replace(certain[-1], marks="", mark_ids=()))
        tokens = self._writer.write(pieces_of(certain, self.ms(self._origin)), self.ms(at))
        self._committed += certain
        self.partial = simplified("".join(word.text + word.marks for word in self._tail))
        return tokens

    def _settle(self, at: int) -> None:
        """Move the promise that nothing comes before `settled_ms`, and keep it."""
        if self._tail:
            open_ms = self.ms(self._origin) + round(1000 * self._tail[0].start_s) - _ALIGNED_MS
        else:
            open_ms = self.ms(at) - self._settings.step_ms
        settled = max(self._writer.free_ms, open_ms)
        self.settled_ms = max(self.settled_ms, min(settled, self.ms(at)))
        self._writer.free_ms = max(self._writer.free_ms, self.settled_ms)

    def _trim(self, at: int) -> None:
        """Let go of the oldest audio; committed words that stay begin the next hypothesis."""
        spoken_s = self._committed[-1].end_s if self._committed else 0.0
        kept_s = max(0.0, spoken_s - self._settings.keep_ms / 1000)
        whole = [word for word in self._committed if word.start_s >= kept_s]
        wanted = self._origin + int((whole[0].start_s if whole else 0.0) * SAMPLE_RATE)
        origin = max(wanted, at - self._longest // 2) // WINDOW * WINDOW
        moved_s = (origin - self._origin) / SAMPLE_RATE
        self._committed = [
            replace(word, start_s=word.start_s - moved_s, end_s=word.end_s - moved_s)
            for word in whole
            if word.start_s + _ALIGNED_MS / 1000 >= moved_s
        ]
        self._origin = origin
        self.audio.forget(min(origin, len(self._voice) * WINDOW))


def _agreed(before: Sequence[Word], now: Sequence[Word]) -> int:
    """How many words of this hypothesis the last one had as well, in the same places."""
    first, second = simplified(letters(before)), simplified(letters(now))
    same = 0
    while same < min(len(first), len(second)) and first[same] == second[same]:
        same += 1
    count = length = 0
    for word in now:
        length += len(word.text)
        if length > same:
            break
        count += 1
    # A number or a Latin word may still be going on.
    while count and count == len(now) and now[count - 1].text[-1].isascii():
        count -= 1
    return count

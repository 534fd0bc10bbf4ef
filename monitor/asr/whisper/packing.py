"""Turns known beforehand, decoded many at a time.

Where a recording is read ahead of the flow, its turns are decoded in batches,
and the hypotheses wait until the flow asks for exactly that audio.

Whisper spends the same on a window of 30 s whether a word is said in it or a
speech. On request (`pack`) short turns of one party are therefore laid end to
end in one window, kept apart by the pauses at their edges. What looks doubtful
in such company is left out: the flow then decodes it by itself. Text may still
stray from one turn into the next, so it is not the default.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from monitor.asr.whisper.hypothesis import Hypothesis, Window, Word

if TYPE_CHECKING:
    from monitor.asr.whisper.hypothesis import Decoder
    from monitor.events import Samples

_SURE_LOGPROB = -0.7
"""Mean log-probability of a turn's words under which it is decoded again, alone."""

_NO_SPEECH = 0.3
_REPETITION = 2.0
"""Stricter than what makes Whisper try again (0.6 and 2.4): a second look costs little."""


_KEPT = 1_000
"""Hypotheses that wait at most; some turn may never be asked for."""


class PackingDecoder:
    """A decoder that remembers what it was asked beforehand."""

    def __init__(
        self, decoder: Decoder, longest_ms: int, batch: int, *, pack: bool = False
    ) -> None:
        self.longest_ms = decoder.longest_ms
        self._decoder = decoder
        self._longest = longest_ms * 16
        self._batch = batch
        self._pack = pack
        self._known: dict[bytes, Hypothesis] = {}

    def prefetch(self, turns: Sequence[Samples]) -> None:
        """Decode turns of one party, given in order; each float32 of shape (n,).

        Turns longer than a window are left to the flow.
        """
        packs = self._packs([turn for turn in turns if 0 < len(turn) <= self._longest])
        for first in range(0, len(packs), self._batch):
            group = packs[first : first + self._batch]
            windows = [Window(np.concatenate(pack)) for pack in group]
            for pack, found in zip(group, self._decoder.decode(windows), strict=True):
                self._remember(pack, found)
        while len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]

    def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        """A hypothesis for each window, from memory where it is there."""
        found = [self._recall(window) for window in windows]
        missing = [w for w, one in zip(windows, found, strict=True) if one is None]
        fresh = iter(self._decoder.decode(missing))
        return [one if one is not None else next(fresh) for one in found]

    def _packs(self, turns: Sequence[Samples]) -> list[list[Samples]]:
        packs: list[list[Samples]] = []
        room = 0
        for turn in turns:
            if not self._pack or len(turn) > room:
                packs.append([])
                room = self._longest
            packs[-1].append(turn)
            room -= len(turn)
        return packs

    def _remember(self, pack: Sequence[Samples], found: Hypothesis) -> None:
        if len(pack) == 1:
            self._known[_digest(pack[0])] = found
            return
        if found.no_speech > _NO_SPEECH or found.compression > _REPETITION:
            return
        begin = 0.0
        for turn in pack:
            end = begin + len(turn) / 16_000
            words = tuple(
                replace(word, start_s=max(0.0, word.start_s - begin), end_s=word.end_s - begin)
                for word in found.words
                if begin <= (word.start_s + word.end_s) / 2 < end
            )
            if words and _logprob(words) > _SURE_LOGPROB:
                self._known[_digest(turn)] = replace(found, words=words, logprob=_logprob(words))
            begin = end

    def _recall(self, window: Window) -> Hypothesis | None:
        if window.prefix or not self._known:
            return None
        return self._known.pop(_digest(window.samples), None)


def _logprob(words: Sequence[Word]) -> float:
    return sum(math.log(max(word.probability, 1e-4)) for word in words) / len(words)


def _digest(samples: Samples) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(samples).tobytes(), digest_size=16).digest()

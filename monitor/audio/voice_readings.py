"""Readings of a voice against its owner's usual, and the index that sums them up.

The agitation index says how far somebody is from how he usually speaks in this call. It is a
number about sound, not an emotion: shouting over a bad line raises it too. It is the mean of
four parts, each 0 at the speaker's own median and 1 at or beyond

| part     | 1 at                             |
|----------|----------------------------------|
| loudness | 8 dB louder                      |
| shout    | a peak 20 dB above               |
| pitch    | 5 semitones higher               |
| pace     | half as fast again               |

of which those count that could be measured (two at least). The marks are proposals and were
not fitted to anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2
from statistics import fmean, median

from monitor.events import Party, Reading, Speech, Utterance

_LOUDER_DB, _SHOUT_DB, _HIGHER_ST, _FASTER = 8.0, 20.0, 5.0, 0.5
MIN_STRETCH_MS = 500
"""Shorter stretches (“嗯”) say little about a voice."""

MIN_BASELINE = 3
"""So many earlier stretches (or utterances) make a baseline."""

MIN_WORDS = 8
"""An utterance of fewer has no clarity or pace of its own."""


class VoiceReadings:
    """One party's voice in one call."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._levels: list[float] = []
        self._pitches: list[float] = []  # Hz
        self._clarity: list[float] = []
        self._rates: list[float] = []
        self._noise: list[float] = []
        self._parts: list[float] = []  # of the stretches since the last utterance

    def spoken(self, speech: Speech, end_ms: int, level: float) -> Iterator[Reading]:
        """The readings of a closed stretch; `level` in dBFS."""
        voice = speech.voice
        if voice is None:
            return
        if voice.noise_db is not None:
            self._noise.append(voice.noise_db)
        if end_ms - speech.start_ms < MIN_STRETCH_MS:
            return

        def reading(name: str, value: float, unit: str) -> Reading:
            return Reading(name, round(value, 2), unit, speech.start_ms, end_ms, self._party)

        if len(self._levels) >= MIN_BASELINE:
            usual = median(self._levels)
            self._part((level - usual) / _LOUDER_DB)
            if voice.peak_db is not None:
                yield reading("shout", voice.peak_db - usual, "dB")
                self._part((voice.peak_db - usual) / _SHOUT_DB)
        self._levels.append(level)
        if voice.pitch_hz is not None:
            yield reading("pitch", voice.pitch_hz, "Hz")
            if len(self._pitches) >= MIN_BASELINE:
                change = 12 * log2(voice.pitch_hz / median(self._pitches))
                yield reading("pitch_change", change, "st")
                self._part(change / _HIGHER_ST)
            self._pitches.append(voice.pitch_hz)
        if voice.range_st is not None:
            yield reading("pitch_range", voice.range_st, "st")
        if voice.rise_st is not None:
            yield reading("pitch_rise", voice.rise_st, "st")

    def uttered(self, utterance: Utterance, rates: Sequence[Reading]) -> Iterator[Reading]:
        """The readings of a finished turn; `rates` are its speech rates."""
        span = utterance.start_ms, utterance.end_ms, self._party
        known = [token.confidence for token in utterance.tokens]
        if len(known) >= MIN_WORDS:
            clarity = fmean(known)
            yield Reading("clarity", round(clarity, 3), "ratio", *span)
            if len(self._clarity) >= MIN_BASELINE:
                change = clarity - median(self._clarity)
                yield Reading("clarity_change", round(change, 3), "ratio", *span)
            self._clarity.append(clarity)
        for rate in rates:
            if len(self._rates) >= MIN_BASELINE:
                self._part((rate.value / median(self._rates) - 1) / _FASTER)
            self._rates.append(rate.value)
        if len(self._parts) >= 2:
            index = fmean(self._parts)
            yield Reading("agitation", round(index, 3), "index", *span)
        self._parts = []

    def end(self, duration_ms: int) -> Iterator[Reading]:
        """The call is over."""
        if self._noise:
            level = round(median(self._noise), 1)
            yield Reading("noise", level, "dBFS", 0, duration_ms, self._party)

    def _part(self, value: float) -> None:
        self._parts.append(min(1.0, max(0.0, value)))

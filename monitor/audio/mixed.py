"""Two speakers in one channel: who speaks when.

Speech is cut where it pauses; what is long is looked at in stretches of
`_STRETCH_MS`, every `_STEP_MS`. Their voices fall into two groups, and the likeliest
sequence of speakers is found that changes seldom, most easily in a pause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from monitor.audio.vad import WINDOW, WINDOW_MS, Edge, SileroVad, VadSettings
from monitor.audio.voices import VoiceModel, Voices
from monitor.events import SAMPLE_RATE, SAMPLES_PER_MS, Chunk, Party, Samples

_STRETCH_MS = 1_200
_STEP_MS = 400
_HANG_MS = 160
"""Speech is cut at such pauses, as turns change hands sooner than the VAD waits."""

_APART = 0.86
"""Voices whose centres are more alike (cosine) are one speaker's. In made-up calls of twelve
speakers of the split `train`, two were alike by 0.60–0.81 and halves of one by 0.91–0.95."""

_LEAST_SHARE = 0.08
_LEAST_MS = 1_500
_LEAST_PIECES = 4
"""Somebody who speaks less is no party, but a noise or a word in another tone."""

_SWITCH = 0.35
_SWITCH_IN_PAUSE = 0.1
"""What a change of speaker costs, in differences of cosine (0.2–0.4 for a clear voice)."""

_UNSURE = 0.06
_LONGEST_MS = 60_000  # speech (or music) without any pause is cut wherever it first gets weaker
_HELD = 30 * SAMPLE_RATE
_KEPT = 2 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch of one speaker (0 spoke first, or 1); `sure` whether the voice told clearly."""

    start_ms: int
    end_ms: int
    speaker: int
    sure: bool


class Listener:
    """Hears a channel from its start to its end, holding half a minute of it at most while words
    have pauses."""

    def __init__(self, vad: SileroVad, model: VoiceModel) -> None:
        self._model = model
        self._vad = vad.stream(VadSettings(hang_ms=_HANG_MS, long_ms=_LONGEST_MS, long_hang_ms=32))
        self._held: Samples = np.zeros(0, np.float32)
        self._held_from = 0  # sample
        self._windows = 0
        self._waiting: list[_Piece] = []
        self._pieces: list[_Piece] = []
        self._voices: list[Voices] = []

    def feed(self, samples: Samples) -> None:
        """The next audio: float32, 16 kHz, any length."""
        self._held = np.concatenate([self._held, samples])
        ends = self._held_from + len(self._held)
        while (self._windows + 1) * WINDOW <= ends:
            at = self._windows * WINDOW - self._held_from
            self._windows += 1
            if self._vad.feed(self._held[at : at + WINDOW]) is Edge.CLOSED:
                self._cut()
        if len(self._held) > _HELD and not self._vad.open:
            self._look()

    def skip(self, ms: int) -> None:
        """Audio is missing here."""
        self.feed(np.zeros(ms * SAMPLES_PER_MS, np.float32))

    @property
    def heard_ms(self) -> int:
        """The audio taken so far."""
        return (self._held_from + len(self._held)) // SAMPLES_PER_MS

    def turns(self) -> list[Turn] | None:
        """Who spoke when, now that the call is over; None where there is one speaker only."""
        if self._vad.open:
            self._cut()
        self._look()
        if len(self._pieces) < _LEAST_PIECES:
            return None
        lengths = np.array([end - start for start, end, *_ in self._pieces], np.float32)
        margins = _two_groups(np.concatenate(self._voices), lengths)
        if margins is None:
            return None
        speakers = _sequence(margins, [pause for *_, pause in self._pieces])
        if speakers[0] == 1:
            speakers, margins = 1 - speakers, -margins
        return _joined(self._pieces, speakers, margins)

    def _cut(self) -> None:
        """A stretch of speech is over."""
        vad = self._vad
        self._waiting += _pieces(vad.onset * WINDOW_MS, (vad.last_voiced + 1) * WINDOW_MS)

    def _look(self) -> None:
        stretches = [
            _stretch(self._held, middle * SAMPLES_PER_MS - self._held_from)
            for _, _, middle, _ in self._waiting
        ]
        self._voices.append(self._model.voices(stretches))
        self._pieces += self._waiting
        self._waiting = []
        gone = max(0, len(self._held) - _KEPT)
        self._held, self._held_from = self._held[gone:], self._held_from + gone


_Piece = tuple[int, int, int, bool]
"""Start, end, middle of the stretch looked at (ms), and whether a pause goes before."""


def _pieces(start: int, end: int) -> list[_Piece]:
    count = max(1, round((end - start) / _STEP_MS))
    edges = [start + (end - start) * place // count for place in range(count + 1)]
    half = _STRETCH_MS // 2
    found = []
    for place, (first, last) in enumerate(pairwise(edges)):
        # Looked at within the speech where that is long enough.
        middle = min(max((first + last) // 2, start + half), max(end - half, start + half))
        if end - start < _STRETCH_MS:
            middle = (start + end) // 2
        found.append((first, last, middle, place == 0))
    return found


def _stretch(samples: Samples, middle: int) -> Samples:
    """What is heard around a sample."""
    length = _STRETCH_MS * SAMPLES_PER_MS
    first = max(0, middle - length // 2)
    cut = samples[first : first + length]
    return np.pad(cut, (0, length - len(cut)))


def _two_groups(voices: Voices, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
    """How much more (above zero: less) each is like the first group than the second."""
    mean = np.average(voices, axis=0, weights=weights)
    off = voices - mean
    _, _, axes = np.linalg.svd(off * np.sqrt(weights)[:, None], full_matrices=False)
    side = off @ axes[0] > 0
    for _ in range(20):
        centres = []
        for group in (side, ~side):
            if not group.any():
                return None
            centre = np.average(voices[group], axis=0, weights=weights[group])
            centres.append(centre / np.linalg.norm(centre))
        margins = voices @ (centres[0] - centres[1])
        again = margins > 0
        if (again == side).all():
            break
        side = again
    share = float(weights[side].sum() / weights.sum())
    least = min(share, 1 - share)
    alike = float(centres[0] @ centres[1])
    if alike > _APART or least < _LEAST_SHARE or least * weights.sum() < _LEAST_MS:
        return None
    return np.asarray(margins, np.float32)


def _sequence(margins: npt.NDArray[np.float32], pauses: Sequence[bool]) -> npt.NDArray[np.int64]:
    """The likeliest speakers (Viterbi): each stretch pays for the other voice, each change too."""
    cost = np.stack([np.maximum(0, -margins), np.maximum(0, margins)], axis=1)
    total, back = cost[0], []
    for place in range(1, len(cost)):
        switch = _SWITCH_IN_PAUSE if pauses[place] else _SWITCH
        came = np.stack([total, total[::-1] + switch])
        back.append(came.argmin(0))
        total = came.min(0) + cost[place]
    speaker = int(total.argmin())
    path = [speaker]
    for changed in reversed(back):
        speaker = 1 - speaker if changed[speaker] else speaker
        path.append(speaker)
    return np.array(path[::-1])


def _joined(
    pieces: Sequence[_Piece], speakers: npt.NDArray[np.int64], margins: npt.NDArray[np.float32]
) -> list[Turn]:
    found: list[Turn] = []
    first = 0
    for place in range(1, len(pieces) + 1):
        if place < len(pieces) and speakers[place] == speakers[first] and not pieces[place][3]:
            continue
        towards = margins[first:place].mean() * (1 if speakers[first] == 0 else -1)
        found.append(
            Turn(
                pieces[first][0],
                pieces[place - 1][1],
                int(speakers[first]),
                bool(towards > _UNSURE),
            )
        )
        first = place
    return found


def apart(
    chunks: Iterable[Chunk], told: Sequence[Turn], parties: Sequence[Party]
) -> Iterator[Chunk]:
    """One channel as two: each chunk for both parties, silent where the other one speaks.

    `parties` are speaker 0 and 1. A pause belongs half to the turn before and half to the next.
    """
    edges = np.array(
        [(before.end_ms + after.start_ms) // 2 * SAMPLES_PER_MS for before, after in pairwise(told)]
    )
    speakers = np.array([turn.speaker for turn in told])
    for chunk in chunks:
        places = np.arange(len(chunk.samples)) + chunk.start_ms * SAMPLES_PER_MS
        speaking = speakers[np.searchsorted(edges, places, side="right")]
        for speaker, party in enumerate(parties):
            own = np.where(speaking == speaker, chunk.samples, np.float32(0))
            yield Chunk(party, chunk.start_ms, own)

"""What Whisper writes is believed only where the audio bears it out.

On silence, noise and music Whisper invents text: "谢谢观看", "请不吝点赞 订阅",
subtitle credits, or a prompt's own words. No single sign gives it away, so
several are weighed: Whisper's own no-speech probability and likelihood, text
that repeats itself, syllables faster than anyone speaks or slower than anyone
drawls, words that the alignment puts where the voice activity model hears
nobody, and words that nothing supports. Well-known inventions and the words
it was biased towards must be beyond doubt.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.asr.whisper.hypothesis import letters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from monitor.asr.whisper.hypothesis import Hypothesis, Word

VAD_HOP_S = 0.032

_NO_SPEECH = 0.6
_LOGPROB = -1.0
_COMPRESSION = 2.4
"""Thresholds of openai/whisper (`transcribe.py`), which faster-whisper keeps."""

_HOPELESS = -1.6
"""Mean log-probability under which no text stands, whatever else speaks for it: one in
five per token. Correct words over the telephone rarely fall under -1."""

_TURNS, _LOOP_LETTERS, _LONGEST_LOOP = 4, 10, 12
"""A loop: at least so many turns of at most so many words, so many letters in all."""

_UNLIKELY = 0.15  # a word this improbable is an anomaly (faster-whisper's figure)
_FASTEST = 12.0
"""Characters per second over a whole utterance. Fast newsreaders reach about 6, a hurried
caller 8; text that was invented over a cough has 20 and more."""

_SLOWEST_S = 2.0  # a character longer than this is an anomaly (faster-whisper's figure)
_QUIET = 0.2
"""Speech probability under which a word has nobody speaking it. Silero's own closing
threshold is 0.35; words at the edges of a phrase dip below that."""

_REACH_S = 0.12  # alignments are off by about so much

_SURE_PROBABILITY = 0.8
_SURE_VOICE = 0.5

_INVENTIONS = re.compile(
    "谢谢(大家)?(的)?(观看|收看|收听|聆听)|感谢(大家)?(的)?(观看|收看|收听|聆听)|点赞|订阅|转发|打赏"
    "|字幕|明镜|点点栏目|下期再见|未经.{0,4}许可|优优独播|中文普通话|以下是普通话|请按.?小铃铛"
    "|thankyouforwatching|amaraorg|subtitlesby"
)
"""Families of text that Whisper learnt from subtitles. To be on this list condemns
nothing: it raises what is asked for."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Speech probabilities of a window, one every `VAD_HOP_S`, shape (n,)."""

    probabilities: NDArray[np.float32]

    def between(self, start_s: float, end_s: float) -> float:
        """The highest near a span of time; 0 where there is no audio."""
        first = max(0, int((start_s - _REACH_S) / VAD_HOP_S))
        last = int((end_s + _REACH_S) / VAD_HOP_S) + 1
        heard = self.probabilities[first:last]
        return float(heard.max()) if len(heard) else 0.0


def believable(
    hypothesis: Hypothesis, voice: Voice, hotwords: Collection[str] = ()
) -> tuple[Word, ...]:
    """The words of a hypothesis that stand; all, some, or none."""
    sober = without_loops(hypothesis.words)
    looped = len(sober) < len(hypothesis.words)
    if not sober or _dismissed(
        hypothesis, mended=looped and 2 * len(sober) > len(hypothesis.words)
    ):
        return ()
    words = _spoken(sober, voice)
    if not words or _too_fast(words) or _anomalous(words, voice):
        return ()
    if _suspicious(words, hotwords) and not _beyond_doubt(words, voice):
        return ()
    return words


def without_loops(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words with the first two turns of every loop: a decoder that repeats itself.

    People repeat themselves, too (喂喂喂, 对对对对对, 好的好的好的), but not so often.
    """
    kept = list(words)
    at = 0
    while at < len(kept):
        for period in range(1, _LONGEST_LOOP + 1):
            turn = [word.text for word in kept[at : at + period]]
            count = 1
            while [
                word.text for word in kept[at + count * period : at + (count + 1) * period]
            ] == turn:
                count += 1
            if count >= _TURNS and count * sum(map(len, turn)) >= _LOOP_LETTERS:
                del kept[at + 2 * period : at + count * period]
                break
        at += 1
    return tuple(kept)


def _dismissed(hypothesis: Hypothesis, *, mended: bool) -> bool:
    """Whether nothing of it can stand; `mended`: what it repeats has been left out already."""
    silent = hypothesis.no_speech > _NO_SPEECH and hypothesis.logprob < _LOGPROB
    repeats = hypothesis.compression > _COMPRESSION and not mended
    return silent or repeats or hypothesis.logprob < _HOPELESS


def _spoken(words: Sequence[Word], voice: Voice) -> tuple[Word, ...]:
    """Without the words at either end that nobody speaks: invention fills silence."""
    heard = [voice.between(word.start_s, word.end_s) >= _QUIET for word in words]
    if not any(heard):
        return ()
    return tuple(words[heard.index(True) : len(heard) - heard[::-1].index(True)])


def _too_fast(words: Sequence[Word]) -> bool:
    """More characters than a mouth can say in the time; a few may be aligned badly."""
    count = len(letters(words))
    length_s = words[-1].end_s - words[0].start_s
    return count > 4 and count > _FASTEST * (length_s + _REACH_S)


def _anomalous(words: Sequence[Word], voice: Voice) -> bool:
    """Whether most words are improbable, drawn out, or spoken by nobody."""
    odd = 0
    for word in words:
        drawl = (word.end_s - word.start_s) / max(1, len(word.text)) > _SLOWEST_S
        unheard = voice.between(word.start_s, word.end_s) < _QUIET
        odd += word.probability < _UNLIKELY or drawl or unheard
    return 2 * odd > len(words)


def _suspicious(words: Sequence[Word], hotwords: Collection[str]) -> bool:
    text = letters(words)
    rest = text
    for hotword in sorted(hotwords, key=len, reverse=True):
        rest = rest.replace(hotword.lower(), "")
    return not rest or _INVENTIONS.search(text) is not None


def _beyond_doubt(words: Sequence[Word], voice: Voice) -> bool:
    probability = sum(word.probability for word in words) / len(words)
    heard = sum(voice.between(word.start_s, word.end_s) for word in words) / len(words)
    return probability >= _SURE_PROBABILITY and heard >= _SURE_VOICE

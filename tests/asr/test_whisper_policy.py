"""The live policy over an offline model: a decoder that knows the truth and errs at the edge."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.asr.whisper.hypothesis import Hypothesis, Window, Word
from monitor.asr.whisper.settings import WhisperSettings
from monitor.asr.whisper.stream import WhisperStream
from monitor.events import Chunk, Party, Samples, Token

TEXT = "您好请问有什么可以帮您吗对不起先生您的账户余额不足交费以后马上恢复感谢来电再见"
STEP_MS = 1_000


@dataclass
class Truthful:
    """Hears every word that is complete in the window; the last one it hears wrongly.

    The samples of these tests count up from 0, so a window tells where it lies.
    """

    words: list[Word]
    longest_ms: int = 30_000
    windows: list[tuple[int, int]] = field(default_factory=list)

    def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        return [self._one(window) for window in windows]

    def _one(self, window: Window) -> Hypothesis:
        origin = int(window.samples[0])
        self.windows.append((origin, origin + len(window.samples)))
        begin, end = origin / 16_000, (origin + len(window.samples)) / 16_000
        first = window.prefix[-1] + 1 if window.prefix else 0
        heard = []
        for word in self.words[first:]:
            if not window.prefix and word.start_s < begin - 0.05:
                continue
            if word.start_s + 0.1 > end:
                break
            text = word.text if word.end_s + 0.3 < end else "啊"
            heard.append(
                Word(
                    text,
                    word.ids,
                    max(0.0, word.start_s - begin),
                    min(word.end_s, end) - begin,
                    0.9,
                )
            )
        return Hypothesis(tuple(heard), logprob=-0.1)


class Attentive:
    """A voice activity model that hears speech everywhere."""

    probability = 1.0

    def stream(self) -> Attentive:
        return self

    def feed(self, window: Samples) -> None:
        assert len(window) == 512


def _words(text: str = TEXT, pace_s: float = 0.25, begin_s: float = 0.4) -> list[Word]:
    return [
        Word(char, (at,), begin_s + at * pace_s, begin_s + (at + 1) * pace_s, 0.9)
        for at, char in enumerate(text)
    ]


def _audio(words: Sequence[Word], after_s: float = 0.6) -> Samples:
    length = int((words[-1].end_s + after_s) * 16_000)
    return np.arange(length, dtype=np.float32)


def _stream(decoder: Truthful, **changes: Any) -> WhisperStream:
    chosen: dict[str, Any] = {"live": True, "step_ms": STEP_MS, "window_ms": 20_000} | changes
    return WhisperStream(
        lambda: decoder, cast("Any", Attentive()), WhisperSettings(**chosen), Party.AGENT
    )


def _play(
    stream: WhisperStream, samples: Samples, cuts: Sequence[int], start_ms: int = 0
) -> list[Token]:
    tokens: list[Token] = []
    for a, b in itertools.pairwise([0, *cuts, len(samples)]):
        if a < b:
            tokens += stream.feed(Chunk(Party.AGENT, start_ms + a // 16, samples[a:b]))
    return tokens + stream.end_turn()


def _text(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens)


@pytest.mark.parametrize("live", [True, False])
def test_everything_comes_out_once_and_in_order(live: bool) -> None:
    words = _words(TEXT * 4)  # 40 s: the window fills up and lets go
    tokens = _play(_stream(Truthful(words), live=live), _audio(words), [])
    # In the last window nothing follows the last word, so it stays misheard.
    assert _text(tokens) == TEXT * 4


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 300_000), max_size=20),
    live=st.booleans(),
    pace=st.floats(0.12, 0.6),
    window_ms=st.integers(6_000, 28_000),
)
def test_cutting_changes_nothing(cuts: list[int], live: bool, pace: float, window_ms: int) -> None:
    words = _words(pace_s=pace)
    samples = _audio(words)
    inside = sorted(cut for cut in cuts if cut < len(samples))
    chosen = {"live": live, "window_ms": window_ms}
    whole = _play(_stream(Truthful(words), **chosen), samples, [])
    assert _play(_stream(Truthful(words), **chosen), samples, inside) == whole
    assert _text(whole) == TEXT
    for before, after in itertools.pairwise(whole):
        assert before.start_ms < before.end_ms <= after.start_ms


def test_two_hypotheses_must_agree() -> None:
    """A word that is heard once is not committed; it is when it is heard again."""
    words = _words(begin_s=0.1, pace_s=0.4)
    stream, samples = _stream(Truthful(words)), _audio(words)
    assert stream.feed(Chunk(Party.AGENT, 0, samples[: STEP_MS * 16])) == []
    assert stream.partial.startswith("您")
    tokens = stream.feed(Chunk(Party.AGENT, STEP_MS, samples[STEP_MS * 16 : 2 * STEP_MS * 16]))
    assert _text(tokens) == "您"  # the second word was still wrong the first time


def test_a_word_waits_two_steps_at_most() -> None:
    """The delay does not depend on how long the turn has been going on."""
    words = _words(TEXT * 6)
    stream, samples = _stream(Truthful(words)), _audio(words)
    for at in range(0, len(samples), 1_600):
        now_ms = (at + 1_600) // 16
        for token in stream.feed(Chunk(Party.AGENT, at // 16, samples[at : at + 1_600])):
            assert now_ms - token.end_ms <= 2 * STEP_MS + 300 + 100


def test_the_window_is_bounded_and_so_is_the_work() -> None:
    words = _words(TEXT * 8)
    decoder = Truthful(words)
    samples = _audio(words)
    _play(_stream(decoder), samples, list(range(800, len(samples), 800)))
    assert max(end - begin for begin, end in decoder.windows) <= 20_000 * 16
    assert len(decoder.windows) <= len(samples) // (STEP_MS * 16) + 8


def test_a_turn_in_which_nothing_is_understood_does_not_grow() -> None:
    decoder = Truthful([])
    samples = np.arange(16_000 * 90, dtype=np.float32)
    stream = _stream(decoder)
    assert _play(stream, samples, list(range(1_600, len(samples), 1_600))) == []
    assert max(end - begin for begin, end in decoder.windows) <= 20_000 * 16


def test_what_is_settled_stays_settled() -> None:
    words = _words(TEXT * 3, pace_s=0.3)
    stream, samples = _stream(Truthful(words), window_ms=8_000), _audio(words)
    settled = 5_000
    for at in range(0, len(samples), 480):
        chunk = Chunk(Party.AGENT, 5_000 + at // 16, samples[at : at + 480])
        tokens = stream.feed(chunk)
        assert all(token.start_ms >= settled for token in tokens)
        assert settled <= stream.settled_ms <= 5_000 + (at + 480) // 16
        settled = stream.settled_ms
    assert all(token.start_ms >= settled for token in stream.end_turn())


def test_a_number_waits_until_something_follows_it() -> None:
    """10 may be the beginning of 10010."""
    words = [
        Word("10", (0,), 0.2, 0.6, 0.9),
        Word("好", (1,), 3.2, 3.5, 0.9),
    ]
    stream, samples = _stream(Truthful(words)), np.arange(16_000 * 6, dtype=np.float32)
    early = stream.feed(Chunk(Party.AGENT, 0, samples[: 3 * 16_000]))
    assert early == []
    later = stream.feed(Chunk(Party.AGENT, 3_000, samples[3 * 16_000 :]))
    assert [token.text for token in later] == ["10", "好"]


def test_the_end_of_a_recorded_turn_is_not_cut_off() -> None:
    words = _words("你问我我问谁啊", begin_s=0.2)
    decoder = Truthful(words)
    tokens = _play(_stream(decoder, live=False), _audio(words), [])
    assert _text(tokens) == "你问我我问谁啊"
    assert len(decoder.windows) == 1

"""Turns that are known beforehand are decoded many at a time, and nothing changes by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from monitor import rules
from monitor.asr.scripted import ScriptedRecognizer
from monitor.asr.whisper.hypothesis import Hypothesis, Window, Word
from monitor.asr.whisper.packing import PackingDecoder
from monitor.audio.file import TruncatedAudioError, read_call
from monitor.audio.vad import SileroVad
from monitor.base.package_files import fixtures_dir
from monitor.call.engine import Engine, run
from monitor.call.prefetch import read_ahead
from monitor.events import Chunk, Party, Samples, Token

SECOND = 16_000


class Loud:
    """Hears one word per second of audio, named after its loudness in tenths."""

    longest_ms = 30_000

    def __init__(self, probability: float = 0.95, no_speech: float = 0.01) -> None:
        self.batches: list[list[int]] = []
        self._probability = probability
        self._no_speech = no_speech

    def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        if windows:
            self.batches.append([len(window.samples) // SECOND for window in windows])
        return [self._one(window.samples) for window in windows]

    def _one(self, samples: Samples) -> Hypothesis:
        sure = self._probability
        words = tuple(
            Word(f"{samples[at]:.1f}", (at,), at / SECOND + 0.1, at / SECOND + 0.9, sure)
            for at in range(0, len(samples), SECOND)
        )
        return Hypothesis(words, no_speech=self._no_speech, logprob=-0.05)


def _turn(loudness: float, seconds: int) -> Samples:
    return np.full(seconds * SECOND, loudness, np.float32)


TURNS = [_turn(0.1, 3), _turn(0.2, 4), _turn(0.3, 2), _turn(0.4, 6), _turn(0.5, 1)]


def test_turns_share_windows_and_windows_share_batches() -> None:
    loud = Loud()
    packing = PackingDecoder(loud, longest_ms=8_000, batch=2, pack=True)
    packing.prefetch(TURNS)
    assert loud.batches == [[7, 8], [1]]  # 3+4, 2+6, 1


def test_unless_asked_to_turns_keep_windows_of_their_own() -> None:
    loud = Loud()
    PackingDecoder(loud, longest_ms=8_000, batch=2).prefetch(TURNS)
    assert loud.batches == [[3, 4], [2, 6], [1]]


@pytest.mark.parametrize(
    "loud", [Loud(), Loud(probability=0.3), Loud(no_speech=0.9)], ids=["sure", "unsure", "silent"]
)
def test_every_turn_has_the_words_it_has_alone(loud: Loud) -> None:
    packing = PackingDecoder(loud, longest_ms=8_000, batch=2, pack=True)
    packing.prefetch(TURNS)
    for turn in TURNS:
        (found,) = packing.decode([Window(turn)])
        (alone,) = loud.decode([Window(turn)])
        assert [word.text for word in found.words] == [word.text for word in alone.words]
        for here, there in zip(found.words, alone.words, strict=True):
            assert here.start_s == pytest.approx(there.start_s)
            assert here.end_s == pytest.approx(there.end_s)


def test_what_is_doubtful_in_company_is_heard_again_alone() -> None:
    loud = Loud(probability=0.3)
    packing = PackingDecoder(loud, longest_ms=8_000, batch=2, pack=True)
    packing.prefetch(TURNS[:2])
    loud.batches.clear()
    packing.decode([Window(TURNS[0])])
    assert loud.batches == [[3]]


def test_memory_is_given_back() -> None:
    loud = Loud()
    packing = PackingDecoder(loud, longest_ms=8_000, batch=2, pack=True)
    packing.prefetch(TURNS)
    packing.decode([Window(turn) for turn in TURNS])
    loud.batches.clear()
    packing.decode([Window(TURNS[0])])
    assert loud.batches == [[3]]  # not remembered any more


def test_long_turns_and_those_with_a_prefix_are_left_to_the_flow() -> None:
    loud = Loud()
    packing = PackingDecoder(loud, longest_ms=8_000, batch=2, pack=True)
    packing.prefetch([_turn(0.1, 9), _turn(0.2, 2)])
    assert loud.batches == [[2]]
    packing.decode([Window(_turn(0.2, 2), prefix=(1,))])
    assert loud.batches == [[2], [2]]


class Listener:
    """Notes the turns it is given."""

    def __init__(self, ahead_ms: int) -> None:
        self.ahead_ms = ahead_ms
        self.turns: list[Samples] = []

    def prefetch(self, turns: Sequence[Samples]) -> None:
        self.turns += turns


PARTIES = (Party.AGENT, Party.CUSTOMER)


@pytest.mark.parametrize("ahead_ms", [1, 10_000, 10_000_000])
def test_reading_ahead_gives_the_same_chunks(ahead_ms: int) -> None:
    path = fixtures_dir() / "demo.flac"
    listener = Listener(ahead_ms)
    given = list(read_call(path))
    got = list(read_ahead(listener, PARTIES, iter(given), SileroVad()))
    assert got == given
    assert len(listener.turns) == 11  # the lines of the call


def test_the_turns_are_those_the_flow_finds() -> None:
    """Byte for byte: else all would be heard twice."""
    found: list[Samples] = []
    given: list[Samples] = []

    class Noting(ScriptedRecognizer):
        ahead_ms = 10_000

        def stream(self, party: Party) -> Listening:  # type: ignore[override]
            return Listening()

        def prefetch(self, turns: Sequence[Samples]) -> None:
            given.extend(turns)

    class Listening:
        settled_ms, partial = 0, ""

        def __init__(self) -> None:
            self.parts: list[Samples] = []

        def feed(self, chunk: Chunk) -> list[Token]:
            self.parts.append(chunk.samples)
            return []

        def end_turn(self) -> list[Token]:
            # What is read ahead is heard before the flow comes to it.
            assert len(given) > len(found)
            found.append(np.concatenate(self.parts))
            self.parts = []
            return []

    loaded = Engine(Noting(()), rules.load(()), SileroVad())
    run(loaded.call("t", PARTIES), read_call(fixtures_dir() / "demo.flac"))
    assert sorted(map(_key, found)) == sorted(map(_key, given))


def _key(samples: Samples) -> bytes:
    return samples.tobytes()


def test_a_recording_that_breaks_off_does_so_in_the_same_place() -> None:
    def breaking() -> Iterator[Chunk]:
        for at in range(20):
            yield Chunk(Party.AGENT, at * 1_000, np.zeros(SECOND, np.float32))
        raise TruncatedAudioError("broken off", 20_000)

    ahead = read_ahead(Listener(10_000), (Party.AGENT,), breaking(), SileroVad())
    assert [next(ahead).start_ms for _ in range(20)] == list(range(0, 20_000, 1_000))
    with pytest.raises(TruncatedAudioError, match="broken off"):
        next(ahead)

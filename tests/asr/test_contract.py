"""What every recogniser promises, whatever is inside it.

A recogniser joins by adding a `Candidate`; the tests then hold it to
`monitor.asr.RecognizerStream`.
"""

from __future__ import annotations

import gc
import itertools
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.asr import load
from monitor.asr.protocol import Recognizer, RecognizerStream
from monitor.asr.scripted import ScriptedRecognizer
from monitor.audio.file import read_call
from monitor.base.errors import UserError
from monitor.base.package_files import fixtures_dir
from monitor.events import SAMPLE_RATE, Chunk, Party, Samples, Token

SPOKEN_MS = 4_400
"""Length of the piece of speech that is fed."""


LOOK_AHEAD_MS = 270
"""After so much more audio a streaming model's mind no longer changes."""


@dataclass(frozen=True)
class Candidate:
    """A recogniser on trial, and speech that it understands at least in part."""

    recognizer: Recognizer
    speech: Samples
    hears: bool = True  # not for networks with random weights


@dataclass
class Hearing:
    """What came out of a stream, with what it promised at each step."""

    tokens: list[Token] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)


def _scripted(shared: Path, tmp_path: Path, tiny: Any) -> Candidate:
    tokens = [
        Token(Party.AGENT, text, syllable, at, at + 180)
        for text, syllable, at in zip(
            "您好请讲", ("nin", "hao", "qing", "jiang"), range(300, 3900, 900), strict=True
        )
    ]
    random = np.random.default_rng(0)
    speech = random.normal(0, 0.1, SPOKEN_MS * 16).astype(np.float32)
    return Candidate(ScriptedRecognizer(tokens), speech)


def _fsmn(shared: Path, tmp_path: Path, tiny: Any) -> Candidate:
    return Candidate(load(shared / "models" / "fsmn-charctc"), _recording(shared))


def _embedded(shared: Path, tmp_path: Path, tiny: Any) -> Candidate:
    try:
        recognizer = load(phrases=["有什么可以帮您", "请您稍等"])
    except UserError as error:
        pytest.skip(f"no embedded model: {error}")
    return Candidate(recognizer, _bundled())


def _tiny(mode: str) -> Callable[[Path, Path, Any], Candidate]:
    def build(shared: Path, tmp_path: Path, tiny: Any) -> Candidate:
        folder = tiny.write(tmp_path / mode, mode)
        random = np.random.default_rng(0)
        loudness = np.repeat(random.uniform(0, 0.3, SPOKEN_MS // 50), 50 * 16)
        speech = (random.normal(0, 1, len(loudness)) * loudness).astype(np.float32)
        return Candidate(load(folder), speech, hears=False)

    return build


def _sherpa(model: str) -> Callable[[Path, Path, Any], Candidate]:
    def build(models: Path, tmp_path: Path, tiny: Any) -> Candidate:
        return Candidate(load(f"sherpa:{models / 'sherpa' / model}"), _bundled())

    return build


def _whisper(live: bool) -> Callable[[Path, Path, Any], Candidate]:
    def build(shared: Path, tmp_path: Path, tiny: Any) -> Candidate:
        return Candidate(load("faster-whisper:tiny-test", live=live), _bundled())

    return build


CANDIDATES: dict[str, Callable[[Path, Path, Any], Candidate]] = {
    "scripted": _scripted,
    "tiny-context": _tiny("context"),
    "tiny-cache": _tiny("cache"),
    "fsmn": _fsmn,
    "embedded": _embedded,
    "sherpa-ctc": _sherpa("tiny-test"),
    "sherpa-transducer": _sherpa("tiny-transducer"),
    "sherpa-offline": _sherpa("tiny-offline"),
    "sherpa-paraformer": _sherpa("tiny-paraformer"),
    "whisper": _whisper(live=False),
    "whisper-live": _whisper(live=True),
}


def _bundled() -> Samples:
    """A bundled agent's greeting."""
    call = read_call(fixtures_dir() / "compliant.wav")
    agent = np.concatenate([chunk.samples for chunk in call if chunk.party is Party.AGENT])
    return agent[: SPOKEN_MS * 16]


def _recording(shared: Path) -> Samples:
    """Somebody reading: 你给谁我没有意见啊 and more, from Common Voice."""
    soundfile = pytest.importorskip("soundfile")
    clips = shared / "data" / "commonvoice-zh-CN"
    table = (clips / "clips.tsv").read_text(encoding="utf-8").splitlines()
    name = next(row.split("\t")[0] for row in table if "位于美国" in row and "\tdev\t" in row)
    samples, rate = soundfile.read(clips / "clips" / name, dtype="float32")
    assert rate == SAMPLE_RATE
    loud = int(np.argmax(np.abs(samples) > 0.3 * np.abs(samples).max()))
    speech: Samples = samples[loud - 3_200 :][: SPOKEN_MS * 16]
    return speech


@pytest.fixture(scope="module", params=list(CANDIDATES))
def build(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Candidate]:
    """Loads the recogniser on trial."""
    name = request.param
    shared = Path()
    if name == "fsmn" or name.startswith("sherpa"):
        shared = request.getfixturevalue("shared" if name == "fsmn" else "sherpa_models")
    tiny = request.getfixturevalue("tiny") if name.startswith("tiny") else None
    return lambda: CANDIDATES[name](shared, tmp_path_factory.mktemp("models"), tiny)


@pytest.fixture(scope="module")
def candidate(build: Callable[[], Candidate]) -> Iterator[Candidate]:
    one = build()
    yield one
    one.recognizer.close()


def _feed(
    stream: RecognizerStream, samples: Samples, start_ms: int, edges: Sequence[int]
) -> Hearing:
    heard = Hearing()
    for a, b in itertools.pairwise([0, *edges, len(samples)]):
        if a < b:
            heard.tokens += stream.feed(Chunk(Party.AGENT, start_ms + a // 16, samples[a:b]))
            heard.settled.append(stream.settled_ms)
    return heard


def _hear(candidate: Candidate, samples: Samples, start_ms: int = 0, step: int = 1_600) -> Hearing:
    stream = candidate.recognizer.stream(Party.AGENT)
    heard = _feed(stream, samples, start_ms, range(step, len(samples), step))
    heard.tokens += stream.end_turn()
    heard.settled.append(stream.settled_ms)
    return heard


def test_speech_gives_tokens(candidate: Candidate) -> None:
    if candidate.hears:
        tokens = _hear(candidate, candidate.speech).tokens
        assert len(tokens) >= 4
        assert all(token.text and token.syllable for token in tokens)
        assert all(0 < token.confidence <= 1 for token in tokens)


def test_times_are_monotonic_and_inside_the_audio(candidate: Candidate) -> None:
    start_ms = 60_000 if candidate.recognizer.name != "scripted" else 0
    tokens = _hear(candidate, candidate.speech, start_ms).tokens
    assert tokens
    for token in tokens:
        assert token.start_ms < token.end_ms
    for before, after in itertools.pairwise(tokens):
        assert before.end_ms <= after.start_ms
    assert tokens[0].start_ms >= start_ms
    assert tokens[-1].end_ms <= start_ms + SPOKEN_MS


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_cutting_changes_nothing(candidate: Candidate, data: st.DataObject) -> None:
    samples = candidate.speech
    cuts = data.draw(st.lists(st.integers(1, len(samples)), max_size=30))
    stream = candidate.recognizer.stream(Party.AGENT)
    heard = _feed(stream, samples, 0, sorted(cuts))
    assert heard.tokens + stream.end_turn() == _hear(candidate, samples).tokens


def test_single_samples_give_the_same(candidate: Candidate) -> None:
    samples = candidate.speech[:24_000]
    assert _hear(candidate, samples, step=1).tokens == _hear(candidate, samples).tokens


def test_all_at_once_gives_the_same(candidate: Candidate) -> None:
    samples = candidate.speech
    assert _hear(candidate, samples, step=len(samples)).tokens == _hear(candidate, samples).tokens


def test_what_is_settled_stays_settled(candidate: Candidate) -> None:
    stream = candidate.recognizer.stream(Party.AGENT)
    settled = stream.settled_ms
    for at in range(0, len(candidate.speech), 480):
        chunk = Chunk(Party.AGENT, at // 16, candidate.speech[at : at + 480])
        for token in stream.feed(chunk):
            assert token.start_ms >= settled
        assert stream.settled_ms >= settled
        assert stream.settled_ms <= (at + 480) // 16
        settled = stream.settled_ms
    for token in stream.end_turn():
        assert token.start_ms >= settled
    assert stream.settled_ms == len(candidate.speech) // 16


def test_the_last_syllable_is_not_lost(candidate: Candidate) -> None:
    """What was heard comes out with the end of the turn, however deep it was in the pipe."""
    tokens = _hear(candidate, candidate.speech).tokens
    if not candidate.hears:
        pytest.skip("random weights answer a cut with other tokens")
    cut = candidate.speech[: (tokens[2].end_ms + LOOK_AHEAD_MS) * 16]
    stream = candidate.recognizer.stream(Party.AGENT)
    got = _feed(stream, cut, 0, []).tokens + stream.end_turn()
    assert [token.syllable for token in got[:3]] == [token.syllable for token in tokens[:3]]


def test_silence_gives_nothing(candidate: Candidate) -> None:
    if candidate.hears and candidate.recognizer.name != "scripted":
        start_ms = SPOKEN_MS * 2
        assert _hear(candidate, np.zeros(48_000, np.float32), start_ms).tokens == []


def test_a_new_stretch_starts_afresh(candidate: Candidate) -> None:
    if candidate.recognizer.name == "scripted":
        pytest.skip("a script is read once")
    stream = candidate.recognizer.stream(Party.AGENT)
    first = _feed(stream, candidate.speech, 0, []).tokens + stream.end_turn()
    assert stream.partial == ""
    second = _feed(stream, candidate.speech, 10_000, []).tokens + stream.end_turn()
    assert [(t.text, t.syllable, t.start_ms + 10_000) for t in first] == [
        (t.text, t.syllable, t.start_ms) for t in second
    ]


def test_parties_do_not_mix(candidate: Candidate) -> None:
    agent = candidate.recognizer.stream(Party.AGENT)
    customer = candidate.recognizer.stream(Party.CUSTOMER)
    tokens: list[Token] = []
    random = np.random.default_rng(3)
    for at in range(0, len(candidate.speech), 1_600):
        tokens += agent.feed(Chunk(Party.AGENT, at // 16, candidate.speech[at : at + 1_600]))
        other = random.normal(0, 0.1, 1_600).astype(np.float32)
        for token in customer.feed(Chunk(Party.CUSTOMER, at // 16, other)):
            assert token.party is Party.CUSTOMER
    tokens += agent.end_turn()
    assert tokens == _hear(candidate, candidate.speech).tokens
    assert all(token.party is Party.AGENT for token in tokens)


def test_a_turn_without_audio_ends_quietly(candidate: Candidate) -> None:
    assert candidate.recognizer.stream(Party.AGENT).end_turn() == []


def test_close_frees_memory(build: Callable[[], Candidate]) -> None:
    """Nothing keeps a closed recogniser: no cache, no thread, no stream of its own."""
    one = build()
    stream = one.recognizer.stream(Party.AGENT)
    stream.feed(Chunk(Party.AGENT, 0, one.speech))
    stream.end_turn()
    one.recognizer.close()
    gone = weakref.ref(one.recognizer)
    del stream, one
    gc.collect()
    assert gone() is None

"""The real sherpa-onnx on real models: what it hears of the bundled calls, and how it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from rapidfuzz.distance import Levenshtein

from monitor.asr import load
from monitor.asr.names import Wanted
from monitor.asr.protocol import Recognizer
from monitor.asr.sherpa import offline
from monitor.asr.sherpa.settings import SherpaSettings
from monitor.audio.file import read_call
from monitor.base.errors import UserError
from monitor.events import SAMPLE_RATE, Chunk, Party, Samples, Token
from monitor.testing import fixtures

TIMED = ("tiny-test", "tiny-transducer", "tiny-offline")
NAMES = (*TIMED, "tiny-paraformer")


@pytest.fixture(scope="module")
def named(sherpa_models: Path) -> Callable[[str], Recognizer]:
    """A recogniser by the name of its model."""
    return lambda name: load(f"sherpa:{sherpa_models / 'sherpa' / name}")


def _agent(audio: Path) -> Samples:
    chunks = [chunk.samples for chunk in read_call(audio) if chunk.party is Party.AGENT]
    return np.concatenate(chunks)


def _hear(recognizer: Recognizer, samples: Samples, start_ms: int = 0) -> list[Token]:
    stream = recognizer.stream(Party.AGENT)
    tokens = []
    for at in range(0, len(samples), 3_200):
        tokens += stream.feed(Chunk(Party.AGENT, start_ms + at // 16, samples[at : at + 3_200]))
    return tokens + stream.end_turn()


def _distance(tokens: list[Token], said: list[str]) -> float:
    """Share of syllables that are wrong, missing or too many."""
    return Levenshtein.distance([token.syllable for token in tokens], said) / len(said)


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_line_is_heard(named: Callable[[str], Recognizer], name: str) -> None:
    call = fixtures.load("compliant")
    line = call.lines[0]
    said = [t.syllable for t in call.tokens() if t.start_ms < line.end_ms]
    samples = _agent(call.audio)
    heard = _hear(named(name), samples[line.start_ms * 16 : (line.end_ms + 300) * 16], 1_000)
    assert _distance(heard, said) < 0.2
    assert heard[0].start_ms >= 1_000
    assert heard[-1].end_ms <= 1_000 + line.end_ms - line.start_ms + 300


def test_a_transducer_says_what_ctc_says(named: Callable[[str], Recognizer]) -> None:
    """The same network behind two of sherpa-onnx's searches: the same syllables at their times."""
    samples = _agent(fixtures.load("compliant").audio)[: 8 * SAMPLE_RATE]
    ctc, transducer = (_hear(named(name), samples) for name in NAMES[:2])
    assert [(t.text, t.start_ms, t.end_ms) for t in ctc] == [
        (t.text, t.start_ms, t.end_ms) for t in transducer
    ]
    assert all(token.confidence == 1.0 for token in ctc)  # the engine gives none for CTC
    assert all(0 < token.confidence < 1 for token in transducer)


@pytest.mark.parametrize("name", TIMED)
def test_tokens_lie_where_they_were_said(named: Callable[[str], Recognizer], name: str) -> None:
    call = fixtures.load("compliant")
    recognizer = named(name)
    samples = _agent(call.audio)
    for line in (line for line in call.lines if line.party is Party.AGENT):
        first = max(0, line.start_ms - 400)
        heard = _hear(recognizer, samples[first * 16 : (line.end_ms + 400) * 16], first)
        assert abs(heard[0].start_ms - line.start_ms) < 250
        # The engine tells when a token begins; its end is only guessed.
        assert abs(heard[-1].end_ms - line.end_ms) < 300


@pytest.mark.parametrize("name", NAMES)
def test_the_telephone_is_heard(
    named: Callable[[str], Recognizer], tmp_path: Path, name: str
) -> None:
    """8 kHz recordings come up to 16 kHz in the flow; the engine hears them as well."""
    call = fixtures.load("compliant")
    line = call.lines[0]
    narrow = soxr.resample(_agent(call.audio)[: line.end_ms * 16], SAMPLE_RATE, 8_000)
    soundfile.write(tmp_path / "phone.wav", narrow, 8_000, subtype="ALAW")
    said = [t.syllable for t in call.tokens() if t.start_ms < line.end_ms]
    assert _distance(_hear(named(name), _agent(tmp_path / "phone.wav")), said) < 0.25


def test_paraformers_tokens_lie_in_the_chunk_that_said_them(
    named: Callable[[str], Recognizer],
) -> None:
    """The engine tells no times: those of the timed models are met within a chunk of 600 ms."""
    samples = _agent(fixtures.load("compliant").audio)[: 5 * SAMPLE_RATE]
    timed, untimed = (_hear(named(name), samples) for name in ("tiny-offline", "tiny-paraformer"))
    assert [token.text for token in timed] == [token.text for token in untimed]
    for one, other in zip(timed, untimed, strict=True):
        assert abs((one.start_ms + one.end_ms) - (other.start_ms + other.end_ms)) / 2 < 600


def test_tokens_come_while_the_sentence_goes_on(named: Callable[[str], Recognizer]) -> None:
    samples = _agent(fixtures.load("compliant").audio)[: 5 * SAMPLE_RATE]
    recognizer = named("tiny-test")
    stream = recognizer.stream(Party.AGENT)
    waits = []
    for at in range(0, len(samples), 160):
        for token in stream.feed(Chunk(Party.AGENT, at // 16, samples[at : at + 160])):
            waits.append((at + 160) // 16 - token.end_ms)
    assert len(waits) >= 10
    # The network's delay, a chunk to fill and the window's overlap: 240 + 300 + 50 ms.
    assert max(waits) < 600


@pytest.mark.parametrize("name", NAMES)
def test_calls_in_threads_share_a_model(named: Callable[[str], Recognizer], name: str) -> None:
    recognizer = named(name)
    samples = _agent(fixtures.load("compliant").audio)[: 5 * SAMPLE_RATE]
    alone = _hear(recognizer, samples)
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda _: _hear(recognizer, samples), range(6)))
    assert together == [alone] * 6


def test_a_turn_without_end_is_heard_in_parts(
    named: Callable[[str], Recognizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole-utterance models get no more than they were made for; nothing is lost at the cuts."""
    recognizer = named("tiny-offline")
    assert isinstance(recognizer, offline.OfflineRecognizer)
    lengths = []
    hear = recognizer.hear

    def spy(samples: Samples, start_ms: int) -> object:
        lengths.append(len(samples))
        return hear(samples, start_ms)

    monkeypatch.setattr(recognizer, "hear", spy)
    line = _agent(fixtures.load("compliant").audio)[: 5 * SAMPLE_RATE]
    stream = recognizer.stream(Party.AGENT)
    tokens, before_end = [], 0
    for turn in range(14):
        tokens += stream.feed(Chunk(Party.AGENT, turn * 5_000, line))
        before_end = len(tokens)
    tokens += stream.end_turn()
    assert before_end > 0
    assert len(lengths) == 3
    assert max(lengths) <= 28 * SAMPLE_RATE
    assert sum(lengths) == 70 * SAMPLE_RATE
    once = [token.syllable for token in _hear(recognizer, line)]
    assert _distance(tokens, once * 14) < 0.02
    starts = [token.start_ms for token in tokens]
    assert starts == sorted(starts)


@pytest.mark.parametrize("name", NAMES)
def test_closing_lets_go_of_the_network(sherpa_models: Path, name: str) -> None:
    recognizer = load(f"sherpa:{sherpa_models / 'sherpa' / name}")
    recognizer.close()
    with pytest.raises(AttributeError):
        _hear(recognizer, np.ones(SAMPLE_RATE, np.float32))


def test_settings_are_read_and_refused() -> None:
    chosen = SherpaSettings.of(
        Wanted(
            options={"threads": "3", "provider": "cuda", "precision": "float", "language": "yue"}
        )
    )
    assert chosen == SherpaSettings(3, "cuda", "float", "yue")
    assert SherpaSettings.of(Wanted()) == SherpaSettings(1, "cpu", "int8", "zh")
    for options in ({"thread": "3"}, {"threads": "0"}, {"provider": "tpu"}, {"precision": "int4"}):
        with pytest.raises(UserError, match=next(iter(options))):
            SherpaSettings.of(Wanted(options=options))


def test_without_the_package_one_line_names_the_command(
    sherpa_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    with pytest.raises(UserError, match=r"pip install 'callmonitor\[sherpa\]'"):
        load(f"sherpa:{sherpa_models / 'sherpa' / 'tiny-test'}")


def test_a_network_that_onnxruntime_refuses_is_one_line(
    sherpa_models: Path, tmp_path: Path
) -> None:
    """Metadata in order, graph broken: the C++ error comes through as the user's to mend."""
    onnx = pytest.importorskip("onnx")
    source = sherpa_models / "sherpa" / "tiny-offline"
    model = onnx.load(str(source / "model.onnx"))
    del model.graph.node[3:]
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "tokens.txt").write_bytes((source / "tokens.txt").read_bytes())
    with pytest.raises(UserError, match="broken"):
        load(f"sherpa:{folder}")


def _run(*args: str | Path, models: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor", *map(str, args)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={
            **os.environ,
            "MONITOR_LANG": "zh",
            "MONITOR_MODELS": str(models),
            "PYTHONIOENCODING": "utf-8",
        },
        timeout=240,
        check=False,
    )


def test_a_call_is_scored_through_sherpa_onnx(sherpa_models: Path, tmp_path: Path) -> None:
    call = fixtures.load("forbidden-phrases")
    ran = _run(
        *("score", call.audio, "--out", tmp_path, "--asr", "sherpa:tiny-test,threads=1"),
        models=sherpa_models,
    )
    assert ran.returncode == 0, ran.stderr
    result = json.loads((tmp_path / "forbidden-phrases.json").read_text(encoding="utf-8"))
    assert result["call"]["recogniser"] == "sherpa:tiny-test"
    raised = {alert["rule"] for alert in result["alerts"]}
    assert {expected.rule for expected in call.alerts} <= raised
    states = {script["rule"]: script["state"] for script in result["scripts"]}
    for script in call.scripts:
        assert states[script.rule] == script.status.value


@pytest.mark.parametrize(
    ("asr", "said"),
    [
        ("sherpa:nothing-here", "nothing-here"),
        ("sherpa:zipformer-zh-small", "monitor models pull zipformer-zh-small"),
        ("sherpa:tiny-test,speed=9", "speed"),
        ("sherpa:/no/such/folder", "/no/such/folder"),
    ],
)
def test_a_wrong_name_is_one_line(sherpa_models: Path, tmp_path: Path, asr: str, said: str) -> None:
    audio = fixtures.load("last-word").audio
    ran = _run("score", audio, "--out", tmp_path, "--asr", asr, models=sherpa_models)
    assert ran.returncode != 0
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_embedded_engine_needs_none_of_it() -> None:
    code = (
        "import sys; from monitor.asr import load; load();"
        "print([m for m in ('sherpa_onnx', 'faster_whisper', 'httpx2', 'monitor.asr.models.pull',"
        " 'monitor.asr.models.manifest', 'monitor.asr.sherpa') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"

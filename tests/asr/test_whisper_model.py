"""The real faster-whisper on a true, tiny Whisper (models/faster-whisper/tiny-test)."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from monitor.asr import load, names
from monitor.asr.names import Wanted
from monitor.asr.whisper.decoder import WhisperDecoder
from monitor.asr.whisper.hypothesis import Hypothesis, Window
from monitor.asr.whisper.recognizer import WhisperRecognizer
from monitor.asr.whisper.settings import WhisperSettings
from monitor.audio.file import read_call
from monitor.base.errors import UserError
from monitor.base.package_files import fixtures_dir, models_dir
from monitor.call.live_shared_decoder import SharedDecoder, shared_decoder
from monitor.events import Chunk, Party, Samples, Token
from monitor.testing import fixtures

FOLDER = models_dir() / "faster-whisper" / "tiny-test"
GREETING = "您好，请问有什么可以帮您吗？"


@pytest.fixture(scope="module")
def decoder() -> Iterator[WhisperDecoder]:
    one = WhisperDecoder(FOLDER, WhisperSettings())
    yield one
    one.close()


def _recognizer(live: bool = False) -> WhisperRecognizer:
    recognizer = load("faster-whisper:tiny-test", live=live)
    assert isinstance(recognizer, WhisperRecognizer)
    return recognizer


def _channel(name: str, party: Party) -> Samples:
    (call,) = (fixture for fixture in fixtures.load_all() if fixture.name == name)
    chunks = read_call(fixtures_dir() / call.audio.name)
    return np.concatenate([chunk.samples for chunk in chunks if chunk.party is party])


def _lines(name: str, party: Party) -> list[tuple[str, int, int]]:
    (call,) = (fixture for fixture in fixtures.load_all() if fixture.name == name)
    return [(line.text, line.start_ms, line.end_ms) for line in call.lines if line.party is party]


def _line(name: str, party: Party, text: str) -> tuple[Samples, int, int]:
    """The audio around one line of a bundled call, and where in it the line is spoken."""
    start, end = next((s, e) for said, s, e in _lines(name, party) if said == text)
    first = max(0, start - 320)
    return _channel(name, party)[first * 16 : (end + 500) * 16], start - first, end - first


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def test_it_hears_words_with_their_times(decoder: WhisperDecoder) -> None:
    samples, start_ms, end_ms = _line("demo", Party.AGENT, GREETING)
    (found,) = decoder.decode([Window(samples)])
    assert found.text == GREETING
    assert len(_letters(found.text)) == 12
    assert found.no_speech < 0.5
    assert found.logprob > -0.5
    for before, after in itertools.pairwise(found.words):
        assert before.start_s <= before.end_s <= after.start_s + 1e-6
    # Times come from the attention of the alignment head, which was trained on estimates.
    assert abs(1000 * found.words[0].start_s - start_ms) < 500
    assert abs(1000 * found.words[-1].end_s - end_ms) < 700


def test_a_batch_hears_what_each_hears_alone(decoder: WhisperDecoder) -> None:
    windows = [
        Window(_line("demo", Party.AGENT, text)[0])
        for text in (GREETING, "好的，请您稍等，我帮您查询一下。", "你问我，我问谁啊？")
    ]
    together = decoder.decode(windows)
    for window, hypothesis in zip(windows, together, strict=True):
        (alone,) = decoder.decode([window])
        assert alone.text == hypothesis.text
        assert alone.logprob == pytest.approx(hypothesis.logprob, abs=1e-2)


def test_a_prefix_is_continued_and_not_repeated(decoder: WhisperDecoder) -> None:
    """In a batch with another, whose prefix has another length."""
    samples = _line("demo", Party.AGENT, GREETING)[0]
    (whole,) = decoder.decode([Window(samples)])
    half = len(whole.words) // 2
    begun = tuple(i for word in whole.words[:half] for i in (*word.ids, *word.mark_ids))
    rest, all_ = decoder.decode([Window(samples, begun), Window(samples)])
    assert all_.text == whole.text
    assert [word.text for word in rest.words] == [word.text for word in whole.words[half:]]
    assert rest.words[0].start_s == pytest.approx(whole.words[half].start_s, abs=0.1)


def _noises() -> dict[str, Samples]:
    random = np.random.default_rng(5)
    time_s = np.arange(6 * 16_000, dtype=np.float32) / 16_000
    notes = random.choice(262 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12), 24)
    melody = notes[(time_s / 0.25).astype(int)]
    chord = sum(np.sin(2 * np.pi * np.cumsum(melody * k) / 16_000) for k in (1.0, 1.25, 1.5))
    ring = np.sin(2 * np.pi * 450 * time_s) * ((time_s % 5) < 1)
    return {
        "silence": np.zeros(96_000, np.float32),
        "white noise": random.normal(0, 0.05, 96_000).astype(np.float32),
        "loud noise": random.normal(0, 0.3, 96_000).astype(np.float32),
        "hold music": (0.1 * np.asarray(chord)).astype(np.float32),
        "ringing": (0.2 * ring).astype(np.float32),
    }


@pytest.mark.parametrize("kind", list(_noises()))
@pytest.mark.parametrize("live_", [False, True])
def test_nothing_is_invented(kind: str, live_: bool) -> None:
    """Even where the voice activity model lets it through: here it is fed straight in."""
    recognizer = _recognizer(live_)
    stream = recognizer.stream(Party.AGENT)
    tokens = stream.feed(Chunk(Party.AGENT, 0, _noises()[kind]))
    assert tokens + stream.end_turn() == []
    recognizer.close()


def _live_text(recognizer: WhisperRecognizer, samples: Samples) -> list[Token]:
    stream = recognizer.stream(Party.AGENT)
    tokens: list[Token] = []
    for at in range(0, len(samples), 1_600):
        tokens += stream.feed(Chunk(Party.AGENT, at // 16, samples[at : at + 1_600]))
    return tokens + stream.end_turn()


def test_live_words_come_before_the_end() -> None:
    recognizer = _recognizer(live=True)
    samples, _, _ = _line("demo", Party.AGENT, "对不起，先生，您的账户余额不足，交费以后马上恢复。")
    stream = recognizer.stream(Party.AGENT)
    early: list[Token] = []
    for at in range(0, len(samples), 1_600):
        early += stream.feed(Chunk(Party.AGENT, at // 16, samples[at : at + 1_600]))
    rest = stream.end_turn()
    assert len(early) >= 8
    text = _letters("".join(token.text for token in early + rest))
    assert text == "对不起先生您的账户余额不足交费以后马上恢复"
    recognizer.close()


class Counting:
    """Passes windows on and notes how many came at once."""

    def __init__(self, decoder: WhisperDecoder) -> None:
        self.longest_ms = decoder.longest_ms
        self.sizes: list[int] = []
        self._decoder = decoder

    def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        self.sizes.append(len(windows))
        return self._decoder.decode(windows)


def test_calls_on_threads_share_batches_and_hear_the_same() -> None:
    recognizer = _recognizer(live=True)
    audio = [_line("demo", Party.AGENT, text)[0] for text, _, _ in _lines("demo", Party.AGENT)[:4]]
    alone = ["".join(t.text for t in _live_text(recognizer, samples)) for samples in audio]
    counting = Counting(recognizer.model)
    shared = SharedDecoder(counting, limit=3)
    recognizer.decoder = shared
    heard: dict[int, str] = {}

    def call(number: int) -> None:
        tokens = _live_text(recognizer, audio[number])
        heard[number] = "".join(token.text for token in tokens)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(audio))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shared.close()
    assert [heard[number] for number in range(len(audio))] == alone
    assert max(counting.sizes) > 1
    assert max(counting.sizes) <= 3
    recognizer.close()


def test_an_error_reaches_the_call_it_belongs_to() -> None:
    class Broken:
        longest_ms = 30_000

        def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
            raise MemoryError("no room")

    shared = SharedDecoder(Broken())
    with pytest.raises(MemoryError, match="no room"):
        shared.decode([Window(np.zeros(16_000, np.float32))])
    shared.close()


def test_shared_decoder_gives_the_model_back() -> None:
    recognizer = _recognizer(live=True)
    with shared_decoder(recognizer):
        assert recognizer.decoder is not recognizer.model
    assert recognizer.decoder is recognizer.model
    recognizer.close()


# -- mistakes -----------------------------------------------------------------


def _copy(folder: Path, without: str = "") -> Path:
    for file in FOLDER.iterdir():
        if file.name != without:
            (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json"])
def test_an_incomplete_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=name):
        load(f"faster-whisper:{_copy(tmp_path, without=name)}")


def test_a_damaged_model(tmp_path: Path) -> None:
    model = _copy(tmp_path) / "model.bin"
    model.write_bytes(model.read_bytes()[:100_000])
    with pytest.raises(UserError, match="faster-whisper"):
        load(f"faster-whisper:{tmp_path}")


def test_a_damaged_tokenizer(tmp_path: Path) -> None:
    (_copy(tmp_path) / "tokenizer.json").write_text('{"version": ', encoding="utf-8")
    with pytest.raises(UserError, match=r"tokenizer\.json"):
        load(f"faster-whisper:{tmp_path}")


def test_a_model_that_knows_no_chinese(tmp_path: Path) -> None:
    tokenizer = _copy(tmp_path) / "tokenizer.json"
    text = tokenizer.read_text("utf-8").replace("<|zh|>", "<|fr|>")
    tokenizer.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"不懂中文|no Chinese"):
        load(f"faster-whisper:{tmp_path}")


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("threads=0", "threads=0"),
        ("threads=two", "threads=two"),
        ("beams=3", "beam"),
        ("device=tpu", "cuda"),
        ("compute=int3", "int8"),
        ("hotwords=maybe", "on"),
        ("step=10", "step=10"),
    ],
)
def test_unusable_options(option: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        load(f"faster-whisper:tiny-test,{option}")


def test_a_gpu_that_is_not_there() -> None:
    ctranslate2 = pytest.importorskip("ctranslate2")
    if ctranslate2.get_cuda_device_count():
        pytest.skip("there is one")
    with pytest.raises(UserError, match="cuda"):
        load("faster-whisper:tiny-test,device=cuda")


@pytest.mark.parametrize(("options", "there"), [({"hotwords": "on"}, True), ({}, False)])
def test_hot_words_are_in_the_prompt_only_when_asked_for(
    options: dict[str, str], there: bool
) -> None:
    wanted = Wanted(hotwords=("宽带", "致电"), options=options)
    decoder = WhisperDecoder(FOLDER, WhisperSettings.of(wanted))
    said = decoder._tokenizer.decode(decoder._prompt)
    assert ("宽带 致电" in said) == there
    # The prompt ends as ever: language, task, no timestamps.
    assert decoder._prompt[-1] == decoder._tokenizer.no_timestamps
    decoder.close()


def test_the_model_is_small_and_says_where_it_comes_from() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 2_000_000
    extractor = json.loads((FOLDER / "preprocessor_config.json").read_text("utf-8"))
    assert extractor["chunk_length"] == 8
    assert names.split("faster-whisper:tiny-test").engine == "faster-whisper"

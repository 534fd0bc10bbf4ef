"""From syllables to characters: words, phrases, and what was written stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from monitor.asr.ctc import vocabulary
from monitor.asr.ctc.decode import Unit
from monitor.asr.ctc.inventory import Inventory
from monitor.asr.ctc.lexicon import Lexicon
from monitor.asr.ctc.ngram import STEP
from monitor.asr.ctc.syllable_speller import LexiconSpeller, LexiconStream
from monitor.base.errors import UserError
from monitor.events import Party, Token

SYLLABLES = ("", "bu", "gui", "guan", "wo", "zhe", "shi", "xia", "yi", "xyz", "lv", "nve")
GAP_MS, LENGTH_MS = 50, 150


def _unit(index: int, count: int) -> Unit:
    row = np.full(count, -9.0, dtype=np.float32)
    row[index] = -0.1
    return Unit(index, 0, 0, 0, row)


class Speaker:
    """Speaks syllables one after the other, `GAP_MS` apart."""

    def __init__(self, lexicon: Lexicon, syllables: Sequence[str] | None = None) -> None:
        self.syllables = sorted(set(syllables or SYLLABLES) | {""})
        inventory = Inventory(self.syllables, "syllable", 0)
        self.stream: LexiconStream = LexiconSpeller(inventory, lexicon).stream(Party.AGENT)
        self.now_ms = 0

    def say(self, syllable: str) -> list[Token]:
        index = self.syllables.index(syllable)
        begin, self.now_ms = self.now_ms, self.now_ms + LENGTH_MS + GAP_MS
        return self.stream.push(_unit(index, len(self.syllables)), begin, begin + LENGTH_MS)


def _spell(lexicon: Lexicon, syllables: Sequence[str]) -> str:
    speaker = Speaker(lexicon, syllables)
    tokens = [token for syllable in syllables for token in speaker.say(syllable)]
    return "".join(token.text for token in tokens + speaker.stream.finish())


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.build()


@pytest.mark.parametrize(
    "text", ["您好很高兴", "国际漫游", "中华人民共和国", "请问", "电话号码", "旅游", "女儿"]
)
def test_common_words(lexicon: Lexicon, text: str) -> None:
    assert _spell(lexicon, lazy_pinyin(text)) == text


def test_a_phrase_gets_its_own_characters() -> None:
    spoken = lazy_pinyin("这不归我管")
    odd = "浙布鬼我馆"  # sounds the same but for tones, and nobody writes it
    assert _spell(Lexicon.build([odd]), spoken) == odd
    assert _spell(Lexicon.build([odd]), [*lazy_pinyin("你好"), *spoken])[2:] == odd
    assert _spell(Lexicon.build([]), spoken) != odd


def test_a_phrase_is_written_with_its_last_syllable() -> None:
    speaker = Speaker(Lexicon.build(["你去投诉"]), lazy_pinyin("你去投诉"))
    texts = [[token.text for token in speaker.say(s)] for s in lazy_pinyin("你去投诉")]
    assert texts[-1][-1] == "诉"
    assert speaker.stream.waiting_from_ms is None


def test_phrases_are_cut_at_what_is_not_chinese() -> None:
    lexicon = Lexicon.build(["拨打10010热线，谢谢"])
    assert any(word.phrase for word in lexicon.words(["bo", "da"]))
    assert any(word.phrase for word in lexicon.words(["xie", "xie"]))


def test_a_syllable_nobody_writes_is_written_as_it_sounds(lexicon: Lexicon) -> None:
    speaker = Speaker(lexicon)
    tokens = [*speaker.say("xyz"), *speaker.say("wo"), *speaker.stream.finish()]
    assert [token.text for token in tokens] == ["xyz", "我"]
    assert [token.syllable for token in tokens] == ["xyz", "wo"]


def test_a_pause_ends_the_waiting(lexicon: Lexicon) -> None:
    speaker = Speaker(lexicon)
    assert speaker.say("wo") == []
    assert speaker.stream.waiting_from_ms == 0
    assert speaker.stream.preview([]) == "我"
    assert speaker.stream.elapse(LENGTH_MS + 100, LENGTH_MS + 100) == []
    assert [token.text for token in speaker.stream.elapse(LENGTH_MS + 300, LENGTH_MS + 300)] == [
        "我"
    ]
    assert speaker.stream.waiting_from_ms is None
    assert speaker.stream.preview([]) == ""


@given(st.lists(st.sampled_from(SYLLABLES[1:]), max_size=40), st.booleans())
def test_every_syllable_once_in_order_and_soon(spoken: list[str], with_phrase: bool) -> None:
    lexicon = Lexicon.build(["这不归我管一下"] if with_phrase else [])
    speaker = Speaker(lexicon)
    got: list[Token] = []
    for count, syllable in enumerate(spoken, start=1):
        got += speaker.say(syllable)
        assert len(got) >= count - 2
        waiting = speaker.stream.waiting_from_ms
        assert (waiting is None) == (len(got) == count)
    got += speaker.stream.finish()
    assert [token.syllable for token in got] == spoken
    assert [token.start_ms for token in got] == [
        at * (LENGTH_MS + GAP_MS) for at in range(len(spoken))
    ]
    assert all(token.text == token.syllable or len(token.text) == 1 for token in got)


@given(
    st.lists(st.tuples(st.sampled_from(SYLLABLES[1:]), st.sampled_from(SYLLABLES[1:])), max_size=30)
)
def test_what_was_expected_may_not_come(spoken: list[tuple[str, str]]) -> None:
    """Written with one syllable expected next, another one follows: what is written stays."""
    lexicon = Lexicon.build(["这不归我管一下"])
    speaker = Speaker(lexicon)
    got: list[Token] = []
    for syllable, expected in spoken:
        got += speaker.say(syllable)
        coming = [_unit(speaker.syllables.index(expected), len(speaker.syllables))]
        got += speaker.stream.elapse(speaker.now_ms + 1000, speaker.now_ms - GAP_MS, coming)
        assert [token.syllable for token in got] == [said for said, _ in spoken[: len(got)]]
        shown = speaker.stream.preview(coming)
        assert speaker.stream.preview(coming) == shown  # looking changes nothing
    got += speaker.stream.finish()
    assert [token.syllable for token in got] == [said for said, _ in spoken]


def test_what_is_expected_settles_the_spelling() -> None:
    lexicon = Lexicon.build()
    for text in ("国际漫游", "电话号码"):
        first, *rest = lazy_pinyin(text)
        speaker = Speaker(lexicon, [first, *rest])
        speaker.say(first)
        coming = [_unit(speaker.syllables.index(s), len(speaker.syllables)) for s in rest]
        written = speaker.stream.elapse(10_000, LENGTH_MS, coming)
        assert [token.text for token in written] == [text[0]]


def test_nothing_waits_long_while_something_sounds(lexicon: Lexicon) -> None:
    speaker = Speaker(lexicon)
    assert speaker.say("wo") == []
    assert speaker.stream.elapse(LENGTH_MS + 100, LENGTH_MS) == []
    assert len(speaker.stream.elapse(LENGTH_MS + 500, LENGTH_MS)) == 1


def test_a_long_turn_is_forgotten_as_it_goes(lexicon: Lexicon) -> None:
    speaker = Speaker(lexicon)
    for _ in range(200):
        speaker.say("yi")
        speaker.say("xia")
    assert len(speaker.stream._trellis.syllables) < 30


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four words: 新 is commoner than 心, but not after 开."""
    file = tmp_path_factory.mktemp("words") / "words.npz"
    texts = ["开", "新", "心", "龘龘"]
    scores = np.log(np.array([0.2, 0.5, 0.2, 0.1], np.float32))
    after = np.log(np.array([0.9], np.float32))
    backoff = np.array([-2.0, 0.0, 0.0, 0.0], np.float32)
    pairs = vocabulary.Pairs(np.array([0 * 4 + 2]), after, backoff)
    vocabulary.write(file, texts, scores, pairs)
    return file


def test_neighbours_settle_what_sounds_alike(small: Path) -> None:
    own = Lexicon.build(words=small)
    assert _spell(own, ["xin"]) == "新"
    assert _spell(own, ["kai", "xin"]) == "开心"
    assert _spell(own, ["da", "da", "xin"]) == "龘龘新"


def test_what_is_stored_comes_back(small: Path) -> None:
    known = vocabulary.read(small)
    kai, xin, heart = known.words("kai")[0], *known.words("xin")
    assert (xin.text, heart.text) == ("新", "心")
    assert known.step(None, xin) == pytest.approx(np.log(0.5), abs=STEP)
    assert known.step(kai, heart) == pytest.approx(np.log(0.9), abs=STEP)
    assert known.step(kai, xin) == pytest.approx(np.log(0.5) - 2, abs=STEP)
    assert known.words("meiyou") == ()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", "帮您 30\n".encode()])
def test_a_file_that_is_no_vocabulary_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "words.npz"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"words\.npz"):
        Lexicon.build(words=file)


def test_a_word_already_written_is_still_a_neighbour(small: Path) -> None:
    speaker = Speaker(Lexicon.build(words=small), ["xin", "kai"])
    speaker.say("kai")
    assert [token.text for token in speaker.stream.elapse(10_000, 200)] == ["开"]
    speaker.say("xin")
    assert "".join(t.text for t in speaker.stream.finish()) == "心"

"""From syllables to characters: words, phrases, and what was written stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from monitor.asr.decode import Unit
from monitor.asr.inventory import Inventory
from monitor.asr.lexicon import Lexicon
from monitor.asr.syllables import LexiconSpeller, LexiconStream
from monitor.errors import UserError
from monitor.events import Party, Token

SYLLABLES = ("", "bu", "gui", "guan", "wo", "zhe", "shi", "xia", "yi", "xyz", "lv", "nve")
GAP_MS, LENGTH_MS = 50, 150


def _unit(index: int, count: int) -> Unit:
    import numpy as np

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
    assert len(speaker.stream._syllables) < 30


def test_more_words_may_be_given(tmp_path: Path, lexicon: Lexicon) -> None:
    spoken = lazy_pinyin("帮您")
    assert _spell(lexicon, spoken) != "帮您"  # jieba counts 浜 before 帮
    (tmp_path / "words.txt").write_text("帮您 9000\n龘龘 5\n", encoding="utf-8")
    more = Lexicon.build(more=tmp_path / "words.txt")
    assert _spell(more, spoken) == "帮您"
    assert [word.text for word in more.words(["da", "da"])][-1] == "龘龘"


@pytest.mark.parametrize("line", ["帮您", "帮您 many", "help 3", "一二三四五六七 3"])
def test_a_line_that_is_no_word_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "words.txt"
    file.write_text(f"帮您 1\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"words\.txt:2"):
        Lexicon.build(more=file)

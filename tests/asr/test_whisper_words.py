"""From Whisper's words to tokens, and what of its words is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.asr.token_writer import TokenWriter
from monitor.asr.whisper.credibility import VAD_HOP_S, Voice, believable, without_loops
from monitor.asr.whisper.hypothesis import Hypothesis, Word, gather
from monitor.asr.whisper.spelling import pieces_of, simplified
from monitor.events import Party
from monitor.language.phrases import Matcher, MatchStream, Phrase


def _pieces(*texts: str) -> list[Word]:
    return [Word(text, (n,), n * 0.2, n * 0.2 + 0.2, 0.9) for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        (("您", "好", "，", "请", "讲", "。"), ["您", "好，", "请", "讲。"]),
        (("您好", "！"), ["您好！"]),
        (("拨", "打", "10", "010", "咨", "询"), ["拨", "打", "10010", "咨", "询"]),
        (("3", ".", "5", "元"), ["3.5", "元"]),
        (("涨", "了", "30", "%", "。"), ["涨", "了", "30%。"]),
        (("办", " V", "IP", " card", "吗"), ["办", "VIP", "card", "吗"]),
        (("5", "G", "套餐"), ["5G", "套餐"]),
        (("，", "好"), ["好"]),
        ((" ", "好", " "), ["好"]),
        (("好。", "的"), ["好。", "的"]),
        ((), []),
    ],
)
def test_marks_and_numbers_find_their_word(pieces: Sequence[str], words: list[str]) -> None:
    gathered = gather(_pieces(*pieces))
    assert [word.text + word.marks for word in gathered] == words
    # No token of Whisper's is lost: the next hypothesis begins with exactly these.
    ids = [i for word in gathered for i in (*word.ids, *word.mark_ids)]
    assert ids == list(range(len(pieces))) or not gathered


def _tokens(*words: Word) -> list[tuple[str, str, int, int]]:
    writer = TokenWriter(Party.AGENT, 1_000, look_ahead=True)
    written = writer.write(pieces_of(words, 1_000), 9_000)
    return [(token.text, token.syllable, token.start_ms, token.end_ms) for token in written]


def test_one_token_per_character_with_its_reading() -> None:
    assert _tokens(Word("银行", (1,), 0.2, 0.6, 0.8), Word("重", (2,), 0.6, 0.8, 0.7, "。")) == [
        ("银", "yin", 1_200, 1_400),
        ("行", "hang", 1_400, 1_600),
        ("重。", "zhong", 1_600, 1_800),
    ]


def test_other_readings_are_alternatives() -> None:
    """还 is hai here, but a rule may be about 还 as huan."""
    (token,) = TokenWriter(Party.AGENT, 0, look_ahead=True).write(
        pieces_of([Word("还", (1,), 0, 0.2, 0.8)], 0), 500
    )
    assert token.syllable == "hai"
    assert [(other.syllable, other.probability) for other in token.alternatives] == [("huan", 0.16)]


def test_traditional_becomes_simplified() -> None:
    written = _tokens(Word("歡迎", (1,), 0, 0.4, 0.8), Word("瞭解", (2,), 0.4, 0.8, 0.8))
    assert "".join(token[0] for token in written) == "欢迎了解"
    assert simplified("頭髮") == "头发"


def test_latin_words_and_numbers_stay_whole() -> None:
    written = _tokens(Word("VIP", (1,), 0, 0.4, 0.8), Word("10010", (2,), 0.4, 1.4, 0.8))
    assert [(text, syllable) for text, syllable, *_ in written] == [
        ("VIP", ""),
        ("10010", "yao ling ling yao ling"),
    ]


def _heard(pattern: str, *words: str) -> list[str]:
    """What of Whisper's words a rule about `pattern` finds."""
    writer = TokenWriter(Party.AGENT, 0, look_ahead=True)
    said = [Word(word, (n,), n * 0.5, n * 0.5 + 0.5, 0.8) for n, word in enumerate(words)]
    stream = MatchStream(Matcher([Phrase("rule", pattern, likeness=0.97)]), Party.AGENT)
    tokens = writer.write(pieces_of(gather(said), 0), 60_000)
    found = [match for token in tokens for match in stream.feed(token)]
    return [match.quote for match in found + stream.end_utterance(60_000)]


@pytest.mark.parametrize(
    ("pattern", "words", "quote"),
    [
        ("拨打幺零零幺零", ("拨", "打", "10", "010"), "拨打10010"),
        ("拨打一零零一零", ("拨", "打", "10010"), "拨打10010"),
        ("月租三十五块六", ("月", "租", "35", "块", "6"), "月租35块6"),
        ("一共三十五点六元", ("一", "共", "35", ".", "6", "元"), "一共35.6元"),
        ("一共三十五块六", ("一", "共", "35", ".", "6", "元"), "一共35.6"),
        ("二月三号到期", ("2", "月", "3", "号", "到", "期"), "2月3号到期"),
        ("二零二六年到期", ("2026", "年", "到", "期"), "2026年到期"),
        ("每月两百块钱", ("每", "月", "200", "块", "钱"), "每月200块钱"),
        ("每月二百块钱", ("每", "月", "200", "块", "钱"), "每月200块钱"),
        ("等两个工作日", ("等", "2", "个", "工", "作", "日"), "等2个工作日"),
        ("上涨百分之三十", ("上", "涨", "30", "%"), "上涨30%"),
        ("您是VIP客户", ("您", "是", "VIP", "客", "户"), "您是VIP客户"),
        ("办五G套餐", ("办", "5", "G", "套", "餐"), "办5G套餐"),
        ("一百兆宽带", ("100", "M", "宽", "带"), "100M宽带"),
        ("交一万二千元", ("交", "12000", "元"), "交12000元"),
        ("下午三点半来", ("下", "午", "3", ":", "30", "来"), "下午3:30来"),
        # A mark in the middle of a phrase.
        ("您好请稍等一下", ("您", "好", "，", "请", "稍", "等", "一", "下"), "您好请稍等一下"),
        ("幫您辦理退訂", ("幫", "您", "辦", "理", "退", "訂"), "帮您办理退订"),
    ],
)
def test_rules_hear_numbers_as_they_were_said(
    pattern: str, words: Sequence[str], quote: str
) -> None:
    assert _heard(pattern, *words) == [quote]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("月租三十五块六", ("月", "租", "36", "块", "6")),
        ("二月三号到期", ("2", "月", "4", "号", "到", "期")),
        ("拨打幺零零幺零", ("拨", "打", "10086")),
    ],
)
def test_another_number_is_another_number(pattern: str, words: Sequence[str]) -> None:
    assert _heard(pattern, *words) == []


@given(
    spans=st.lists(st.tuples(st.floats(-1, 12), st.floats(-1, 12)), min_size=1, max_size=40),
    limit_ms=st.integers(1_100, 12_000),
)
def test_times_are_monotonic_whatever_the_alignment_says(
    spans: list[tuple[float, float]], limit_ms: int
) -> None:
    writer = TokenWriter(Party.AGENT, 1_000, look_ahead=True)
    words = [Word("好", (n,), a, b, 0.5) for n, (a, b) in enumerate(spans)]
    end_ms = 1_000
    for token in writer.write(pieces_of(words, 1_000), limit_ms):
        assert end_ms <= token.start_ms < token.end_ms <= limit_ms
        end_ms = token.end_ms


# -- evidence -----------------------------------------------------------------

EVERYWHERE = Voice(np.full(400, 0.9, np.float32))
NOWHERE = Voice(np.full(400, 0.03, np.float32))


def _said(text: str, pace_s: float = 0.2, probability: float = 0.9, **doubts: float) -> Hypothesis:
    words = tuple(
        Word(char, (n,), 0.5 + n * pace_s, 0.5 + (n + 1) * pace_s, probability)
        for n, char in enumerate(text)
    )
    return replace(Hypothesis(words, logprob=float(np.log(probability))), **doubts)


def _believed(hypothesis: Hypothesis, voice: Voice, hotwords: Sequence[str] = ()) -> str:
    return "".join(word.text for word in believable(hypothesis, voice, hotwords))


def test_clear_speech_is_believed() -> None:
    assert _believed(_said("您好请问有什么可以帮您"), EVERYWHERE) == "您好请问有什么可以帮您"


@pytest.mark.parametrize(
    ("case", "hypothesis", "voice"),
    [
        ("nobody speaks", _said("谢谢大家"), NOWHERE),
        ("no speech, and unsure of it", _said("你好", no_speech=0.9, logprob=-1.2), EVERYWHERE),
        ("hopelessly unlikely", _said("你好啊", logprob=-2.0), EVERYWHERE),
        ("says the same again and again", _said("好好好好", compression=3.1), EVERYWHERE),
        ("faster than a mouth", _said("请不吝点赞订阅转发打赏支持", pace_s=0.03), EVERYWHERE),
        (
            "faster than a mouth, plain words",
            _said("您好请问有什么可以帮您", pace_s=0.03),
            EVERYWHERE,
        ),
        ("every word improbable", _said("我们明天再来", probability=0.1, logprob=-1.5), EVERYWHERE),
        ("drawn out over noise", _said("嗯啊", pace_s=3.0), EVERYWHERE),
        ("well known invention, not sure", _said("谢谢观看", probability=0.6), EVERYWHERE),
        ("subtitle credits, not sure", _said("字幕由某某提供", probability=0.5), EVERYWHERE),
    ],
)
def test_invention_is_not_believed(case: str, hypothesis: Hypothesis, voice: Voice) -> None:
    assert _believed(hypothesis, voice) == "", case


def test_the_list_alone_condemns_nothing() -> None:
    """A caller who clearly says it has said it."""
    assert _believed(_said("麻烦帮我订阅", probability=0.95), EVERYWHERE) == "麻烦帮我订阅"


def test_a_hot_word_alone_must_be_beyond_doubt() -> None:
    unsure = _said("宽带", probability=0.6)
    assert _believed(unsure, EVERYWHERE) == "宽带"
    assert _believed(unsure, EVERYWHERE, ["宽带"]) == ""
    assert _believed(_said("宽带", probability=0.95), EVERYWHERE, ["宽带"]) == "宽带"
    assert _believed(_said("装宽带吗", probability=0.6), EVERYWHERE, ["宽带"]) == "装宽带吗"


def test_words_beyond_the_end_of_the_voice_are_dropped() -> None:
    """Speech, then silence that was filled with an ending."""
    voice = np.full(400, 0.02, np.float32)
    voice[: int(1.2 / VAD_HOP_S)] = 0.95
    said = _said("您好请谢谢")
    tail = [replace(w, start_s=w.start_s + 3, end_s=w.end_s + 3) for w in said.words[3:]]
    told = replace(said, words=(*said.words[:3], *tail))
    assert _believed(told, Voice(voice)) == "您好请"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("请您稍等" + "好的" * 20, "请您稍等好的好的"),
        ("我给您查一下" * 6 + "费用", "我给您查一下我给您查一下费用"),
        ("谢" * 12, "谢谢"),
        ("喂喂喂喂您好", "喂喂喂喂您好"),
        ("对对对对对对我知道", "对对对对对对我知道"),
        ("好的好的好的没问题", "好的好的好的没问题"),
        ("", ""),
    ],
)
def test_a_loop_is_cut_and_a_person_who_repeats_is_not(said: str, left: str) -> None:
    assert "".join(word.text for word in without_loops(_said(said).words)) == left


def test_what_was_said_before_a_short_loop_stands() -> None:
    text = "您好我帮您查询一下这个月的话费账单请您稍等一下"
    mended = _said(text + "谢谢" * 5, compression=2.6)
    assert _believed(mended, EVERYWHERE) == text + "谢谢"  # two turns of one letter
    assert _believed(_said("请稍等" + "谢谢" * 30, compression=6.0), EVERYWHERE) == ""

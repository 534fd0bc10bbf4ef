"""Slots capture what was said, homophones and written figures included."""

from __future__ import annotations

import pytest

from monitor.events import Party, Token
from monitor.language.phrases import Matcher, MatchStream, Phrase
from monitor.language.phrases.slots import SLOTS, capture
from monitor.language.phrases.syllables import split

from .speech import listen, tokens


def captured(slot: str, text: str) -> str | None:
    units = [unit for at, token in enumerate(tokens(text)) for unit in split(token, at)]
    return capture(slot, units)


@pytest.mark.parametrize(
    ("slot", "text", "value"),
    [
        ("称呼", "王先生", "王先生"),
        ("称呼", "欧阳女士", "欧阳女士"),
        ("称呼", "汪现生", "汪先生"),
        ("称呼", "请先生", None),
        ("工号", "八零幺二", "8012"),
        ("工号", "八零一二号", "8012"),
        ("工号", "八", None),
        ("号码", "一三八零零一三八零零零", "13800138000"),
        ("号码", "幺三八嗯零零一", "138001"),
        ("号码", "一二三", None),
        ("金额", "十五块", "十五块"),
        ("金额", "三点五元", "三点五元"),
        ("金额", "三块五", "三块五"),
        ("金额", "三个", None),
        ("时间", "明天下午三点", "明天下午三点"),
        ("时间", "两个工作日内", "两个工作日内"),
        ("时间", "半小时", "半小时"),
        ("时间", "马上", None),
        ("业务", "宽带提速", "宽带提速"),
    ],
)
def test_captures(slot: str, text: str, value: str | None) -> None:
    assert captured(slot, text) == value


def test_every_slot_looks_only_as_far_as_it_says() -> None:
    for kind in SLOTS.values():
        units = [u for at, t in enumerate(tokens("一" * 40)) for u in split(t, at)]
        assert all(size <= kind.most for size, _ in kind.ends(units[: kind.most]))


@pytest.mark.parametrize(
    ("pattern", "text", "slots", "quote"),
    [
        ("我的工号是{工号}", "我的工号是八零一二很高兴为您服务",
         {"工号": "8012"}, "我的工号是八零一二"),
        ("{工号}号为您服务", "您好八零一二号为您服务",
         {"工号": "8012"}, "八零一二号为您服务"),
        ("{称呼}…4感谢您的来电", "王先生非常感谢您的来电",
         {"称呼": "王先生"}, "王先生非常感谢您的来电"),
        ("请在{时间}之前缴费{金额}", "请在明天下午三点之前缴费五十元谢谢",
         {"时间": "明天下午三点", "金额": "五十元"}, "请在明天下午三点之前缴费五十元"),
    ],
)  # fmt: skip
def test_in_a_phrase(pattern: str, text: str, slots: dict[str, str], quote: str) -> None:
    (match,) = listen([Phrase("k", pattern, role="script")], text)
    assert (dict(match.slots), match.quote) == (slots, quote)


def test_without_a_value_there_is_no_match() -> None:
    assert listen(["我的工号是{工号}"], "我的工号是什么来着") == []


@pytest.mark.parametrize("figures", ["1023", "801", "100"])
def test_figures_that_the_recogniser_wrote(figures: str) -> None:
    stream = MatchStream(Matcher([Phrase("k", "我的工号是{工号}")]), Party.AGENT)
    matches = [m for token in tokens("我的工号是") for m in stream.feed(token)]
    matches += stream.feed(Token(Party.AGENT, figures, "", 1000, 2000))
    matches += stream.end_utterance(2000)
    assert [dict(match.slots) for match in matches] == [{"工号": figures}]


@pytest.mark.parametrize(
    "said",
    [
        *("三百二十八块五", "三百多块", "二十来块钱", "1.5万元", "一点五万元", "一万五", "￥328.5"),
        *("两百块零五毛", "五毛钱", "328元", "三千二", "十块零五分", "三块八毛五", "二十多块"),
    ],
)
def test_an_amount_in_any_words_is_whole(said: str) -> None:
    units = split(Token(Party.AGENT, said, "", 0, 1000), 0)
    assert capture("金额", units) == "".join(unit.text for unit in units)


@pytest.mark.parametrize("said", ["一共免费", "三百", "一个", "八点"])
def test_what_is_no_amount(said: str) -> None:
    assert capture("金额", split(Token(Party.AGENT, said, "", 0, 1000), 0)) is None


@pytest.mark.parametrize(
    ("slot", "said", "value"),
    [
        ("号码", "幺三八四个八零零幺三", "13888880013"),
        ("号码", "一三八零零一三八零三零不对八零零零", "13800138000"),
        ("尾号", "三零二一", "3021"),
        ("日期", "二月三号", "二月三号"),
        ("日期", "昨天", "昨天"),
        ("套餐", "一百二十九元融合套餐", "一百二十九元融合套餐"),
    ],
)
def test_the_value_is_whole(slot: str, said: str, value: str) -> None:
    assert capture(slot, split(Token(Party.AGENT, said, "", 0, 1000), 0)) == value

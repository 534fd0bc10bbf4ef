"""How what is written in figures was said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.events import Alternative, Party, Token
from monitor.language.phrases.syllables import split
from monitor.language.spoken import character, ways

SAID = [
    # before, written, after, said, the likeliest first
    ("", "10010", "", ["幺零零幺零", "一零零一零"]),
    ("", "13812345678", "", ["幺三八幺二三四五六七八", "一三八一二三四五六七八"]),
    ("工号是", "1023", "", ["幺零二三", "一零二三"]),
    ("尾号", "88", "", ["八八"]),
    ("请拨", "110", "", ["幺幺零", "一一零"]),
    ("", "35", "块6", ["三十五"]),
    ("", "35.6", "元", ["三十五点六", "三十五块六"]),
    ("", "¥99", "", ["九十九块"]),
    ("", "1.5", "倍", ["一点五"]),
    ("", "30%", "", ["百分之三十"]),
    ("", "99.9%", "", ["百分之九十九点九"]),
    ("", "2", "月3号", ["二"]),
    ("第", "2", "次", ["二"]),
    ("", "2", "个", ["两", "二"]),
    ("", "2", "", ["二", "两"]),
    ("", "1", "", ["一", "幺"]),
    ("", "200", "块", ["两百", "二百"]),
    ("", "12000", "元", ["一万二千"]),
    ("", "100005", "元", ["十万零五"]),
    ("", "2026", "年", ["二零二六"]),
    ("", "2", "年", ["两", "二"]),
    ("", "3:30", "", ["三点半", "三点三十"]),
    ("", "12:05", "", ["十二点零五"]),
    ("", "5G", "套餐", ["五g"]),
    ("", "100M", "宽带", ["一百m", "一百兆"]),
    ("", "２０", "", ["二十"]),
    ("", "VIP", "", []),
    ("", "你好", "", []),
    ("", "", "", []),
]


@pytest.mark.parametrize(("before", "written", "after", "said"), SAID)
def test_ways(before: str, written: str, after: str, said: list[str]) -> None:
    found = [way.text for way in ways(written, before, after)]
    assert found[: max(1, len(said))] == said


@given(st.text("0123456789.:%¥GMVIP块，", max_size=12), st.text(max_size=3), st.text(max_size=3))
def test_anything_can_be_said(written: str, before: str, after: str) -> None:
    found = ways(written, before, after)
    assert len(found) <= 16
    for way in found:
        assert len(way.syllables) == len(way.text) > 0
        assert not any(char.isdecimal() for char in way.text)


@given(st.integers(0, 99_999_999))
def test_every_syllable_of_a_number_has_its_character(number: int) -> None:
    for way in ways(str(number)):
        assert all(character(syllable) for syllable in way.syllables)


def test_the_matcher_hears_each_syllable_and_its_other_way() -> None:
    said = (Alternative("yi ling ling yi ling", 0.72),)
    token = Token(Party.AGENT, "10010。", "yao ling ling yao ling", 0, 1_000, 0.8, said)
    units = split(token, 0)
    assert [unit.sound for unit in units] == ["yao", "ling", "ling", "yao", "ling"]
    assert [dict(unit.alternatives) for unit in units] == [
        {"yi": pytest.approx(0.9)}, {}, {}, {"yi": pytest.approx(0.9)}, {},
    ]  # fmt: skip
    assert "".join(unit.raw for unit in units) == "10010"
    assert units[-1].stop


def test_a_year_is_said_digit_by_digit_though_it_stands_alone() -> None:
    units = split(Token(Party.AGENT, "2026", "er ling er liu", 0, 800), 0)
    assert "".join(unit.text for unit in units) == "二零二六"
    assert [unit.raw for unit in units] == ["2026", "", "", ""]

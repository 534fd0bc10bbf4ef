"""Normal form, readings and words."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.language.normalise import normalise, read_number
from monitor.language.pinyin import readings, split_syllable, syllables
from monitor.language.words import boundaries, is_word, split, surprise


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("請問您貴姓？", "请问您贵姓"),
        ("ＶＩＰ客户", "vip客户"),
        ("10010客服", "一零零一零客服"),
        ("消费3.5元,打8折20%", "消费三点五元打八折百分之二十"),
        ("2024年12月", "二零二四年十二月"),
        ("1005 110 15 10", "一千零五一百一十十五十"),
        ("…!?", ""),
        ("我的工号是1023", "我的工号是一零二三"),
        ("尾号 138", "尾号一三八"),
        ("号码包里有120元", "号码包里有一百二十元"),
    ],
)
def test_normal_form(raw: str, normal: str) -> None:
    assert normalise(raw).text == normal


@pytest.mark.parametrize(
    ("digits", "said"),
    [("0", "零"), ("10", "十"), ("12", "十二"), ("20", "二十"), ("100", "一百"),
     ("105", "一百零五"), ("110", "一百一十"), ("1000", "一千"), ("1010", "一千零一十"),
     ("007", "零零七"), ("13800", "一三八零零")],
)  # fmt: skip
def test_numbers(digits: str, said: str) -> None:
    assert read_number(digits) == said


@given(st.text(st.sampled_from("你您好請問123%. ,ＶV。\n"), max_size=20))
def test_spans_point_into_the_raw_text(raw: str) -> None:
    normal = normalise(raw)
    assert len(normal.text) == len(normal.spans)
    for start, end in normal.spans:
        assert 0 <= start < end <= len(raw)
    assert list(normal.spans) == sorted(normal.spans)
    assert normal.quote(0, len(normal.text)) in raw
    assert normalise(normal.text).text == normal.text


@pytest.mark.parametrize(
    ("text", "sounds"),
    [
        ("银行行长", "yin hang hang zhang"),
        ("重庆很重要", "chong qing hen zhong yao"),
        ("不行", "bu xing"),
        ("还是还钱", "hai shi huan qian"),
        ("绿色女士", "lv se nv shi"),
        ("侵略", "qin lve"),
    ],
)
def test_readings_in_context(text: str, sounds: str) -> None:
    assert syllables(text) == sounds.split()


def test_only_living_readings_are_kept() -> None:
    assert [r.syllable for r in readings("不")[0]] == ["bu"]
    assert {r.syllable for r in readings("行")[0]} == {"xing", "hang"}
    assert {r.syllable for r in readings("还")[0]} == {"hai", "huan"}
    assert readings("v好") == ((), readings("好")[0])


def test_readings_agree_with_pypinyin(shared: Path) -> None:
    """Our table look-up reads real sentences as pypinyin itself does."""
    from pypinyin import lazy_pinyin

    clips = shared / "data" / "commonvoice-zh-CN" / "clips.tsv"
    with clips.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))[::10]
    assert len(rows) > 100
    for row in rows:
        for run in re.findall("[\u4e00-\u9fff]+", row["text"]):
            assert syllables(run) == lazy_pinyin(run, v_to_u=False)


@pytest.mark.parametrize(
    ("syllable", "parts"),
    [("zhang", ("zh", "ang")), ("yan", ("", "ian")), ("wu", ("", "u")), ("yuan", ("", "van")),
     ("jun", ("j", "vn")), ("xue", ("x", "ve")), ("lv", ("l", "v")), ("liu", ("l", "iou")),
     ("gui", ("g", "uei")), ("shi", ("sh", "ih")), ("bo", ("b", "uo")), ("er", ("", "er")),
     ("yong", ("", "iong")), ("wo", ("", "uo")), ("ye", ("", "ie")), ("you", ("", "iou"))],
)  # fmt: skip
def test_initials_and_finals(syllable: str, parts: tuple[str, str]) -> None:
    assert split_syllable(syllable) == parts


def test_words() -> None:
    assert split("请问您有什么事") == ["请问", "您", "有", "什么", "事"]
    assert boundaries("银行不行走") == {0, 2, 3, 5}
    assert is_word("步行")
    assert not is_word("不银")
    assert surprise("搞错") > surprise("有没有") > surprise("的")

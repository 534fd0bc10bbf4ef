"""Numbers as people say them."""

from __future__ import annotations

import pytest

from monitor.language.normalise import normalise
from monitor.language.pinyin import syllables
from monitor.language.spoken_numbers import digit_runs, money, quantity


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("三", 3),
        ("十五", 15),
        ("一百零五", 105),
        ("三百二", 320),
        ("一万五", 15_000),
        ("一万零五", 10_005),
        ("三千零二十", 3_020),
        ("一点五万", 15_000),
        ("两万三千四百", 23_400),
        ("一亿二千万", 120_000_000),
        ("三百多", 300),
        ("二十来", 20),
        ("半", 0.5),
        ("几十", None),
        ("您好", None),
        ("", None),
    ],
)
def test_a_quantity(said: str, value: float | None) -> None:
    assert quantity(said) == value


@pytest.mark.parametrize(
    ("said", "yuan"),
    [
        ("三百二十八块五", 328.5),
        ("两百块零五毛", 200.5),
        ("十块零五分", 10.05),
        ("三块八毛五", 3.85),
        ("一百零五块六毛三", 105.63),
        ("五毛钱", 0.5),
        ("半块钱", 0.5),
        ("三百多块", 300),
        ("二十来块钱", 20),
        ("1.5万元", 15_000),
        ("一万五", 15_000),
        ("￥328.5", 328.5),
        ("328元", 328),
        ("几块钱", None),
        ("您好", None),
    ],
)
def test_an_amount(said: str, yuan: float | None) -> None:
    assert money(normalise(said).text) == yuan


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("幺三八零零幺三八零零零", "13800138000"),
        ("幺三八洞洞幺三八洞洞洞", "13800138000"),
        ("拐勾洞", "790"),
        ("幺三八四个八零零幺三", "13888880013"),
        ("一三八那个零零一三嗯八零零零", "13800138000"),
        ("一三八零零一三后面是八零零零", "13800138000"),
        ("一三八零零一三八零三零不对八零零零", "13800138000"),
        ("尾号三零二三不是三是四", "3024"),
        ("腰三八零", "1380"),  # by its sound
    ],
)
def test_a_dictated_number(said: str, digits: str) -> None:
    runs = [value for _, _, value in digit_runs(syllables(said), said)]
    assert runs == [digits]


def test_two_numbers_are_two() -> None:
    said = "卡号是六二二八密码是九九五五"
    assert [value for _, _, value in digit_runs(syllables(said), said)] == ["6228", "9955"]

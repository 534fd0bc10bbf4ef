"""Slots: stretches of speech whose value is captured – 称呼 号码 金额 日期 地址 and others.

A slot is a function from heard units to the possible ends of the slot and the
value each would capture. Digits, titles and clock words are recognised by
sound, so that a homophone does not hide them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from monitor.language.phrases.syllables import Syllable
from monitor.language.pinyin import readings
from monitor.language.spoken_numbers import (
    corrected,
    correction_at,
    pause_at,
    piece_at,
    spoken_digits,
)

Ends: TypeAlias = list[tuple[int, str]]
"""(number of units, captured value) of every stretch that could fill the slot."""

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任"
    "沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
    "温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍"
    "涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党"
    "宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝"
)
COMPOUND_SURNAMES = ("欧阳", "上官", "司马", "诸葛", "司徒", "东方", "皇甫", "尉迟", "公孙", "令狐")
TITLES = ("先生", "小姐", "女士")


@dataclass(frozen=True, slots=True)
class SlotKind:
    """A slot's recogniser: `ends(units)` looks at most `most` units ahead."""

    name: str
    most: int
    ends: Callable[[Sequence[Syllable]], Ends]
    closed: bool = True  # it knows by itself where it begins and ends


def _digits(shortest: int, longest: int, *, letters: bool) -> Callable[[Sequence[Syllable]], Ends]:
    def ends(units: Sequence[Syllable]) -> Ends:
        found: Ends = []
        sounds, texts = [u.sound for u in units], [u.text for u in units]
        digits = spoken_digits(sounds, texts)
        value, at = "", 0
        while at < len(units):
            size, piece = _figure(units, sounds, texts, digits, at, letters=letters)
            if piece:
                value, at = value + piece, at + size
            elif value and (turned := correction_at(sounds, at)) and _digit(digits, at + turned):
                right, at = corrected(sounds, digits, at + turned)
                value = value[: -len(right)] + right if len(right) < len(value) else right
            elif value and (gap := pause_at(sounds, texts, at)) and _digit(digits, at + gap):
                at += gap
                continue
            else:
                if letters and found and sounds[at] == "hao":
                    found.append((at + 1, value))
                break
            if len(value) > longest:
                break
            if len(value) >= shortest:
                found.append((at, value))
        return found

    return ends


def _digit(digits: Sequence[str], at: int) -> bool:
    return at < len(digits) and bool(digits[at])


def _figure(
    units: Sequence[Syllable],
    sounds: Sequence[str],
    texts: Sequence[str],
    digits: Sequence[str],
    at: int,
    *,
    letters: bool,
) -> tuple[int, str]:
    """(units, digits) of a spoken digit, or of a whole number that was written in figures."""
    raw = units[at].raw
    if len(raw) > 1 and raw.isdecimal():
        size = 1
        while at + size < len(units) and not units[at + size].raw:
            size += 1  # the other syllables of the same number
        return size, "".join(str(int(digit)) for digit in raw)
    if letters and texts[at].isascii() and texts[at].isalnum():
        return 1, texts[at].upper()
    return piece_at(sounds, digits, at)


def _sounds(text: str) -> tuple[str, ...]:
    return tuple(row[0].syllable for row in readings(text))


def _title(units: Sequence[Syllable]) -> Ends:
    """A surname of one or two syllables and a title."""
    found: Ends = []
    for size in (1, 2):
        name, rest = units[:size], units[size : size + 2]
        if len(rest) < 2:
            break
        title = next((t for t in TITLES if _sounds(t) == tuple(u.sound for u in rest)), "")
        if title and _surname(name):
            found.append((size + 2, "".join(u.text or u.sound for u in name) + title))
    return found


def _surname(name: Sequence[Syllable]) -> bool:
    said = tuple(unit.sound for unit in name)
    if len(name) == 2:
        return any(_sounds(s) == said for s in COMPOUND_SURNAMES)
    # The recogniser may write the surname with any character of that sound.
    return any(r.syllable == said[0] for s in SURNAMES for r in readings(s)[0])


_NUM = "零一二三四五六七八九十百千万亿两半几"
_DECIMALS = "(?:点[零一二三四五六七八九]+)?"
_VAGUE = "[多来余]?"
AMOUNT = re.compile(
    # 三百二十八块五, 两百块零五毛, 三百多块, 二十来块钱, 一点五万元, 十块零五分
    rf"[{_NUM}]+{_DECIMALS}{_VAGUE}[万千百]?{_VAGUE}(?:元|块钱|块|毛钱|毛|角|分钱)"
    rf"(?:[零又]?[{_NUM}]+(?:毛|角)(?:[{_NUM}]+分?)?|[零又]?[{_NUM}]+分?|多|整)?(?:钱)?"
    # 一万五, 三千二, 一点五万, 两万多: large enough to be nothing else
    rf"|[{_NUM}]*[{_NUM[:10]}]{_DECIMALS}[万千][{_NUM}]*{_VAGUE}"
    # ￥328.5, as recognisers write it: the sign is lost, the point is not
    rf"|[{_NUM}]+点[零一二三四五六七八九]+"
)
_DATE = re.compile(
    rf"(?:[{_NUM}〇]+年)?[{_NUM}]+月(?:份)?(?:[{_NUM}]+[号日])?|[{_NUM}]+[号日]"
    "|(?:今天|昨天|前天|大前天|明天|后天)"
)
_PLAN = re.compile(
    rf"[{_NUM}]+(?:元|块|块钱)?(?:的)?(?:[^的]{{0,6}})(?:套餐|流量包|融合|宽带|卡)"
    "|[^的]{1,8}(?:套餐|流量包|卡)"
)
_TIME = re.compile(
    "(?:"
    "(?:今天|明天|后天|大后天|今晚|明早|明晚|下周|本周|这周|周|星期|礼拜|下个月|次月|月底|年底)[一二三四五六日天]?"
    rf"|[{_NUM}]+(?:个)?(?:工作日|小时|钟头|分钟|分|天|日|号|月|点半|点钟|点|刻钟|周|星期)(?:之内|以内|内|之后|以后|后)?"
    "|半(?:个)?(?:小时|钟头|天)(?:之内|以内|内|之后|以后|后)?"
    "|(?:上午|下午|中午|早上|晚上|凌晨|傍晚)"
    ")+"
)


def _by_text(pattern: re.Pattern[str]) -> Callable[[Sequence[Syllable]], Ends]:
    def ends(units: Sequence[Syllable]) -> Ends:
        text = "".join(unit.text or "?" for unit in units)
        return [
            (size, text[:size])
            for size in range(1, len(text) + 1)
            if pattern.fullmatch(text, 0, size)
        ]

    return ends


def _anything(shortest: int) -> Callable[[Sequence[Syllable]], Ends]:
    def ends(units: Sequence[Syllable]) -> Ends:
        value = "".join(unit.raw or unit.text or unit.sound for unit in units)
        if all(len(u.raw or u.text or u.sound) == 1 for u in units):
            return [(size, value[:size]) for size in range(shortest, len(units) + 1)]
        return [
            (size, "".join(u.raw or u.text or u.sound for u in units[:size]))
            for size in range(shortest, len(units) + 1)
        ]

    return ends


SLOTS: Mapping[str, SlotKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            SlotKind("称呼", 4, _title),
            SlotKind("工号", 10, _digits(2, 8, letters=True)),
            SlotKind("号码", 40, _digits(5, 19, letters=False)),
            SlotKind("尾号", 12, _digits(2, 6, letters=False)),
            SlotKind("金额", 16, _by_text(AMOUNT)),
            SlotKind("日期", 12, _by_text(_DATE)),
            SlotKind("套餐", 14, _by_text(_PLAN)),
            SlotKind("时间", 14, _by_text(_TIME)),
            SlotKind("业务", 10, _anything(1), closed=False),
            SlotKind("公司", 12, _anything(2), closed=False),
            SlotKind("姓名", 4, _anything(2), closed=False),
            SlotKind("地址", 24, _anything(4), closed=False),
        )
    }
)
"""The registry: the name that stands in `{…}` → its recogniser."""


def capture(name: str, units: Sequence[Syllable]) -> str | None:
    """The value when `units` as a whole fill the slot `name`, else None."""
    kind = SLOTS[name]
    for size, value in kind.ends(units[: kind.most]):
        if size == len(units):
            return value
    return None

"""Slots: stretches of speech whose value is captured – 称呼 工号 号码 金额 时间 业务 公司.

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

DIGITS: Mapping[str, str] = MappingProxyType(
    {
        "ling": "0", "yi": "1", "yao": "1", "er": "2", "liang": "2", "san": "3", "si": "4",
        "wu": "5", "liu": "6", "qi": "7", "ba": "8", "jiu": "9",
    }
)  # fmt: skip
"""Digits by their sound, as they are spoken one by one."""


@dataclass(frozen=True, slots=True)
class SlotKind:
    """A slot's recogniser: `ends(units)` looks at most `most` units ahead."""

    name: str
    most: int
    ends: Callable[[Sequence[Syllable]], Ends]
    closed: bool = True  # it knows by itself where it begins and ends


def _letters(unit: Syllable) -> str:
    if unit.text.isascii() and unit.text.isalnum():
        return unit.text.upper()
    return DIGITS.get(unit.sound, "")


def _digits(shortest: int, longest: int, *, letters: bool) -> Callable[[Sequence[Syllable]], Ends]:
    def ends(units: Sequence[Syllable]) -> Ends:
        found: Ends = []
        value, at = "", 0
        while at < len(units):
            size, piece = _figure(units, at, letters=letters)
            at += size
            if not piece:
                if value and units[at - 1].text in _HESITATION:
                    continue
                if letters and found and units[at - 1].sound == "hao":
                    found.append((at, value))
                break
            value += piece
            if len(value) > longest:
                break
            if len(value) >= shortest:
                found.append((at, value))
        return found

    return ends


def _figure(units: Sequence[Syllable], at: int, *, letters: bool) -> tuple[int, str]:
    """(units, digits) of a spoken digit, or of a whole number that was written in figures."""
    raw = units[at].raw
    if len(raw) > 1 and raw.isdecimal():
        size = 1
        while at + size < len(units) and not units[at + size].raw:
            size += 1  # the other syllables of the same number
        return size, "".join(str(int(digit)) for digit in raw)
    return 1, _letters(units[at]) if letters else DIGITS.get(units[at].sound, "")


_HESITATION = frozenset("嗯啊呃额哦")


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
_AMOUNT = re.compile(
    rf"([{_NUM}]+(?:点[零一二三四五六七八九]+)?)(元|块钱|块|毛|角|分钱)(?:([{_NUM}]+)(毛|角|分)?)?(钱)?"
)
_TIME = re.compile(
    "(?:"
    "(?:今天|明天|后天|大后天|今晚|明早|下周|本周|这周|周|星期|礼拜)[一二三四五六日天]?"
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
            SlotKind("号码", 22, _digits(5, 19, letters=False)),
            SlotKind("金额", 12, _by_text(_AMOUNT)),
            SlotKind("时间", 14, _by_text(_TIME)),
            SlotKind("业务", 10, _anything(1), closed=False),
            SlotKind("公司", 12, _anything(2), closed=False),
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

"""How what is written in figures, signs and Latin letters was said: `35块6`, `2月3号`, `10010`.

An engine that writes text writes numbers down in figures, and rules are about
what was said. Which of several ways it was is not in the figures: 1 is 一 or,
where digits are dictated, 幺; 2 is 二 or, before a measure, 两. Each way to say
a number is a `Said`; the likeliest comes first. The written text stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from monitor.language.normalise import DIGITS, read_number
from monitor.language.pinyin import readings

_FIGURES = re.compile(
    r"(?P<clock>(?:[01]?\d|2[0-4])[:：][0-5]\d)(?!\d)"
    r"|(?P<sign>[¥￥])?(?P<whole>\d+)(?:\.(?P<part>\d+))?(?P<percent>[%％])?"
)
_NAMING = re.compile(
    "(?:工号|账号|卡号|单号|号码|密码|验证码|电话|热线|手机|分机|尾号|拨打|拨|客服|回复|按)"
    r"(?:是|为|的是|个)?[\s:：]*$"
)
"""What comes before figures that name something and are dictated one by one."""

_YEAR = re.compile(r"^\s*年(?!内|级|以|后|前)")
_MONEY = re.compile(r"^\s*(?:元|块|圆)")
_MEASURES = "个位块元天年次遍条张件种部台户路项款份套场名周点分秒兆倍万千百斤米层岁家辆只"
_MEASURE = re.compile(rf"^\s*(?:[{_MEASURES}]|小时|分钟|星期|月租)")
_ORDINAL = re.compile(r"第\s*$")
_CALENDAR = re.compile(r"^\s*(?:月|日|号)")
_SERVICE = frozenset({"110", "112", "114", "119", "120", "122"})
_MEGABYTES = re.compile(r"^[Mm][Bb]?$")

_CHARACTERS = {
    **dict(zip((readings(d)[0][0].syllable for d in DIGITS), DIGITS, strict=True)),
    "yao": "幺", "liang": "两", "shi": "十", "bai": "百", "qian": "千", "wan": "万",
    "dian": "点", "fen": "分", "zhi": "之", "ban": "半", "kuai": "块", "zhao": "兆", "di": "第",
}  # fmt: skip
"""The character of each syllable that figures are read with."""


@dataclass(frozen=True, slots=True)
class Said:
    """One way to say what is written: its syllables' characters, and Latin letters as they are."""

    text: str

    @property
    def syllables(self) -> tuple[str, ...]:
        """Toneless, one per character; a Latin letter stands for itself."""
        rows = (readings(char)[0] for char in self.text)
        return tuple(
            row[0].syllable if row else char for char, row in zip(self.text, rows, strict=True)
        )


def character(syllable: str) -> str:
    """The character that a syllable of a number is written with; "" for any other."""
    return _CHARACTERS.get(syllable, "")


def ways(written: str, before: str = "", after: str = "") -> tuple[Said, ...]:
    """The ways to say a word of figures, signs and Latin letters; none where it has neither.

    Args:
        written: one word, without blanks: 10010, 35.6, 30%, 5G, VIP.
        before: what was written before it, as far as known.
        after: what was written after it.
    """
    if not any(char.isdecimal() for char in written):
        return ()
    texts = [""]
    done = 0
    for found in _FIGURES.finditer(written):
        between = _letters(written[done : found.start()])
        left = before + written[: found.start()]
        right = written[found.end() :] + after
        told = _told(found, left, right)
        texts = [text + between + one for text in texts for one in told][:8]
        done = found.end()
    rest = written[done:]
    ends = [_letters(rest)]
    if _MEGABYTES.match(rest):
        ends.append("兆")
    texts = [text + end for text in texts for end in ends]
    return tuple(Said(text) for text in dict.fromkeys(texts) if text)


def _letters(text: str) -> str:
    return "".join(char.lower() for char in text if char.isalnum())


def _told(found: re.Match[str], before: str, after: str) -> list[str]:
    """The ways to say one number, the likeliest first."""
    if found["clock"]:
        return _clock(*re.split("[:：]", found["clock"]))
    whole, part = found["whole"], found["part"]
    whole = "".join(str(int(digit)) for digit in whole)
    if part is not None:
        part = "".join(str(int(digit)) for digit in part)
        decimals = "".join(DIGITS[int(digit)] for digit in part)
        heads = _quantity(whole, after)
        if found["percent"]:
            return ["百分之" + head + "点" + decimals for head in heads]
        ways = [head + "点" + decimals for head in heads]
        if (found["sign"] or _MONEY.match(after)) and len(part) == 1:
            ways += [head + "块" + decimals for head in heads]  # 35.6元: also 三十五块六
        return ways
    if found["percent"]:
        return ["百分之" + head for head in _quantity(whole, "")]
    money = "块" if found["sign"] else ""
    return [said + money for said in _integer(whole, before, after, bool(money))]


def _integer(digits: str, before: str, after: str, money: bool) -> list[str]:
    if _YEAR.match(after) and len(digits) in (2, 4) and digits[0] != "0" and _is_year(digits):
        return [_one_by_one(digits)]
    named = len(digits) > 1 and _NAMING.search(before) is not None
    counted = money or _MEASURE.match(after) is not None
    if len(digits) > 1 and digits[0] == "0":
        return _dictated(digits)
    if named or digits in _SERVICE or (len(digits) > 4 and not (counted and len(digits) <= 8)):
        return _dictated(digits)
    if _ORDINAL.search(before) or _CALENDAR.match(after):
        return [_read(digits)]
    found = _quantity(digits, after)
    if len(digits) == 1:
        return list(dict.fromkeys([*found, *_dictated(digits)[:1]]))
    if len(digits) in (3, 4) and not counted:
        # 1023 may be a number that somebody bears; of the same length are only some.
        found += _dictated(digits)
    return list(dict.fromkeys(found))


def _is_year(digits: str) -> bool:
    return len(digits) == 2 or digits[:2] in ("18", "19", "20", "21")


def _one_by_one(digits: str) -> str:
    return "".join(DIGITS[int(digit)] for digit in digits)


def _dictated(digits: str) -> list[str]:
    """One by one, 1 as 幺 as on the telephone, or as 一."""
    plain = _one_by_one(digits)
    return list(dict.fromkeys([plain.replace("一", "幺"), plain]))


def _quantity(digits: str, after: str) -> list[str]:
    """As a quantity; a leading 2 of hundreds and more, and one before a measure, is 两 or 二."""
    said = _read(digits)
    if said == "二":
        return ["两", "二"] if _MEASURE.match(after) else ["二", "两"]
    if said.startswith("二") and said[1] in "百千万":
        return ["两" + said[1:], said]
    return [said]


def _read(digits: str) -> str:
    """A quantity up to eight digits: 12000 → 一万二千."""
    digits = digits.lstrip("0") or "0"
    if len(digits) <= 4:
        return read_number(digits)
    if len(digits) > 8:
        return _one_by_one(digits)
    high, low = digits[:-4], digits[-4:]
    said = read_number(high) + "万"
    if not low.strip("0"):
        return said
    return said + ("零" if low[0] == "0" else "") + read_number(low.lstrip("0"))


def _clock(hour: str, minute: str) -> list[str]:
    hours = _quantity(str(int(hour)), "点")
    if minute == "00":
        return [said + "点" for said in hours]
    if minute == "30":
        return [said + end for said in hours for end in ("点半", "点三十")]
    low = read_number(minute.lstrip("0"))
    return [said + "点" + ("零" if minute[0] == "0" else "") + low for said in hours]

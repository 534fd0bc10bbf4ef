"""Readings of characters: toneless syllables (`v` for ü) and tones, in context.

pypinyin knows how a character reads inside a phrase; where the phrase is not
known, every plausible reading is kept.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

OTHER_READINGS = 0.2
"""Share of a character's probability that its other readings get among the alternatives."""

INITIALS = (
    *("zh", "ch", "sh"),
    *("b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h"),
    *("j", "q", "x", "r", "z", "c", "s", "y", "w"),
)
ANY_TONE = 0

# Characters with more than one living reading. From the phrases of pypinyin's dictionary,
# weighted by jieba's counts: readings with at least 4 % of a character's occurrences, and
# a few of everyday speech that phrases do not show (得 dei, 谁 shei). Dictionaries list many
# more that nobody says (不 fou, 说 yue), or only in words that the dictionary knows (都 du).
_POLYPHONES = (
    "劲:jin,jing 了:le,liao 模:mo,mu 似:si,shi 佛:fo,fu 刹:cha,sha 匙:shi,chi 扁:bian,pian "
    "吭:keng,hang 朝:chao,zhao 长:zhang,chang 差:cha,chai 弹:dan,tan 行:xing,hang 抹:mo,ma "
    "曝:bao,pu 落:luo,la 觉:jue,jiao 角:jiao,jue 的:de,di 地:di,de 得:de,dei 谷:gu,yu "
    "还:hai,huan 重:zhong,chong 血:xue,xie 爪:zhao,zhua 巷:xiang,hang 攒:cuan,zan 恶:e,wu "
    "拗:niu,ao 藏:zang,cang 率:lv,shuai 调:diao,tiao 咽:yan,ye 塞:sai,se "
    "降:jiang,xiang 乐:le,yue 埋:mai,man 便:bian,pian 龟:gui,qiu 卒:zu,cu 着:zhe,zhuo,zhao "
    "粘:nian,zhan 蔓:man,wan 辟:pi,bi 露:lu,lou 纶:lun,guan 莞:guan,wan 阿:a,e 泊:po,bo "
    "宿:su,xiu 牟:mou,mu 铅:qian,yan 薄:bo,bao 伺:ci,si 糜:mi,mei 臭:chou,xiu 蔚:wei,yu "
    "剥:bo,bao 虾:xia,ha 蛤:ha,ge 迫:po,pai 颈:jing,geng 畜:chu,xu 藉:jie,ji 纤:xian,qian "
    "壳:ke,qiao 仔:zi,zai 俩:lia,liang 扎:zha,za 弄:nong,long 伽:jia,ga,qie 禅:chan,shan "
    "裳:shang,chang 柏:bo,bai 秘:mi,bi 朴:pu,piao,po 嚼:jue,jiao 栅:zha,shan 艾:ai,yi "
    "卡:ka,qia 杉:sha,shan 颤:chan,zhan 削:xue,xiao 刨:bao,pao 蹊:qi,xi 蚌:beng,bang "
    "椎:zhui,chui 卜:bo,bu 厦:sha,xia 稽:ji,qi 扒:ba,pa 绿:lv,lu 叨:dao,tao 呱:gu,gua "
    "吁:yu,xu 吓:xia,he 咯:ge,ka,lo 谁:shui,shei 屏:ping,bing 埔:pu,bu 缪:mou,miu 娜:nuo,na "
    "殷:yin,yan 膀:bang,pang 槟:bin,bing 茄:qie,jia 褪:tui,tun 单:dan,shan 曾:ceng,zeng "
    "盛:sheng,cheng 参:can,shen 系:xi,ji 省:sheng,xing 期:qi 熟:shu,shou 嗯:en,ng,n "
)

_RUNS = re.compile(r"[\u3400-\u9fff〇]+|[^\u3400-\u9fff〇]")
_MARKS = MappingProxyType({"\u0304": 1, "\u0301": 2, "\u030c": 3, "\u0300": 4})
_SYLLABLE = re.compile(r"^[a-z]+$")
_SANDHI = frozenset("不一")  # said in several tones, whatever the dictionary prints


@dataclass(frozen=True, slots=True)
class Reading:
    """A toneless syllable and its tone 1–5 (`ANY_TONE` = 0: unknown or changing)."""

    syllable: str
    tone: int = ANY_TONE


@lru_cache(maxsize=16384)
def readings(text: str) -> tuple[tuple[Reading, ...], ...]:
    """For each character of `text`, its plausible readings, the likeliest first.

    A character without a Mandarin reading (a Latin letter) has none.
    """
    if len(text) == 1:  # most of what a recogniser returns
        return _word(text) if is_han(text) else ((),)
    found: list[tuple[Reading, ...]] = []
    for run in _RUNS.findall(text):
        if not is_han(run[0]):
            found.append(())
            continue
        for word in _phrases(run):
            found.extend(_word(word))
    return tuple(found)


def syllables(text: str) -> list[str]:
    """The likeliest toneless syllable of each character; "" where there is none."""
    return [row[0].syllable if row else "" for row in readings(text)]


def is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff" or char == "〇"


@lru_cache(maxsize=4096)
def split_syllable(syllable: str) -> tuple[str, str]:
    """Initial and final: zhang → (zh, ang); an → ("", an).

    `y` and `w` are spelling, not initials: yan → ("", ian), wu → ("", u).
    Finals are written as they sound: ü after j, q, x, y is `v`; bo → (b, uo);
    the buzzing vowel of zhi/zi is `ih`.
    """
    initial = next((i for i in INITIALS if syllable.startswith(i)), "")
    final = syllable[len(initial) :]
    if initial == "y":
        return "", _after_y(final)
    if initial == "w":
        return "", {"u": "u", "o": "uo"}.get(final, "u" + final)
    if initial in {"j", "q", "x"} and final.startswith("u"):
        final = "v" + final[1:]
    elif initial in {"zh", "ch", "sh", "r", "z", "c", "s"} and final == "i":
        final = "ih"
    elif initial in {"b", "p", "m", "f"} and final == "o":
        final = "uo"
    return initial, {"ue": "ve", "un": "uen", "ui": "uei", "iu": "iou"}.get(final, final)


def _after_y(final: str) -> str:
    whole = {"i": "i", "in": "in", "ing": "ing", "u": "v", "ue": "ve", "uan": "van", "un": "vn"}
    return whole.get(final) or {"ou": "iou", "e": "ie"}.get(final, "i" + final)


def _phrases(run: str) -> list[str]:
    """A run of characters cut where pypinyin's dictionary of phrases cuts it."""
    from pypinyin.seg.mmseg import seg

    return list(seg.cut(run))


@lru_cache(maxsize=32768)
def _word(word: str) -> tuple[tuple[Reading, ...], ...]:
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

    known = PHRASES_DICT.get(word)
    if known is not None and len(known) == len(word):
        rows = [tuple(row) for row in known]
    else:
        rows = [tuple(PINYIN_DICT.get(ord(char), "").split(",")) for char in word]
    return tuple(_parse(char, row) for char, row in zip(word, rows, strict=True))


def _parse(char: str, row: tuple[str, ...]) -> tuple[Reading, ...]:
    parsed: list[Reading] = []
    living = _living().get(char, ())
    for marked in row:
        syllable, tone = _unmark(marked)
        if not _SYLLABLE.match(syllable):
            continue
        if parsed and syllable != parsed[0].syllable and syllable not in living:
            continue
        reading = Reading(syllable, ANY_TONE if char in _SANDHI else tone)
        if reading not in parsed:
            parsed.append(reading)
    return tuple(parsed)


@lru_cache(maxsize=1)
def _living() -> dict[str, tuple[str, ...]]:
    entries = (entry.split(":") for entry in _POLYPHONES.split())
    return {char: tuple(sounds.split(",")) for char, sounds in entries}


def _unmark(marked: str) -> tuple[str, int]:
    """Toneless syllable and tone of pinyin with tone marks: lǜ → (lv, 4), le → (le, 5)."""
    tone, plain = 5, ""
    for char in unicodedata.normalize("NFD", marked):
        if char in _MARKS:
            tone = _MARKS[char]
        elif char == "\u0308":  # the dots of ü
            plain = plain[:-1] + "v"
        elif not unicodedata.combining(char):
            plain += char
    return plain, tone

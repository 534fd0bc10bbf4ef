"""What a speaker does with words: says them, or quotes, denies, supposes or turns them round.

Words that are forbidden may be repeated to the customer ("您刚才反映营业员说…"),
denied ("我们不会说…"), supposed ("要是您那边还解决不了…"), or said with the opposite
meaning ("您没有搞错"). Grammar decides, not the rule: what stands before the words
in the same turn, and, once it has been heard, what stands behind them.

A frame must reach the words: a verb of saying directly before them, a
condition with no consequence in between. "我没说错，是你搞错了" denies one thing and
says another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from monitor.base.i18n import tr
from monitor.events import Party, Token
from monitor.language.normalise import normalise

BEFORE = 24
"""Syllables before the words that are looked at, in the same turn."""
BEHIND = 12
TURN_GAP_MS = 1000
BEHIND_MS = 3000
"""Words behind are waited for so long; an alert that they turn round is retracted."""


class Act(StrEnum):
    """Why the words do not count."""

    QUOTED = "quoted"
    DENIED = "denied"
    SUPPOSED = "supposed"
    TURNED = "turned"

    def shown(self) -> str:
        """In the reader's language."""
        return {
            Act.QUOTED: tr("转述", "quoted"),
            Act.DENIED: tr("否认", "denied"),
            Act.SUPPOSED: tr("假设", "supposed"),
            Act.TURNED: tr("意思相反", "turned round"),
        }[self]


@dataclass(frozen=True, slots=True)
class Excuse:
    """An act and the words that make it."""

    act: Act
    by: str


def _pattern(*parts: str) -> re.Pattern[str]:
    return re.compile("".join(parts))


_PEOPLE = (
    "(?:同事|营业员|客服|坐席|座席|师傅|工作人员|工程师|安装的|维修的|快递员|司机|经理|主管|领导|老师|"
    "医生|护士|柜员|业务员|销售|店员|店家|商家|老板|人家|别人|有人|对方|那边|前台|保安|家人|邻居|朋友|"
    "他们|她们|他|她|客户|用户|员工|人员|同志|小姑娘|小伙子|先生|女士|哪位)"
)
_SAY = (
    "(?:说|讲|回复|回答|答复|告诉|反映|反应|提到|提及|骂|问|喊|嚷|表示|声称|认为|觉得|"
    "听到|听见|用了|写的是|写了)"
)
_TO = "(?:跟|和|对|向|给|冲|朝)?(?:您|你|我|客户|用户|咱|大家)?(?:的)?"
_WHAT = "(?:过|了|的|是|着|道|到|出|一句|一声|句|什么|您|你|这种|这样|类似|像)*"
_WHEN = "(?:刚才|刚刚|刚|之前|先前|前面|上次|上回|昨天|前天|当时|那天|上午|下午|原来|一开始|今天)"
_NOT = (
    "(?:不会|不能|不该|不应该|不应|不可以|不可能|不许|不得|不准|不允许|不让|禁止|严禁|杜绝|避免|"
    "从来没|从没|没有|并没有|并没|没|不是|不要|不再|怎么会|哪能|哪会|岂能)"
)

_FRAMES: Sequence[tuple[Act, re.Pattern[str]]] = (
    # 我们(的客服)不会说…, 不许对客户说…, 从来没有跟您说过…, 不应该说…
    (
        Act.DENIED,
        _pattern(
            _NOT, "(?:再|去|用|有人|任何人|这么|这样|随便|直接)?", _TO,
            "(?:说|讲)(?:过|出|出口|这种话|这样的话|什么|您|你|像)*$",
        ),
    ),
    # 营业员说…, 他跟您讲…, 同事不耐烦地回了一句…
    (Act.QUOTED, _pattern(_PEOPLE, "[^我]{0,6}?", _TO, _SAY, _TO, _WHAT, "$")),
    (Act.QUOTED, _pattern(_PEOPLE, _TO, "(?:这么|这样|那么|那样)?(?:说|讲)[^我]{0,2}$")),
    # 您刚才反映…, 您说的…, 您的意思是…, 您是说…
    (
        Act.QUOTED,
        _pattern(
            "(?:您|你|客户|用户)", _WHEN, "(?:也|还|就|又|不是|是)?(?:跟我|对我|和我)?",
            _SAY, _WHAT, "$",
        ),
    ),
    (
        Act.QUOTED,
        _pattern(
            "(?:您|客户|用户)(?:反映|反应|投诉|提到|说的|讲的|指的|认为|觉得|听到|是说|是指|的意思)",
            _WHAT, "$",
        ),
    ),
    (
        Act.QUOTED,
        _pattern(
            "(?:您|客户|用户)", _WHEN, "?(?:反映|反应|投诉|提到|是说|是指|说)(?:的是)?",
            "(?:", _PEOPLE, "|我们|那个)[^我你就]{0,4}$",
        ),
    ),
    # 他不应该让您…, 她不该对您…
    (
        Act.DENIED,
        _pattern(
            _PEOPLE, "(?:真的|确实)?(?:不该|不应该|不应当|不可以|不能|不会)", _TO,
            "(?:让|叫|讲|说|这样|这么|用)?", _TO, "$",
        ),
    ),
    # 我们不会…, 我绝不会让您…
    (
        Act.DENIED,
        _pattern(
            "(?:我们?|咱们|公司|本公司|我司|这边)(?:这边|的客服|的人|的同事|的师傅)?",
            "(?:是|也|都|绝对|绝|肯定|一定|当然|从来)?(?:不会|不可能|不能|没有|没)",
            "(?:是|要|想|觉得|认为)?", _TO, "(?:让|叫|把|嫌|怪|说)?", _TO, "$",
        ),
    ),
    # 要是您那边还…, with no consequence yet
    (
        Act.SUPPOSED,
        _pattern(
            "(?:如果|要是|万一|假如|假使|倘若|若是|若|一旦|哪怕|即使|只要)",
            "(?!.*(?:就|那(?![边里儿个位])|便|则|你爱|随便))[^我]{0,7}$",
        ),
    ),
)  # fmt: skip

# 您刚才 + 不是说过…: what the customer said, not what had to be said to him.
_SAID_BEFORE = _pattern("(?:您|你)", _WHEN, "$")
_SAID = re.compile("^(?:也|还)?(?:不是)?(?:说|讲|提)(?:过|了|的)")
_SAID_WHOLE = _pattern("(?:您|你)", _WHEN, "(?:也|还)?不是(?:也|还|都)?(?:说|讲|提)(?:过|了)")

# The words themselves have the opposite meaning, whoever matched them.
_TURNED = (
    re.compile(
        "^(?:您|你)?(?:刚才|确实|真的|其实|并|这边|说的)?没有?(?:搞|弄|说|记|听|看|算|写)?错"
    ),
    re.compile(
        "^.{0,6}您(?:能|可以|方便)(?!不).{0,8}(?:大声|声音|慢|清楚|详细|具体|说一下|讲一下|重复)"
    ),
    re.compile("^您(?:要|想|需要)(?:找|问|查|办|说)"),
    re.compile("^(?:那)?您.{0,4}(?:说|讲|指|问|反映)的(?:是|那个|这个)"),
)
_ASSERTED = re.compile("有没有|是你|是您搞|明明|分明")

_BEHIND: Sequence[tuple[Act, re.Pattern[str]]] = (
    # …这样的话 (as something said), …之类的话
    (
        Act.QUOTED,
        _pattern(
            "^[吧吗呢啊]?(?:这样的话|这种话|这句话|那种话|那样的话|之类的|这类的?话|等等的话|",
            "的这种|这样的语)",
        ),
    ),
    # …都可以, …也没关系
    (
        Act.TURNED,
        _pattern(
            "^[吧吗呢啊]?(?:您)?(?:都|也)(?:是)?",
            "(?:可以|行|没关系|没问题|没事|愿意|不要紧|能|好)",
        ),
    ),
    # …是他不对, …是我们的错
    (
        Act.QUOTED,
        _pattern(
            "^[吧吗呢啊了]?(?:这)?(?:都)?(?:是|就是)",
            "(?:他们|她们|他|她|我们|同事|营业员|师傅)(?:的)?(?:不对|不好|错|问题|态度)",
        ),
    ),
    # 就这样吧，您先试一下，有问题再打过来
    (
        Act.TURNED,
        _pattern(
            "^(?:您|你|麻烦您)?(?:先|可以先)?(?:试|看|用|等|观察)?(?:一下|试|看|着|几天|两天)*",
            "(?:如果|要是)?(?:您)?(?:有|还有)(?:什么|任何|其他)?(?:问题|情况|需要|疑问)(?:您)?",
            "(?:再|随时|欢迎|都)",
        ),
    ),
)


def excuse(before: str, words: str, behind: str = "") -> Excuse | None:
    """What is done with `words`, when they are not simply said; None when they are.

    `before` and `behind` are what the speaker said in the same turn, as far as
    it has been heard, without punctuation.
    """
    left = before[-BEFORE:]
    for act, frame in _FRAMES:
        found = frame.search(left)
        if found and not (act is Act.SUPPOSED and re.search("就|[呗啊]$|爱", words)):
            return Excuse(act, found[0])
    if (found := _SAID_BEFORE.search(left)) and _SAID.match(words):
        return Excuse(Act.QUOTED, found[0])
    if found := _SAID_WHOLE.match(left[-1:] + words) or _SAID_WHOLE.match(words):
        return Excuse(Act.QUOTED, found[0])
    for turned in _TURNED:
        # It may be complete only with what follows: 您到底要说的 + 是哪个号码.
        if (found := turned.match(words + behind[:BEHIND])) and not _ASSERTED.search(
            left[-3:] + words
        ):
            return Excuse(Act.TURNED, found[0])
    for act, frame in _BEHIND:
        found = frame.match(behind[:BEHIND])
        if found and (act is not Act.TURNED or not re.search("[滚蠢笨烦]", words)):
            return Excuse(act, found[0])
    return None


def mitigated(before: str, words: str, behind: str = "") -> bool:
    """Whether the words do not count, also when the frame is the beginning of them."""
    if excuse(before, words, behind) is not None:
        return True
    # A stretch that begins with the frame: what it frames is the rest.
    return any(
        excuse(before + words[:cut], words[cut:], behind) is not None
        for cut in range(2, min(len(words) - 3, BEFORE))
    )


def around(said: Sequence[Token], party: Party, start_ms: int, end_ms: int) -> tuple[str, str, str]:
    """What the party said in one turn before, during and after a span, as plain text."""
    before: list[str] = []
    words: list[str] = []
    behind: list[str] = []
    next_ms = start_ms
    for token in reversed(said):
        if token.party is not party or token.start_ms >= end_ms:
            continue
        if token.end_ms > start_ms:
            words.append(token.text)
        elif next_ms - token.end_ms >= TURN_GAP_MS or len(before) >= BEFORE:
            break
        else:
            before.append(token.text)
            next_ms = token.start_ms
    last_ms = end_ms
    first = next((n for n in range(len(said) - 1, -1, -1) if said[n].start_ms < end_ms), -1) + 1
    for token in said[first:]:
        if token.start_ms - last_ms >= TURN_GAP_MS or len(behind) >= BEHIND:
            break
        behind.append(token.text)
        last_ms = token.end_ms
    return _plain(before[::-1]), _plain(words[::-1]), _plain(behind)


def _plain(texts: Sequence[str]) -> str:
    return normalise("".join(texts)).text

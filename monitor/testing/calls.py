"""Made-up calls by the hundred thousand, for measuring lists, searches and dashboards.

Nothing is recognised: turns are drawn from sentences of everyday calls, figures
from plausible distributions. The same seed gives the same calls.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from monitor.language.pinyin import syllables

AGENTS = tuple(f"坐席{number:03d}" for number in range(1, 61))
QUEUES = ("宽带", "移动业务", "账单", "投诉", "国际漫游", "政企", "增值业务", "VIP")
TIERS = ("普通", "银卡", "金卡", "钻石")
_SAID: Mapping[str, Sequence[str]] = {
    "agent": (
        "您好很高兴为您服务请问有什么可以帮您",
        "请您稍等我帮您查询一下",
        "感谢您的耐心等待",
        "您的套餐每个月包含二十个吉的流量",
        "这个业务需要您本人到营业厅办理",
        "我已经帮您登记了二十四小时之内会有人联系您",
        "请问您的宽带账号是多少",
        "非常抱歉给您带来了不便",
        "请问还有其他可以帮您的吗",
        "感谢您的来电再见",
        "退订之后下个月一号生效",
        "您的话费余额是三十六块五毛",
        "这个我也没办法你自己去营业厅吧",
        "您可以在手机营业厅里面自助办理",
    ),
    "customer": (
        "我想查一下这个月的话费",
        "我家的宽带上不了网了",
        "为什么多扣了我二十块钱",
        "我要退订这个增值业务",
        "你们什么态度我要投诉",
        "好的谢谢",
        "怎么办理国际漫游",
        "我的手机没有信号",
        "能不能给我换一个便宜一点的套餐",
        "行那就这样再见",
        "我上个星期就打过电话了到现在也没有人处理",
        "验证码一直收不到",
    ),
}
_NAMES = ("路", "街", "小区", "花园", "大厦", "广场")
_RULES = (
    ("etiquette-no-way", "不说“没办法”", "用语", "major"),
    ("etiquette-go-yourself", "不让客户自己去办", "用语", "minor"),
    ("etiquette-rude", "不说粗话", "用语", "fatal"),
    ("process-long-hold", "等待过久", "流程", "tip"),
)
_SCRIPTS = (("greeting", "开场问候"), ("offer-more-help", "询问其他需要"), ("goodbye", "道别"))


@dataclass(frozen=True, slots=True)
class Made:
    """What to make: `turns` per call on average, spread over `days` before `until`."""

    calls: int = 100_000
    turns: int = 4
    days: int = 90
    until: datetime = field(default_factory=lambda: datetime.now(UTC))
    seed: int = 1


def made_calls(made: Made) -> Iterator[dict[str, Any]]:
    """The call JSON of each call, the newest first."""
    draw = random.Random(made.seed)
    apart = timedelta(days=made.days) / max(1, made.calls)
    for number in range(made.calls):
        yield _call(draw, number, made.until - number * apart, made.turns)


def _call(draw: random.Random, number: int, started_at: datetime, turns: int) -> dict[str, Any]:
    utterances = list(_turns(draw, max(1, round(draw.gauss(turns, turns / 4)))))
    duration_ms = utterances[-1]["end_ms"] + draw.randrange(2_000, 400_000)
    alerts = [_alert(draw, at) for at in range(_few(draw))]
    scripts = [_script(draw, rule, title, duration_ms) for rule, title in _SCRIPTS]
    facts = {
        "agent": draw.choice(AGENTS),
        "queue": draw.choice(QUEUES),
        "tier": draw.choices(TIERS, (70, 15, 10, 5))[0],
    }
    name = f"{started_at:%Y%m%d-%H%M%S}-{number:06d}"
    return {
        "version": 1,
        "fingerprint": f"made-{number}",
        "call": {
            "id": name,
            "source": f"made/{name}.wav",
            "parties": ["agent", "customer"],
            "recogniser": "made up",
            "packs": [{"id": "made-up", "version": "1.0.0"}],
            "started_at": started_at.isoformat(timespec="seconds"),
            "direction": draw.choices(("inbound", "outbound"), (9, 1))[0],
            "facts": facts,
            "duration_ms": duration_ms,
            "released_by": draw.choice(("agent", "customer")),
            "damage": "",
        },
        "utterances": utterances,
        "alerts": alerts,
        "scripts": scripts,
        "readings": [],
        "gaps": [],
        "score": _score(alerts, scripts),
    }


def _turns(draw: random.Random, count: int) -> Iterator[dict[str, Any]]:
    at = 500
    for turn in range(count):
        party = ("agent", "customer")[turn % 2]
        text = draw.choice(_SAID[party])
        if draw.random() < 0.2:  # what nobody else says, as in real calls
            text += "我在" + "".join(draw.choices(_hanzi(), k=3)) + draw.choice(_NAMES)
        said = turn_of(party, text, at)
        yield said
        at = said["end_ms"] + draw.randrange(200, 3_000)


def turn_of(party: str, text: str, start_ms: int) -> dict[str, Any]:
    """An utterance of the call JSON, a token per character, each 200 ms long."""
    tokens: list[dict[str, Any]] = [
        {
            "text": char,
            "syllable": syllable,
            "start_ms": start_ms + 200 * place,
            "end_ms": start_ms + 200 * place + 200,
            "confidence": 0.9,
            "alternatives": [],
        }
        for place, (char, syllable) in enumerate(zip(text, _syllables(text), strict=True))
    ]
    end_ms = tokens[-1]["end_ms"]
    return {
        "party": party,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "text": text,
        "tokens": tokens,
    }


def _alert(draw: random.Random, at: int) -> dict[str, Any]:
    rule, title, family, severity = draw.choices(_RULES, (6, 10, 1, 4))[0]
    start = draw.randrange(1_000, 60_000)
    return {
        "id": f"{rule}#{at}",
        "rule": rule,
        "title": title,
        "family": family,
        "severity": severity,
        "party": "agent",
        "start_ms": start,
        "end_ms": start + 1_200,
        "at_ms": start + 1_200,
        "quote": "这个我也没办法",
        "similarity": round(draw.uniform(0.8, 1.0), 3),
        "advice": "我帮您想想办法",
        "state": draw.choices(("raised", "retracted"), (19, 1))[0],
        "interrupts": severity != "tip",
        "evidence": {},
    }


def _script(draw: random.Random, rule: str, title: str, duration_ms: int) -> dict[str, Any]:
    met = draw.random() < 0.85
    return {
        "rule": rule,
        "title": title,
        "at_ms": duration_ms,
        "deadline_ms": None,
        "start_ms": 500 if met else None,
        "end_ms": 2_500 if met else None,
        "quote": "您好很高兴为您服务" if met else "",
        "similarity": 0.97 if met else 0.0,
        "advice": "",
        "occurrence": 0,
        "evidence": {},
        "state": "met" if met else "missed",
    }


def _score(
    alerts: Sequence[Mapping[str, Any]], scripts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    costs = {"tip": 0, "minor": 3, "major": 8, "fatal": 100}
    lines: list[dict[str, Any]] = [
        {
            "item": script["rule"],
            "title": script["title"],
            "group": "流程",
            "status": "met" if script["state"] == "met" else "lost",
            "weight": 10.0,
            "points": 10.0 if script["state"] == "met" else 0.0,
            "times": int(script["state"] != "met"),
            "fatal": False,
            "reason": "",
        }
        for script in scripts
    ]
    for rule, title, family, severity in _RULES:
        times = sum(a["rule"] == rule and a["state"] != "retracted" for a in alerts)
        if times:
            lines.append(
                {
                    "item": rule,
                    "title": title,
                    "group": family,
                    "status": "lost",
                    "weight": 0.0,
                    "points": -float(costs[severity] * times),
                    "times": times,
                    "fatal": severity == "fatal",
                    "reason": "",
                }
            )
    fatal = any(line["fatal"] for line in lines)
    lost = sum(line["weight"] - line["points"] for line in lines)
    total = 0.0 if fatal else max(0.0, 100.0 - lost)
    grade = next(name for name, least in _GRADES if total >= least)
    return {
        "total": total,
        "max": 100.0,
        "grade": grade,
        "fatal": fatal,
        "groups": [],
        "lines": lines,
        "clean": len(_RULES),
        "not_applicable": 0,
    }


_GRADES = (("优秀", 95.0), ("良好", 85.0), ("合格", 70.0), ("不合格", 0.0))


def _few(draw: random.Random) -> int:
    return draw.choices((0, 1, 2, 3), (60, 25, 10, 5))[0]


@lru_cache(maxsize=1024)
def _syllables(text: str) -> list[str]:
    return syllables(text)


@lru_cache(maxsize=1)
def _hanzi() -> str:
    """Common characters: the first thousand of GB 2312."""
    codes = (bytes((row, cell)) for row in range(0xB0, 0xBB) for cell in range(0xA1, 0xFF))
    return "".join(code.decode("gb2312") for code in codes)[:1000]

"""Service figures that need more than the sound of a call, and how agents speak.

The rates the manuals ask for (接听及时率, 问题记录准确率, 问题处理成功率,
客户满意度, 投诉处理及时率) rest on facts that the telephone and ticket systems
know. Give them with the calls' metadata (docs/qa.md); over calls that lack a
fact its rate says nothing, so every rate tells over how many calls it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from monitor.base.i18n import tr
from monitor.quality.scope import Scope
from monitor.store.schema import Call, Reading

_TRUE = frozenset(("true", "1", "1.0", "yes", "是"))
_FALSE = frozenset(("false", "0", "0.0", "no", "否"))


@dataclass(frozen=True, slots=True)
class Targets:
    """What the manuals ask for; houses set their own."""

    answer_s: float = 20.0  # 服务水平: answered within 20 s …
    answer_share: float = 0.85  # … for 85 % of the calls
    slow: float = 120.0  # 语速, characters per minute
    fast: float = 160.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A figure over the `calls` that have the fact it needs; `value` is None over none.

    `kind` says how to read it: a share of 1, or points.
    """

    name: str
    title: str
    value: float | None
    calls: int
    kind: str = "share"
    target: float | None = None


def rates(session: Session, scope: Scope, targets: Targets | None = None) -> list[Rate]:
    """The service figures of the calls' metadata."""
    t = targets or Targets()
    waits = _numbers(facts(session, scope, "wait_s"))
    marks = _numbers(facts(session, scope, "satisfaction"))
    in_time = sum(n for wait, n in waits.items() if wait <= t.answer_s)
    return [
        Rate(
            "answer",
            tr(f"接听及时率（{t.answer_s:g} 秒内）", f"answered within {t.answer_s:g} s"),
            in_time / sum(waits.values()) if waits else None,
            sum(waits.values()),
            target=t.answer_share,
        ),
        _yes(session, scope, "recorded", tr("问题记录准确率", "problem recorded correctly")),
        _yes(session, scope, "resolved", tr("问题处理成功率", "problem resolved")),
        Rate(
            "satisfaction",
            tr("客户满意度", "customer satisfaction"),
            sum(mark * n for mark, n in marks.items()) / sum(marks.values()) if marks else None,
            sum(marks.values()),
            kind="points",
        ),
        _yes(
            session,
            scope,
            "complaint_in_time",
            tr("投诉处理及时率", "complaints handled in time"),
        ),
    ]


@dataclass(frozen=True, slots=True)
class Category:
    """What calls were about (问题分类): how many, how many more than in the stretch before, and
    how long one took on average, in seconds (处理时间)."""

    name: str
    calls: int
    change: int
    average_s: float


def categories(session: Session, scope: Scope) -> list[Category]:
    """What the calls were about, most frequent first (热点); unknown ones are left out."""
    value = Call.facts["category"].as_string()
    query = (
        select(value, func.count(), func.sum(Call.duration_ms))
        .where(*scope.conditions(), value.is_not(None))
        .group_by(value)
    )
    counts: Counter[str] = Counter()
    lengths: Counter[str] = Counter()
    for text, count, length in session.execute(query):
        counts[str(text).strip()] += count
        lengths[str(text).strip()] += int(length)
    before = facts(session, scope.before(), "category")
    return [
        Category(name, count, count - before.get(name, 0), lengths[name] / 1000 / count)
        for name, count in counts.most_common()
    ]


def facts(session: Session, scope: Scope, name: str) -> Mapping[str, int]:
    """How many calls have which value of a fact, as text."""
    value = Call.facts[name].as_string()
    query = select(value, func.count()).where(*scope.conditions(), value.is_not(None))
    found: Counter[str] = Counter()
    for text, count in session.execute(query.group_by(value)):
        found[str(text).strip()] += count
    return found


def _yes(session: Session, scope: Scope, name: str, title: str) -> Rate:
    values = facts(session, scope, name)
    yes = sum(n for text, n in values.items() if text.lower() in _TRUE)
    no = sum(n for text, n in values.items() if text.lower() in _FALSE)
    return Rate(name, title, yes / (yes + no) if yes + no else None, yes + no)


def _numbers(values: Mapping[str, int]) -> Counter[float]:
    found: Counter[float] = Counter()
    for text, count in values.items():
        try:
            found[float(text)] += count
        except ValueError:
            continue  # somebody's `--fact wait_s=soon`: no number, so no part of the figure
    return found


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one agent speaks: characters per minute, and the longest silence they owed, ms.

    `in_band` is the share of turns between the rates that the manuals allow.
    """

    agent: str
    turns: int
    rate: float | None
    in_band: float | None
    longest_silence_ms: float | None
    interruptions: int
    talk_share: float | None


def delivery(session: Session, scope: Scope, targets: Targets | None = None) -> list[Delivery]:
    """How the agents of the scope speak, by name."""
    t = targets or Targets()
    name, value = Reading.name, Reading.value
    band = (name == "speech_rate") & value.between(t.slow, t.fast)
    query = (
        select(
            Call.agent,
            func.sum(case((name == "speech_rate", 1), else_=0)),
            func.avg(case((name == "speech_rate", value))),
            func.sum(case((band, 1), else_=0)),
            func.max(case((name == "silence", value))),
            func.sum(case((name == "interruption", 1), else_=0)),
            func.avg(case((name == "talk_share", value))),
        )
        .join(Call, Call.id == Reading.call_id)
        .where(*scope.conditions(), Call.agent.is_not(None), Reading.party == "agent")
        .group_by(Call.agent)
        .order_by(Call.agent)
    )
    return [
        Delivery(agent, int(turns), rate, int(inside) / turns if turns else None, *rest)
        for agent, turns, rate, inside, *rest in session.execute(query)
    ]

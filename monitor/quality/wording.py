"""How figures read, on pages, in files and in the terminal."""

from __future__ import annotations

from datetime import timedelta

from monitor.base.i18n import tr
from monitor.base.labels import clock
from monitor.quality.periods import Span, span_of
from monitor.rules.scorecard import grade_name
from monitor.store.schema import User

NONE = "–"


def share(value: float | None) -> str:
    """A share of 1 as percent."""
    if value is None:
        return NONE
    return f"{value * 100:.0f}%" if value in (0, 1) else f"{value * 100:.1f}%"


def rate(value: float | None, kind: str) -> str:
    """A service figure: a share as percent, anything else as points."""
    return share(value) if kind == "share" else points(value)


def points(value: float | None) -> str:
    """A score, or any figure with one decimal."""
    return NONE if value is None else f"{value:.1f}"


def count(value: int) -> str:
    return f"{value:,}"


def length(seconds: float | None) -> str:
    """A length of time as m:ss or h:mm:ss."""
    return NONE if seconds is None else clock(1000 * round(seconds))


def difference(now: float | None, before: float | None, scale: float = 1.0) -> str:
    """How much a figure rose or fell, with its sign; empty where one of them is missing."""
    if now is None or before is None:
        return ""
    if isinstance(now, int) and isinstance(before, int) and scale == 1:
        return f"{now - before:+d}" if now != before else "±0"
    return signed((now - before) * scale)


def signed(value: float | None) -> str:
    """A figure with one decimal and its sign."""
    if value is None:
        return NONE
    return "±0" if abs(value) < 0.05 else f"{value:+.1f}"


def span(days: Span) -> str:
    """A stretch of days: `2026-11-22`, `2026-11`, `2026-11-16 – 2026-11-22`."""
    if days.days == 1:
        return f"{days.since:%Y-%m-%d}"
    if days == span_of(days.since, "month"):
        return f"{days.since:%Y-%m}"
    return f"{days.since:%Y-%m-%d} – {days.until - timedelta(days=1):%Y-%m-%d}"


def name(text: str) -> str:
    """A name of an agent, queue, …; what is not known says so."""
    return text or tr("（未填）", "(not given)")


def severity(value: str) -> str:
    names = {
        "fatal": tr("致命", "fatal"),
        "major": tr("严重", "major"),
        "minor": tr("一般", "minor"),
        "tip": tr("提示", "tip"),
    }
    return names.get(value, value)


def grade(value: str) -> str:
    """A grade in the reader's language."""
    return grade_name(value)


def status(value: str) -> str:
    """The answer to an item of a scorecard."""
    names = {
        "met": tr("达标", "met"),
        "partly": tr("部分达标", "partly"),
        "lost": tr("失分", "lost"),
        "clean": tr("没有违规", "clean"),
        "not_applicable": tr("不适用", "not applicable"),
    }
    return names.get(value, value)


def score_from(purpose: str | None) -> str:
    """Where the score that counts comes from: the purpose of a person's card, else the machine."""
    names = {
        "review": tr("人工评分", "reviewer"),
        "appeal": tr("申诉更正", "appeal"),
        None: tr("机器", "machine"),
    }
    return names.get(purpose, purpose or "")


def person(user: User | None) -> str:
    """What somebody is called; empty for nobody, or somebody whose account is gone."""
    return (user.display or user.name) if user else ""

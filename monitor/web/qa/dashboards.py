"""Dashboards: figures with plots, each leading to the calls behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from markupsafe import Markup
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse

from monitor.base.i18n import tr
from monitor.quality import wording
from monitor.quality.periods import Span, span_named
from monitor.quality.reports import service, totals
from monitor.quality.reports.summary import step_of
from monitor.quality.reports.totals import BINS, RuleFigures, ScriptFigures, Totals
from monitor.quality.sampling import review_queue
from monitor.quality.scope import Scope
from monitor.store.schema import User
from monitor.web import charts
from monitor.web.charts import Bar, Series
from monitor.web.deps import Db, need
from monitor.web.pages import page
from monitor.web.qa.calls import names_of
from monitor.web.qa.periods import PeriodQuery, choices
from monitor.web.roles import REVIEWERS

router = APIRouter(include_in_schema=False)

Reviewer = Annotated[User, need(*REVIEWERS)]
View = Literal["overview", "agents", "queues", "rules", "scripts", "service"]

_TOP = 12


@router.get("/dashboards")
def show(
    request: Request,
    db: Db,
    _user: Reviewer,
    asked: Annotated[PeriodQuery, Query()],
    view: View = "overview",
) -> HTMLResponse:
    """The figures of a period, from one of several sides."""
    scope = asked.scope()
    made = {
        "overview": _overview,
        "agents": _agents,
        "queues": _queues,
        "rules": _rules,
        "scripts": _scripts,
        "service": _service,
    }[view](db, scope)
    return page(
        request,
        f"qa/dash_{view}.html",
        asked=asked,
        view=view,
        views=views(),
        periods=choices(),
        scope=scope,
        heading=wording.span(scope.span),
        w=wording,
        now=totals.totals(db, scope),
        before=totals.totals(db, scope.before()),
        agents=names_of(db, "agent"),
        queues=names_of(db, "queue"),
        calls=lambda **more: f"/calls?{scope.query(**more)}",
        **made,
    )


def views() -> list[tuple[str, str]]:
    return [
        ("overview", tr("概览", "Overview")),
        ("agents", tr("坐席", "Agents")),
        ("queues", tr("队列", "Queues")),
        ("rules", tr("规则", "Rules")),
        ("scripts", tr("话术", "Scripts")),
        ("service", tr("语音与服务", "Delivery and service")),
    ]


def _overview(db: Session, scope: Scope) -> dict[str, Any]:
    sums = totals.trend(db, scope, step_of(scope))
    return {
        "score_chart": _score_trend(scope, sums),
        "hits_chart": _hits_trend(scope, sums),
        "distribution": _distribution(scope, totals.distribution(db, scope)),
        "rules": _rule_bars(scope, totals.rules(db, scope, _TOP)),
        "scripts": _script_bars(scope, totals.scripts(db, scope)[:_TOP]),
        "common": totals.spread(db, scope)[:_TOP],
        "grades": totals.grades(db, scope),
    }


def _agents(db: Session, scope: Scope) -> dict[str, Any]:
    rows = totals.grouped(db, scope, "agent")
    return {
        "rows": rows,
        "key": "agent",
        "first": tr("坐席", "Agent"),
        "charts": _compared(scope, rows, "agent"),
    }


def _queues(db: Session, scope: Scope) -> dict[str, Any]:
    rows = totals.grouped(db, scope, "queue")
    return {
        "rows": rows,
        "key": "queue",
        "first": tr("队列", "Queue"),
        "charts": _compared(scope, rows, "queue"),
        "tiers": totals.grouped(db, scope, "tier"),
        "directions": totals.grouped(db, scope, "direction"),
    }


def _rules(db: Session, scope: Scope) -> dict[str, Any]:
    found = totals.rules(db, scope)
    sums = totals.trend(db, scope, step_of(scope))
    return {
        "rules": found,
        "changes": totals.changes(found, totals.rules(db, scope.before())),
        "common": totals.spread(db, scope),
        "bars": _rule_bars(scope, found[:_TOP]),
        "hits_chart": _hits_trend(scope, sums),
    }


def _scripts(db: Session, scope: Scope) -> dict[str, Any]:
    found = totals.scripts(db, scope)
    names, sums = _axis(totals.trend(db, scope, step_of(scope)))
    chart = charts.lines(
        tr("话术完成率", "Script completion"),
        [_short(name) for name in names],
        [
            Series(
                tr("完成率", "completion"),
                [one.completion for one in sums],
                [_period_calls(scope, name) for name in names],
            )
        ],
        shown=charts.percent,
        heading=tr("期间", "period"),
        most=1.0,
    )
    return {"scripts": found, "bars": _script_bars(scope, found), "chart": chart}


def _service(db: Session, scope: Scope) -> dict[str, Any]:
    hours = totals.hours_of_day(db, scope)
    return {
        "rates": service.rates(db, scope),
        "categories": service.categories(db, scope),
        "delivery": service.delivery(db, scope),
        "coverage": review_queue.coverage(db, scope),
        "targets": service.Targets(),
        "hours": charts.columns(
            tr("各时段通话数", "Calls by hour of the day"),
            [f"{hour}" for hour in range(24)],
            Series(tr("通话", "calls"), [one.calls for one in hours]),
            heading=tr("时", "hour"),
        ),
    }


def _score_trend(scope: Scope, sums: Sequence[tuple[str, Totals]]) -> Markup:
    names, values = _axis(sums)
    links = [_period_calls(scope, name) for name in names]
    return charts.lines(
        tr("平均得分", "Average score"),
        [_short(name) for name in names],
        [
            Series(tr("得分", "score"), [one.score for one in values], links),
            Series(tr("机器", "machine"), [one.machine_score for one in values], links),
        ],
        heading=tr("期间", "period"),
        most=100.0,
    )


def _hits_trend(scope: Scope, sums: Sequence[tuple[str, Totals]]) -> Markup:
    names, values = _axis(sums)
    return charts.lines(
        tr("每小时违规", "Hits per hour"),
        [_short(name) for name in names],
        [
            Series(
                tr("每小时违规", "hits per hour"),
                [one.hits_per_hour for one in values],
                [_period_calls(scope, name, severity="minor") for name in names],
            )
        ],
        heading=tr("期间", "period"),
    )


def _distribution(scope: Scope, counts: Sequence[int]) -> Markup:
    edges = [number * 100 // BINS for number in range(BINS + 1)]
    # Scores have one decimal: a bin ends a tenth before the next one begins.
    tops = [*(edge - 0.1 for edge in edges[1:-1]), 100]
    links = [
        f"/calls?{scope.query(score_min=low, score_max=f'{top:g}')}"
        for low, top in zip(edges[:-1], tops, strict=True)
    ]
    names = [f"{low}–{high}" for low, high in pairwise(edges)]
    return charts.columns(
        tr("得分分布", "Distribution of scores"),
        names,
        Series(tr("通话", "calls"), list(counts), links),
        heading=tr("得分", "score"),
    )


def _rule_bars(scope: Scope, found: Sequence[RuleFigures]) -> Markup:
    rows = [
        Bar(
            rule.title,
            rule.hits,
            f"/calls?{scope.query(rule=rule.rule)}",
            tr(f"{rule.calls} 通", f"in {rule.calls}"),
            rule.severity,
        )
        for rule in found
    ]
    return charts.bars(
        tr("违规最多的规则", "Rules with most hits"),
        rows,
        heading=tr("规则", "rule"),
        measure=tr("次数", "hits"),
    )


def _script_bars(scope: Scope, found: Sequence[ScriptFigures]) -> Markup:
    rows = [
        Bar(
            script.title,
            script.completion,
            f"/calls?{scope.query(missed=script.rule)}",
            tr(f"缺 {script.missed}", f"{script.missed} missed"),
        )
        for script in found
    ]
    return charts.bars(
        tr("话术完成率", "Script completion"),
        rows,
        heading=tr("话术", "script"),
        measure=tr("完成率", "completion"),
        shown=charts.percent,
        most=1.0,
    )


def _compared(
    scope: Scope, rows: Sequence[tuple[str, Totals]], key: str
) -> list[tuple[str, Markup]]:
    """Who has most hits per hour, and whose scores are lowest."""
    first = tr("坐席", "agent") if key == "agent" else tr("队列", "queue")

    def made(title: str, measure: str, of: str, most: float | None, down: bool) -> Markup:
        known = [(name, getattr(one, of), one.calls) for name, one in rows if one.calls]
        known.sort(key=lambda row: (row[1] is None, (-1 if down else 1) * (row[1] or 0.0), row[0]))
        return charts.bars(
            title,
            [
                Bar(
                    wording.name(name),
                    value,
                    f"/calls?{scope.query(**{key: name})}",
                    tr(f"{calls} 通", f"{calls} calls"),
                )
                for name, value, calls in known[:_TOP]
            ],
            heading=first,
            measure=measure,
            most=most,
        )

    hits, score = (
        tr("每小时违规", "Hits per hour"),
        tr("均分（低在前）", "Score, lowest first"),
    )
    return [
        (hits, made(hits, tr("次/小时", "per hour"), "hits_per_hour", None, True)),
        (score, made(score, tr("均分", "score"), "score", 100.0, False)),
    ]


def _axis(sums: Sequence[tuple[str, Totals]]) -> tuple[list[str], list[Totals]]:
    return [name for name, _ in sums], [one for _, one in sums]


def _short(name: str) -> str:
    """A period below an axis: `11-22`, `W47`, `2026-11`."""
    return name[5:] if name.count("-") == 2 or "W" in name else name


def _period_calls(scope: Scope, name: str, **more: Any) -> str:
    """The calls of one period of a trend, as far as the scope reaches."""
    span = span_named(name)
    part = Span(max(span.since, scope.span.since), min(span.until, scope.span.until))
    return f"/calls?{replace(scope, span=part).query(**more)}"

"""The tables that exports and reports are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from monitor.base.i18n import tr
from monitor.quality import wording
from monitor.quality.reports.sheets import Cell, Column, Sheet
from monitor.quality.reports.summary import Summary
from monitor.quality.reports.totals import RuleFigures, ScriptFigures, Totals, human_cards
from monitor.quality.sampling.review_queue import Coverage
from monitor.store.schema import Alert, Call, Scorecard, ScoreLine, Script, User

_BATCH = 1000


def calls(session: Session, where: Sequence[ColumnElement[bool]], zone: tzinfo) -> Sheet:
    """One row per call."""
    human = human_cards()
    query = (
        select(Call, human.c.percent, Scorecard.purpose, Scorecard.changed_at, User)
        .outerjoin(human, human.c.call_id == Call.id)
        .outerjoin(Scorecard, Scorecard.id == Call.people_card)
        .outerjoin(User, User.id == Scorecard.author_id)
        .where(*where)
        .order_by(Call.started_at.desc(), Call.id.desc())
        .execution_options(yield_per=_BATCH)
    )

    def rows() -> Iterator[Sequence[Cell]]:
        for call, percent, purpose, at, judge in session.execute(query):
            yield (
                call.id,
                call.name,
                call.started_at.astimezone(zone),
                round(call.duration_ms / 1000, 1),
                call.agent,
                call.queue,
                call.direction,
                call.tier,
                call.released_by,
                call.status,
                call.final_score,
                call.final_grade,
                wording.score_from(purpose) if call.final_score is not None else None,
                wording.person(judge) if judge else None,
                at.astimezone(zone) if at else None,
                call.score,
                call.grade,
                None if percent is None else round(percent, 1),
                call.final_fatal,
                call.alerts_fatal,
                call.alerts_major,
                call.alerts_minor,
                call.alerts_tip,
                call.scripts_met,
                call.scripts_missed,
                call.gaps,
                "、".join(map(str, call.flags)),
            )

    return Sheet(tr("通话", "Calls"), _call_columns(), rows())


def _call_columns() -> tuple[Column, ...]:
    return (
        Column("id", tr("编号", "id"), 8),
        Column("name", tr("录音", "recording"), 28),
        Column("started_at", tr("开始时间", "started at"), 20),
        Column("duration_s", tr("时长（秒）", "length (s)")),
        Column("agent", tr("坐席", "agent")),
        Column("queue", tr("队列", "queue")),
        Column("direction", tr("方向", "direction")),
        Column("tier", tr("客户等级", "tier")),
        Column("released_by", tr("挂机方", "released by")),
        Column("status", tr("状态", "status")),
        Column("score", tr("得分", "score")),
        Column("grade", tr("等级", "grade")),
        Column("score_from", tr("得分来自", "score from")),
        Column("settled_by", tr("核定人", "settled by")),
        Column("settled_at", tr("核定时间", "settled at"), 20),
        Column("machine_score", tr("机器得分", "machine score")),
        Column("machine_grade", tr("机器等级", "machine grade")),
        Column("human_score", tr("人工得分", "human score")),
        Column("fatal_items", tr("致命项", "fatal items")),
        Column("alerts_fatal", tr("致命", "fatal")),
        Column("alerts_major", tr("严重", "major")),
        Column("alerts_minor", tr("一般", "minor")),
        Column("alerts_tip", tr("提示", "tips")),
        Column("scripts_met", tr("话术已说", "scripts met")),
        Column("scripts_missed", tr("话术缺失", "scripts missed")),
        Column("gaps", tr("缺失音频", "gaps")),
        Column("flags", tr("标记", "flags"), 16),
    )


def findings(session: Session, where: Sequence[ColumnElement[bool]]) -> Sheet:
    """One row per finding of the calls."""
    query = (
        select(Alert, Call.name, Call.agent)
        .join(Call, Call.id == Alert.call_id)
        .where(*where)
        .order_by(Call.started_at.desc(), Call.id.desc(), Alert.start_ms, Alert.id)
        .execution_options(yield_per=_BATCH)
    )
    rows = (
        (
            alert.call_id,
            name,
            agent,
            alert.rule,
            alert.title,
            alert.family,
            wording.severity(alert.severity),
            alert.party,
            wording.length(alert.start_ms / 1000),
            alert.quote,
            round(alert.similarity, 3),
            alert.state,
            alert.advice,
        )
        for alert, name, agent in session.execute(query)
    )
    columns = (
        Column("call_id", tr("通话", "call"), 8),
        Column("name", tr("录音", "recording"), 28),
        Column("agent", tr("坐席", "agent")),
        Column("rule", tr("规则", "rule"), 28),
        Column("title", tr("名称", "title"), 36),
        Column("family", tr("类别", "family")),
        Column("severity", tr("程度", "severity")),
        Column("party", tr("说话方", "party")),
        Column("at", tr("时间", "at")),
        Column("quote", tr("原话", "quote"), 40),
        Column("similarity", tr("相似度", "similarity")),
        Column("state", tr("状态", "state")),
        Column("advice", tr("建议", "advice"), 40),
    )
    return Sheet(tr("发现", "Findings"), columns, rows)


def missed(session: Session, where: Sequence[ColumnElement[bool]]) -> Sheet:
    """One row per required script that fell due, said or not."""
    query = (
        select(Script, Call.name, Call.agent)
        .join(Call, Call.id == Script.call_id)
        .where(*where, Script.state.in_(("met", "missed")))
        .order_by(Call.started_at.desc(), Call.id.desc(), Script.at_ms, Script.id)
        .execution_options(yield_per=_BATCH)
    )
    rows = (
        (
            script.call_id,
            name,
            agent,
            script.rule,
            script.title,
            tr("已说", "met") if script.state == "met" else tr("缺失", "missed"),
            wording.length(script.at_ms / 1000),
            script.quote,
        )
        for script, name, agent in session.execute(query)
    )
    columns = (
        Column("call_id", tr("通话", "call"), 8),
        Column("name", tr("录音", "recording"), 28),
        Column("agent", tr("坐席", "agent")),
        Column("rule", tr("规则", "rule"), 28),
        Column("title", tr("话术", "script"), 36),
        Column("state", tr("结果", "result")),
        Column("at", tr("时间", "at")),
        Column("quote", tr("原话", "quote"), 40),
    )
    return Sheet(tr("话术", "Scripts"), columns, rows)


def cards(session: Session, where: Sequence[ColumnElement[bool]], zone: tzinfo) -> Sheet:
    """One row per item of every final card that a person gave the calls."""
    query = (
        select(ScoreLine, Scorecard, Call, User)
        .join(Scorecard, Scorecard.id == ScoreLine.scorecard_id)
        .join(Call, Call.id == Scorecard.call_id)
        .outerjoin(User, User.id == Scorecard.author_id)
        .where(*where, Scorecard.status == "final", Scorecard.purpose == "review")
        .order_by(Call.started_at.desc(), Scorecard.id, ScoreLine.ordinal)
        .execution_options(yield_per=_BATCH)
    )
    rows = (
        (
            card.call_id,
            call.name,
            call.agent,
            wording.person(user),
            card.changed_at.astimezone(zone),
            card.total,
            card.grade,
            line.group,
            line.title,
            wording.status(line.status),
            line.points,
            line.weight,
            line.comment,
        )
        for line, card, call, user in session.execute(query)
    )
    columns = (
        Column("call_id", tr("通话", "call"), 8),
        Column("name", tr("录音", "recording"), 28),
        Column("agent", tr("坐席", "agent")),
        Column("reviewer", tr("质检员", "reviewer")),
        Column("at", tr("评分时间", "judged at"), 20),
        Column("total", tr("总分", "total")),
        Column("grade", tr("等级", "grade")),
        Column("group", tr("分组", "group")),
        Column("item", tr("项目", "item"), 36),
        Column("status", tr("结果", "answer")),
        Column("points", tr("得分", "points")),
        Column("weight", tr("满分", "of")),
        Column("comment", tr("评语", "comment"), 40),
    )
    return Sheet(tr("人工评分", "Scorecards"), columns, rows)


def people(rows: Iterable[tuple[str, Totals]], title: str, first: str) -> Sheet:
    """Figures per agent, queue or period."""
    columns = (
        Column("name", first, 18),
        Column("calls", tr("通话数", "calls")),
        Column("hours", tr("时长（小时）", "hours")),
        Column("average_s", tr("平均时长（秒）", "average length (s)")),
        Column("score", tr("均分", "score")),
        Column("settled", tr("人工核定", "settled by people")),
        Column("machine_score", tr("机器均分", "machine score")),
        Column("human_score", tr("人工均分", "human score")),
        Column("reviewed", tr("已质检", "reviewed")),
        Column("fatal_calls", tr("致命通话", "fatal calls")),
        Column("hits", tr("违规", "hits")),
        Column("hits_per_hour", tr("每小时违规", "hits per hour")),
        Column("met", tr("话术已说", "scripts met")),
        Column("missed", tr("话术缺失", "scripts missed")),
        Column("completion", tr("话术完成率", "script completion")),
    )
    return Sheet(title, columns, [(wording.name(name), *_figures(sums)) for name, sums in rows])


def _figures(sums: Totals) -> tuple[Cell, ...]:
    return (
        sums.calls,
        round(sums.hours, 2),
        _round(sums.average_s),
        _round(sums.score),
        sums.settled,
        _round(sums.machine_score),
        _round(sums.human_score),
        sums.reviewed,
        sums.fatal_calls,
        sums.hits,
        _round(sums.hits_per_hour, 2),
        sums.met,
        sums.missed,
        _round(sums.completion, 4),
    )


def rules(rows: Iterable[RuleFigures], changes: Mapping[str, int]) -> Sheet:
    columns = (
        Column("rule", tr("规则", "rule"), 28),
        Column("title", tr("名称", "title"), 40),
        Column("family", tr("类别", "family")),
        Column("severity", tr("程度", "severity")),
        Column("hits", tr("次数", "hits")),
        Column("calls", tr("通话数", "calls")),
        Column("agents", tr("坐席数", "agents")),
        Column("change", tr("比上期", "change")),
    )
    made = [
        (
            row.rule,
            row.title,
            row.family,
            wording.severity(row.severity),
            row.hits,
            row.calls,
            row.agents,
            changes.get(row.rule),
        )
        for row in rows
    ]
    return Sheet(tr("规则", "Rules"), columns, made)


def scripts(rows: Iterable[ScriptFigures]) -> Sheet:
    columns = (
        Column("rule", tr("规则", "rule"), 28),
        Column("title", tr("话术", "script"), 40),
        Column("met", tr("已说", "met")),
        Column("missed", tr("缺失", "missed")),
        Column("completion", tr("完成率", "completion")),
    )
    made = [(r.rule, r.title, r.met, r.missed, round(r.completion, 4)) for r in rows]
    return Sheet(tr("话术完成", "Script completion"), columns, made)


def coverage(rows: Iterable[Coverage]) -> Sheet:
    columns = (
        Column("agent", tr("坐席", "agent"), 18),
        Column("calls", tr("通话数", "calls")),
        Column("drawn", tr("抽中", "drawn")),
        Column("done", tr("已质检", "reviewed")),
    )
    return Sheet(
        tr("抽检", "Sampling"), columns, [(r.agent, r.calls, r.drawn, r.done) for r in rows]
    )


def of_summary(found: Summary) -> list[Sheet]:
    """The sheets of a day's, week's or month's report."""
    service = Sheet(
        tr("服务指标", "Service"),
        (
            Column("name", tr("指标", "figure"), 28),
            Column("value", tr("数值", "value")),
            Column("target", tr("目标", "target")),
            Column("calls", tr("有数据的通话", "calls with data"), 16),
        ),
        [(r.title, _round(r.value, 4), r.target, r.calls) for r in found.rates],
    )
    kinds = Sheet(
        tr("问题分类", "Categories"),
        (
            Column("category", tr("分类", "category"), 24),
            Column("calls", tr("通话数", "calls")),
            Column("change", tr("比上期", "change")),
            Column("average_s", tr("平均时长（秒）", "average length (s)")),
        ),
        [(one.name, one.calls, one.change, _round(one.average_s)) for one in found.categories],
    )
    return [
        people(
            [(wording.span(found.scope.span), found.now)],
            tr("汇总", "Summary"),
            tr("期间", "period"),
        ),
        people(found.agents, tr("坐席", "Agents"), tr("坐席", "agent")),
        people(found.queues, tr("队列", "Queues"), tr("队列", "queue")),
        people(found.trend, tr("趋势", "Trend"), tr("期间", "period")),
        rules(found.rules, found.changes),
        scripts(found.scripts),
        coverage(found.coverage),
        service,
        kinds,
    ]


def _round(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)

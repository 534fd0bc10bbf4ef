"""Reports to read: of a period, an agent or a call, as HTML, PDF or plain text.

The HTML stands alone (its style is inside), so it can be mailed or printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from sqlalchemy import false, select
from sqlalchemy.orm import Session

from monitor.base.errors import UserError
from monitor.base.i18n import language, tr
from monitor.quality import wording
from monitor.quality.periods import span_of
from monitor.quality.reports.summary import AgentReport, Summary
from monitor.quality.review import findings
from monitor.quality.scope import Scope
from monitor.quality.scorecards.settled import settled
from monitor.store.schema import NOT_COUNTED, Alert, Call, Scorecard, Script, User, Utterance
from monitor.store.standing import SETTLING

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Look:
    """How a report is dressed: when it was made, in which zone its times are told, and for a
    web page where its style lies (else it is inside) and where to go back to."""

    made: datetime
    zone: tzinfo
    css_href: str = ""
    back: str = "/"


def style() -> str:
    """The style sheet of all reports."""
    return (_FOLDER / "print.css").read_text("utf-8")


def heading(scope: Scope) -> str:
    """What a summary is called: 日报, 周报, 月报 and its dates."""
    span = scope.span
    per = next((p for p in ("day", "week", "month") if span == span_of(span.since, p)), "")
    kind = {
        "day": tr("质检日报", "Daily quality report"),
        "week": tr("质检周报", "Weekly quality report"),
        "month": tr("质检月报", "Monthly quality report"),
        "": tr("质检报告", "Quality report"),
    }[per]
    return f"{kind} {wording.span(span)}"


def of_summary(found: Summary, look: Look) -> str:
    """The report of a period as HTML."""
    title = heading(found.scope)
    return _render("summary.html", look, s=found, heading=title, filters=_filters(found.scope))


def of_agent(found: AgentReport, look: Look) -> str:
    """The report of an agent as HTML."""
    title = tr(f"坐席 {found.agent}", f"Agent {found.agent}")
    title = f"{title} · {wording.span(found.own.scope.span)}"
    return _render(
        "agent.html", look, r=found, s=found.own, heading=title, filters=_filters(found.own.scope)
    )


def of_call(session: Session, call: Call, look: Look, reviews: bool = True) -> str:
    """The report of a call as HTML: both cards, what was found, and what was said.

    Without `reviews` it is what agents may see of their own calls: the score that counts and the
    findings that stand, not what reviewers said.
    """
    mine = Scorecard.call_id == call.id
    humans = (
        select(Scorecard, User)
        .outerjoin(User, User.id == Scorecard.author_id)
        .where(mine, Scorecard.status == "final", Scorecard.purpose.in_(SETTLING))
    )
    alerts = select(Alert).where(Alert.call_id == call.id).order_by(Alert.start_ms, Alert.id)
    if not reviews:
        humans = humans.where(false())
        alerts = alerts.where(Alert.state.not_in(NOT_COUNTED))
    missed = select(Script).where(Script.call_id == call.id, Script.state == "missed")
    said = select(Utterance).where(Utterance.call_id == call.id)
    return _render(
        "call.html",
        look,
        heading=tr(f"通话 {call.id} · {call.name}", f"Call {call.id} · {call.name}"),
        call=call,
        settled=settled(session, [call.id]).get(call.id),
        machine=session.scalars(
            select(Scorecard).where(mine, Scorecard.status == "machine")
        ).first(),
        humans=[
            (card, wording.score_from(card.purpose), wording.person(user))
            for card, user in session.execute(humans.order_by(Scorecard.changed_at, Scorecard.id))
        ],
        alerts=session.scalars(alerts).all(),
        refuted={
            ref
            for ref, said in findings.latest(session, call.id).items()
            if reviews and said.verdict == "wrong"
        },
        reviews=reviews,
        missed=session.scalars(missed.order_by(Script.at_ms)).all(),
        utterances=session.scalars(said.order_by(Utterance.start_ms, Utterance.ordinal)).all(),
    )


def to_pdf(html: str) -> bytes:
    """A report as PDF. It loads nothing but the system's fonts.

    Raises:
        UserError: WeasyPrint, or a library it needs, is not installed.
    """
    weasyprint = _weasyprint()

    def refuse(url: str, *_args: object, **_options: object) -> NoReturn:
        raise ValueError(f"a report refers to nothing outside itself: {url}")

    document = weasyprint.HTML(string=html, url_fetcher=refuse)
    made: bytes = document.write_pdf()
    return made


def _weasyprint() -> ModuleType:
    try:
        import weasyprint
    except ImportError as error:
        raise UserError(
            tr(
                "生成 PDF 需要 WeasyPrint，请运行 pip install 'callmonitor[pdf]';或改用 HTML 打印",
                "PDF needs WeasyPrint: pip install 'callmonitor[pdf]'; or print the HTML",
            )
        ) from error
    except OSError as error:
        raise UserError(
            tr(
                "生成 PDF 缺少系统库 Pango(Debian:apt install libpango-1.0-0 libpangoft2-1.0-0);"
                "或改用 HTML 打印",
                "PDF needs the system library Pango (Debian: apt install libpango-1.0-0"
                " libpangoft2-1.0-0); or print the HTML",
            )
        ) from error
    module: ModuleType = weasyprint
    return module


def to_text(found: Summary) -> str:
    """The report of a period in a few lines, for a terminal or the body of a mail."""
    now, before = found.now, found.before

    def line(title: str, value: str, change: str = "") -> str:
        return f"  {title}: {value}" + (f" ({change})" if change else "")

    rows = [
        heading(found.scope),
        _filters(found.scope),
        line(tr("通话", "calls"), f"{wording.count(now.calls)}, {wording.points(now.hours)} h"),
        line(
            tr("均分", "score"),
            wording.points(now.score),
            wording.difference(now.score, before.score),
        ),
        line(tr("机器均分", "machine score"), wording.points(now.machine_score)),
        line(
            tr("人工均分", "human score"),
            wording.points(now.human_score),
            tr(f"{now.reviewed} 通", f"{now.reviewed} calls"),
        ),
        line(
            tr("每小时违规", "hits per hour"),
            wording.points(now.hits_per_hour),
            wording.difference(now.hits_per_hour, before.hits_per_hour),
        ),
        line(
            tr("话术完成率", "script completion"),
            wording.share(now.completion),
            wording.difference(now.completion, before.completion, 100),
        ),
        line(tr("致命通话", "fatal calls"), str(now.fatal_calls), wording.share(now.fatal_share)),
    ]
    rows += ["", tr("违规最多的规则", "rules with most hits")]
    rows += [f"  {rule.hits:>5}  {rule.title}" for rule in found.rules[:10]]
    rows += ["", tr("坐席", "agents")]
    rows += [
        f"  {wording.name(name)}: "
        + tr(
            f"{sums.calls} 通，均分 {wording.points(sums.score)}，致命 {sums.fatal_calls}",
            f"{sums.calls} calls, score {wording.points(sums.score)}, fatal {sums.fatal_calls}",
        )
        for name, sums in found.agents
    ]
    return "\n".join(row for row in rows) + "\n"


def _filters(scope: Scope) -> str:
    """What the figures are limited to, in words."""
    named = {
        tr("坐席", "agent"): scope.agent,
        tr("队列", "queue"): scope.queue,
        tr("方向", "direction"): scope.direction,
        tr("客户等级", "tier"): scope.tier,
        tr("规则", "rule"): scope.rule,
    }
    said = [f"{name} {value}" for name, value in named.items() if value]
    return " · ".join([wording.span(scope.span), *said])


def _render(template: str, look: Look, **context: Any) -> str:
    def local(moment: datetime) -> str:
        return moment.astimezone(look.zone).strftime("%Y-%m-%d %H:%M")

    shared = {
        "t": tr,
        "w": wording,
        "lang": language(),
        "local": local,
        "made": local(look.made),
        "css_href": look.css_href,
        "css": "" if look.css_href else style(),
        "back": look.back,
    }
    return _environment().get_template(template).render(shared | context)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

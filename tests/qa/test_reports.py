"""Reports as text, HTML and PDF, and from the command line."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from monitor.base.errors import UserError
from monitor.quality import wording
from monitor.quality.periods import Span, span_of
from monitor.quality.reports import extracts, report, sheets, summary
from monitor.quality.reports import totals as figures
from monitor.quality.reports.report import Look
from monitor.quality.scope import Scope
from monitor.store import Store, open_store
from monitor.store.schema import Audit, Call, User, now
from tests.qa import made
from tests.test_cli import complaint, monitor

_SCOPE = Scope(span_of(date(2026, 11, 2), "month"), UTC)
_LOOK = Look(datetime(2026, 12, 1, tzinfo=UTC), UTC)


@pytest.fixture
def filled(store: Store, people: dict[str, User]) -> Store:
    with store.session() as session:
        made.fill(session, 40, reviewer=people["qa"])
    return store


def test_a_summary_tells_the_same_figures_in_every_form(filled: Store) -> None:
    with filled.reading() as session:
        found = summary.gather(session, _SCOPE)
        totals = figures.totals(session, _SCOPE)
    score = f"{totals.score:.1f}"
    assert found.now == totals
    html, text = report.of_summary(found, _LOOK), report.to_text(found)
    for told in (html, text):
        assert score in told
        assert "质检月报 2026-11" in told
        assert all(rule.title in told for rule in found.rules)
    book = load_workbook(io.BytesIO(sheets.write(extracts.of_summary(found), "xlsx")))
    page = book.worksheets[0]
    heads = [cell.value for cell in page[1]]
    row = dict(zip(heads, (cell.value for cell in page[2]), strict=True))
    assert row["通话数"] == totals.calls
    assert row["均分"] == pytest.approx(totals.score, abs=0.05)
    assert row["机器均分"] == pytest.approx(totals.machine_score, abs=0.05)
    assert row["致命通话"] == totals.fatal_calls


def test_the_report_of_an_agent(filled: Store) -> None:
    with filled.reading() as session:
        found = summary.gather_agent(session, Scope(_SCOPE.span, UTC, agent="wang"))
        html = report.of_agent(found, _LOOK)
    assert found.own.now.calls < found.team.calls
    assert {row.call.agent for row in found.reviewed} <= {"wang"}
    scores = [call.final_score or 0.0 for call in found.worst]
    assert scores == sorted(scores)
    assert "坐席 wang" in html
    assert "坐席签字" in html
    own, team = found.own.rates[0], found.team_rates[0]
    assert own.name == team.name == "answer"
    assert own.calls < team.calls
    told = f'{wording.share(own.value)}</td><td class="n">{wording.share(team.value)}'
    assert f'{own.title}</td><td class="n">{told}' in html


def test_the_report_of_a_call_escapes_what_was_said(filled: Store) -> None:
    with filled.session() as session:
        call = session.scalars(select(Call).where(Call.alerts_major > 0)).first()
        assert call is not None
        call.name = "<script>alert(1)</script>"
    with filled.reading() as session:
        html = report.of_call(session, session.get_one(Call, call.id), _LOOK)
    assert "<script>" not in html
    assert "你有没有搞错" in html


def test_a_page_of_the_server_carries_no_style_of_its_own(filled: Store) -> None:
    with filled.reading() as session:
        found = summary.gather(session, _SCOPE)
    html = report.of_summary(found, Look(now(), UTC, "/reports/print.css", "/reports"))
    assert "<style" not in html
    assert "style=" not in html


def test_an_empty_period_is_a_report_too(store: Store) -> None:
    with store.reading() as session:
        found = summary.gather(session, _SCOPE)
    assert "质检月报" in report.of_summary(found, _LOOK)
    assert report.to_text(found)
    sheets.write(extracts.of_summary(found), "xlsx")


def test_the_name_of_a_report() -> None:
    names = {
        span_of(date(2026, 11, 20), "day"): "质检日报 2026-11-20",
        span_of(date(2026, 11, 20), "week"): "质检周报 2026-11-16 – 2026-11-22",
        span_of(date(2026, 11, 20), "month"): "质检月报 2026-11",
        Span(date(2026, 11, 3), date(2026, 11, 5)): "质检报告 2026-11-03 – 2026-11-04",
    }
    assert {span: report.heading(Scope(span, UTC)) for span in names} == names


def test_pdf_loads_nothing_from_outside(filled: Store) -> None:
    pytest.importorskip("weasyprint", exc_type=OSError, reason="WeasyPrint is not installed")
    with filled.reading() as session:
        html = report.of_summary(summary.gather(session, _SCOPE), _LOOK)
    assert report.to_pdf(html).startswith(b"%PDF-")


def test_without_weasyprint_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(UserError, match=r"callmonitor\[pdf\]") as raised:
        report.to_pdf("<p>x</p>")
    assert "\n" not in str(raised.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store on disk for the command line, which runs in a process of its own."""
    with open_store(tmp_path / "cli") as store, store.session() as session:
        made.fill(session, 20)
    return tmp_path / "cli"


def test_reports_from_the_command_line(folder: Path, tmp_path: Path) -> None:
    def run(*args: str) -> str:
        done = monitor("report", *args, "--store", folder, lang="zh")
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "质检周报 2026-11-02 – 2026-11-08" in run("weekly", "--date", "2026-11-04")
    rows = [
        json.loads(line)
        for line in run("calls", "--date", "2026-11-04", "--format", "jsonl").splitlines()
    ]
    assert rows
    assert all(row["started_at"].startswith("2026-11") for row in rows)
    run("monthly", "--date", "2026-11-04", "--out", str(tmp_path / "m.xlsx"))
    book = load_workbook(tmp_path / "m.xlsx")
    assert book.worksheets[0]["B2"].value == len(rows)
    run("agent", "A03", "--date", "2026-11-04", "--out", str(tmp_path / "a.html"))
    assert "坐席 A03" in (tmp_path / "a.html").read_text("utf-8")
    run("call", "1", "--out", str(tmp_path / "c.html"))
    assert "made-1-0" in (tmp_path / "c.html").read_text("utf-8")
    with open_store(folder) as store, store.reading() as session:
        trail = session.scalars(select(Audit).order_by(Audit.id)).all()
    assert {row.actor for row in trail} == {"command line"}
    assert [(row.action, row.object, row.detail["format"]) for row in trail] == [
        ("report.export", "质检周报 2026-11-02 – 2026-11-08", "text"),
        ("calls.export", f"{len(rows)} calls", "jsonl"),
        ("report.export", "质检月报 2026-11", "xlsx"),
        ("report.export", "agent A03", "html"),
        ("call.export", "call 1", "html"),
    ]


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["daily", "x"], "agent"),
        (["agent", "nobody"], "nobody"),
        (["call", "999"], "999"),
        (["daily", "--date", "yesterday"], "yesterday"),
        (["calls", "--format", "pdf"], "pdf"),
        (["daily", "--out", "/dev/null/x.html"], "x.html"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, args: list[str], named: str) -> None:
    assert named in complaint(monitor("report", *args, "--store", folder))

"""Pages of quality assurance: who may, what they show, what they do."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from monitor.quality.tables import Import, Plan, SavedView, Task
from monitor.store import Store
from monitor.store.schema import Audit, Call, Scorecard, User
from monitor.web.roles import Role
from tests.audio.wavs import pcm, speechlike, wav
from tests.qa import made
from tests.web.conftest import Browser

_PAGES = ("/imports", "/plans", "/review", "/dashboards", "/reports")
_PERIOD = "period=custom&since=2026-10-20&until=2026-11-30"


class _Idle:
    """Stands for the process that scores uploads: counts how often it was woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1

    def close(self) -> None:
        pass


@pytest.fixture
def filled(store: Store, tokens: dict[str, str]) -> Store:
    with store.session() as session:
        reviewer = session.scalars(select(User).where(User.name == "qa")).one()
        made.fill(session, 60, reviewer=reviewer)
        agent = session.scalars(select(User).where(User.name == "agent")).one()
        agent.agent = "wang"
    return store


def _calls(store: Store, *where: Any) -> list[Call]:
    with store.reading() as session:
        return list(session.scalars(select(Call).where(*where)))


def test_agents_see_their_own_calls_only(
    filled: Store, signed_in: Callable[[str], Browser]
) -> None:
    agent = signed_in("agent")
    text = agent.get("/calls").text
    own = _calls(filled, Call.agent == "wang")
    assert own
    for call in _calls(filled):
        assert (f'href="/calls/{call.id}"' in text) == (call.agent == "wang")
    for path in (*_PAGES, "/calls/export.csv", f"/calls/{own[0].id}/scorecard"):
        assert agent.get(path).status_code == 403, path
    stranger = _calls(filled, Call.agent == "li")[0]
    assert agent.get(f"/calls/{stranger.id}/report.html").status_code == 404
    judged = next(call for call in own if call.people_card is not None)
    report = agent.get(f"/calls/{judged.id}/report.html")
    assert report.status_code == 200
    assert "人工评分" in report.text  # where the score comes from …
    assert "人工评分 · qa" not in report.text  # … but not the card, nor whose it is


@pytest.mark.parametrize("role", [Role.QA, Role.TRAINER, Role.SUPERVISOR, Role.ADMIN])
def test_every_page_opens_for_those_who_may(
    filled: Store, signed_in: Callable[[str], Browser], role: Role
) -> None:
    may = {
        "/imports": (Role.QA, Role.ADMIN),
        "/plans": (Role.QA, Role.SUPERVISOR, Role.ADMIN),
    }
    browser = signed_in(role.value)
    for path in _PAGES:
        expected = 200 if role in may.get(path, (role,)) else 403
        assert browser.get(path).status_code == expected, path


@pytest.mark.parametrize("view", ["overview", "agents", "queues", "rules", "scripts", "service"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_dashboard_opens_full_and_empty(
    filled: Store, signed_in: Callable[[str], Browser], view: str, language: str
) -> None:
    browser = signed_in("supervisor")
    browser.cookies.set("lang", language)
    for period in (_PERIOD, "period=custom&since=2019-01-01&until=2019-01-02"):
        answer = browser.get(f"/dashboards?view={view}&{period}")
        assert answer.status_code == 200
        assert " style=" not in answer.text


def test_a_figure_leads_to_as_many_calls_as_it_counts(
    filled: Store, signed_in: Callable[[str], Browser]
) -> None:
    browser = signed_in("qa")
    over = _calls(filled, Call.status.in_(("complete", "interrupted")))
    for query, count in (
        ("", len(over)),
        ("&agent=-", sum(call.agent is None for call in over)),
        ("&severity=fatal", sum(call.alerts_fatal > 0 for call in over)),
        ("&score_min=80&score_max=89.9", sum(80 <= (call.final_score or 0) < 90 for call in over)),
        ("&fatal=1", sum(call.is_fatal for call in over)),
    ):
        answer = browser.get(f"/calls?since=2026-10-01&until=2026-12-31&status=over{query}")
        assert f'通话 <span class="muted number">{count}</span>' in answer.text


def test_filters_that_make_no_sense_are_refused_in_words(
    filled: Store, signed_in: Callable[[str], Browser]
) -> None:
    browser = signed_in("qa")
    for query in ("since=yesterday", "page=0", "score_min=high", "direction=up", "text=%00"):
        assert browser.get(f"/calls?{query}").status_code == 422, query
    assert browser.get("/calls?sort=nonsense&agent=&since=").status_code == 200


def test_exports_hold_the_filtered_calls_and_are_audited(
    filled: Store, signed_in: Callable[[str], Browser]
) -> None:
    browser = signed_in("qa")
    wanted = _calls(filled, Call.agent == "li")
    book = load_workbook(io.BytesIO(browser.get("/calls/export.xlsx?agent=li").content))
    page = book.worksheets[0]
    assert {row[0].value for row in page.iter_rows(min_row=2)} == {call.id for call in wanted}
    lines = browser.get("/calls/export.jsonl?agent=li").text.splitlines()
    assert {json.loads(line)["id"] for line in lines} == {call.id for call in wanted}
    answer = browser.get("/calls/export.csv?agent=li&table=findings")
    assert "attachment" in answer.headers["content-disposition"]
    assert "'=你有没有搞错" in answer.text
    assert ",=你" not in answer.text
    assert browser.get("/calls/export.csv?table=users").status_code == 404
    with filled.reading() as session:
        rows = session.scalars(select(Audit).where(Audit.action == "calls.export")).all()
    assert [row.detail["format"] for row in rows] == ["xlsx", "jsonl", "csv"]
    assert rows[0].object == f"{len(wanted)} calls"


def test_views_are_kept_replaced_and_private(
    filled: Store, signed_in: Callable[[str], Browser]
) -> None:
    qa, boss = signed_in("qa"), signed_in("supervisor")
    for query in ("agent=li&nonsense=1", "agent=wang&score_max=60"):
        qa.submit("/calls/views", name="低分", query=query)
    with filled.reading() as session:
        view = session.scalars(select(SavedView)).one()
    assert view.query == "agent=wang&score_max=60"
    assert "低分" in qa.get("/calls").text
    assert "低分" not in boss.get("/calls").text
    assert boss.submit(f"/calls/views/{view.id}/delete").status_code == 404
    qa.submit(f"/calls/views/{view.id}/delete")
    assert "低分" not in qa.get("/calls").text


def test_uploads_are_taken_in_checked_and_left_to_the_worker(
    store: Store, app: Any, signed_in: Callable[[str], Browser], browser: Browser
) -> None:
    app.state.scorer = worker = _Idle()
    qa = signed_in("qa")
    headers = {"Accept": "application/json"}
    table = "文件,坐席\nD:\\rec\\A.WAV,A01\ngone.wav,A02\n".encode("gb18030")
    answer = qa.post(
        "/imports",
        headers=headers,
        files=[
            ("files", ("../../a.wav", wav(pcm(speechlike(0.2))))),
            ("files", ("=b.mp3", bytes(100) + wav(pcm(speechlike(0.3))))),
            ("files", ("notes.wav", b"not a recording")),
            ("metadata", ("m.csv", table)),
        ],
        data={"queue": "宽带"},
    )
    assert answer.status_code == 202
    told = answer.json()
    # A bad file refuses only itself, under the name that its user gave it.
    assert [one["name"] for one in told["refused"]] == ["notes.wav"]
    assert "notes.wav" in told["refused"][0]["reason"]
    assert (told["without_row"], told["rows_left"]) == (["=b.mp3", "notes.wav"], ["gone.wav"])
    assert worker.woken == 1
    with store.reading() as session:
        rows = {row.name: row for row in session.scalars(select(Import))}
    assert rows["a.wav"].facts == {"agent": "A01", "queue": "宽带"}
    assert rows["=b.mp3"].facts == {"queue": "宽带"}
    for row in rows.values():  # where we say, whatever the name says
        assert row.place.startswith(str(store.audio_dir / "incoming"))
    for name, fields in (
        ("x.exe", {}),
        ("x.wav", {"pattern": "{agent"}),
        ("x.wav", {"direction": "up"}),
    ):
        bad = qa.post("/imports", headers=headers, files=[("files", (name, b"1"))], data=fields)
        assert bad.status_code == 400, (name, fields)
        assert bad.json()["detail"]
    kept = list((store.audio_dir / "incoming").iterdir())
    assert len(kept) == 2  # nothing of the refused ones stays
    number = rows["a.wav"].id
    told = qa.get(f"/imports/progress?number={number}").json()
    assert told["imports"][0]["status"] == "waiting"
    with store.session() as session:
        session.get_one(Import, number).status = "failed"
    assert qa.submit("/imports/retry", number=str(number)).status_code == 200
    assert worker.woken == 2


def test_a_plan_draws_at_once_and_cannot_be_nonsense(
    filled: Store, signed_in: Callable[[str], Browser]
) -> None:
    qa = signed_in("qa")
    assert qa.submit("/plans", kind="ratio", share="150").status_code == 400
    assert qa.submit("/plans", kind="dice").status_code == 400
    assert qa.submit("/plans", kind="ratio", share="50", queues="宽带、投诉").status_code == 200
    with filled.reading() as session:
        plan = session.scalars(select(Plan)).one()
        assert plan.settings["queues"] == ["宽带", "投诉"]
        drawn = session.scalar(select(func.count()).select_from(Task))
        queues = set(session.scalars(select(Call.queue).join(Task, Task.call_id == Call.id)).all())
    assert drawn
    assert queues <= {"宽带", "投诉"}
    assert qa.submit("/plans", kind="ratio", share="50").status_code == 400  # the name is taken
    qa.submit(f"/plans/{plan.id}/active", on="0")
    qa.submit("/plans/draw")
    qa.submit(f"/plans/{plan.id}/delete")
    with filled.reading() as session:
        assert session.scalars(select(Plan)).all() == []
        assert session.scalar(select(func.count()).select_from(Task)) == drawn


def test_the_queue_gives_deals_and_leaves_out(
    filled: Store, signed_in: Callable[[str], Browser]
) -> None:
    qa = signed_in("qa")
    qa.submit("/plans", kind="all")
    answer = qa.submit("/review/next")
    assert "/calls/" in str(answer.url)
    with filled.reading() as session:
        number = session.scalars(select(User.id).where(User.name == "qa")).one()
        mine = session.scalars(select(Task).where(Task.reviewer_id == number)).one()
    assert str(mine.call_id) in str(answer.url)
    assert qa.submit(f"/review/{mine.id}/skip").status_code == 400  # without a reason
    qa.submit(f"/review/{mine.id}/skip", reason="无人说话")
    assert qa.submit("/review/assign").status_code == 400  # to nobody
    qa.submit("/review/assign", to=str(number))
    trainer = signed_in("trainer")
    assert trainer.submit("/review/assign", to=str(number)).status_code == 403
    with filled.reading() as session:
        free = select(func.count()).where(Task.status == "open", Task.reviewer_id.is_(None))
        assert session.scalar(free) == 0
        skipped = session.get_one(Task, mine.id)
        assert (skipped.status, skipped.reason) == ("skipped", "无人说话")


def test_a_scorecard_is_kept_and_the_machines_stays(
    filled: Store, signed_in: Callable[[str], Browser], bearer: Callable[[str], dict[str, str]]
) -> None:
    qa = signed_in("qa")
    call = _calls(filled, Call.status == "complete")[0]
    page = qa.get(f"/calls/{call.id}/scorecard").text
    assert "unicom-opening" in page
    assert "00:01" in page  # the machine's reason
    blind = qa.get(f"/calls/{call.id}/scorecard?purpose=calibration&blind=1").text
    assert "00:01" not in blind
    card = {"answers": [{"item": "unicom-opening", "status": "lost"}], "final": True}
    url = f"/api/calls/{call.id}/scorecard"
    told = qa.post(url, json=card, headers=bearer("qa"))
    assert told.status_code == 200
    assert told.json()["status"] == "final"
    bad = {"answers": [{"item": "nothing", "status": "lost"}]}
    assert qa.post(url, json=bad, headers=bearer("qa")).status_code == 400
    assert qa.post(url, json=card, headers=bearer("agent")).status_code == 403
    foreign = {"Origin": "http://elsewhere.example"}
    assert qa.post(url, json=card, headers=foreign).status_code == 403
    with filled.reading() as session:
        machine = select(Scorecard).where(
            Scorecard.call_id == call.id, Scorecard.status == "machine"
        )
        assert session.scalars(machine).one().total == call.score


def test_reports_open_as_pages_and_files(
    filled: Store, signed_in: Callable[[str], Browser]
) -> None:
    qa = signed_in("qa")
    for path in ("/reports/period", "/reports/agent"):
        for form in ("html", "xlsx", "csv", "jsonl"):
            answer = qa.get(f"{path}.{form}?agent=wang&{_PERIOD}")
            assert answer.status_code == 200
            assert answer.content
    assert qa.get("/reports/agent.html").status_code == 404
    assert qa.get("/reports/period.exe").status_code == 422
    html = qa.get(f"/reports/period.html?{_PERIOD}").text
    assert "<style" not in html
    assert qa.get("/reports/print.css").headers["content-type"].startswith("text/css")
    with filled.reading() as session:
        actions = set(session.scalars(select(Audit.action)))
    assert "report.export" in actions

"""Which score of a call counts, in the table, in figures and in exports."""

from __future__ import annotations

from datetime import UTC, date, timedelta

from sqlalchemy import text

from monitor.quality.periods import Span
from monitor.quality.reports import extracts, report, totals
from monitor.quality.reports.report import Look
from monitor.quality.review import appeals, calibration
from monitor.quality.scope import Scope
from monitor.quality.scorecards import cards
from monitor.quality.scorecards.form import Answer
from monitor.quality.scorecards.settled import settled
from monitor.quality.tables import Appeal
from monitor.rules.scorecard import ItemStatus
from monitor.store import Store, open_store, write
from monitor.store.read import CallFilter, calls_where, list_calls
from monitor.store.schema import Alert, Call, User
from monitor.store.standing import card_that_counts
from tests.review.conftest import BAD, GOOD, NOW, Keep

_SCOPE = Scope(Span(date(2026, 3, 1), date(2026, 3, 20)), UTC)
_CLEAN = [
    Answer("opening", ItemStatus.MET),
    Answer("who", ItemStatus.CLEAN),
    Answer("quiet-one", ItemStatus.CLEAN),
]


def _uphold(store: Store, call_id: int, people: dict[str, User], after_h: int, nth: int = 0) -> int:
    """The agent contests the nth finding, a trainer agrees `after_h` hours later."""
    with store.session() as session:
        call = session.get_one(Call, call_id)
        query = session.query(Alert.id).where(Alert.call_id == call_id).order_by(Alert.start_ms)
        alert = query.all()[nth][0]
        call.received_at = NOW  # contested in time
        appeal = appeals.file(session, call, alert, "客户先这么说的", people["wang"], NOW)
        moment = NOW + timedelta(hours=after_h)
        appeals.decide(session, appeal, True, "听过录音", people["trainer"], moment)
        return appeal.id


def _review(
    store: Store, call_id: int, who: User, answers: list[Answer], after_h: int, final: bool = True
) -> None:
    with store.session() as session:
        call, author = session.get_one(Call, call_id), session.get_one(User, who.id)
        moment = NOW + timedelta(hours=after_h)
        cards.save(session, call, author, answers, at=moment, final=final)


def _score(store: Store, call_id: int) -> tuple[float | None, float | None, int, bool]:
    """The score that counts, the machine's, the fatal items, and whether the call is fatal."""
    with store.reading() as session:
        call = session.get_one(Call, call_id)
        return call.final_score, call.score, call.final_fatal, call.is_fatal


def test_the_last_word_of_people_counts(store: Store, keep: Keep, people: dict[str, User]) -> None:
    call_id = keep({"agent": GOOD}, {"agent": BAD})
    assert _score(store, call_id) == (90.0, 90.0, 0, False)
    harsh = [Answer("opening", ItemStatus.LOST), Answer("who", ItemStatus.LOST, times=2)]
    _review(store, call_id, people["qa"], harsh, 1, final=False)
    assert _score(store, call_id)[0] == 90.0  # a draft is nobody's word
    _review(store, call_id, people["qa"], harsh, 1)
    assert _score(store, call_id)[:2] == (40.0, 90.0)
    _uphold(store, call_id, people, 2)
    assert _score(store, call_id)[:2] == (50.0, 90.0)
    _review(store, call_id, people["qa2"], _CLEAN, 3)
    assert _score(store, call_id)[:2] == (100.0, 90.0)
    with store.reading() as session:
        said = settled(session, [call_id])[call_id]
        assert (said.purpose, said.by, said.at) == ("review", "qa2", NOW + timedelta(hours=3))


def test_a_correction_of_the_machines_card_counts(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": "这个我也没办法"})
    assert _score(store, call_id) == (0.0, 0.0, 1, True)
    _uphold(store, call_id, people, 1)
    assert _score(store, call_id) == (100.0, 0.0, 0, False)
    with store.reading() as session:
        assert settled(session, [call_id])[call_id].purpose == "appeal"
        assert not list_calls(session, CallFilter(fatal=True)).calls
        assert [c.id for c in list_calls(session, CallFilter(fatal=False)).calls] == [call_id]


def test_the_report_of_a_call_tells_which_score_counts_and_what_was_refuted(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": BAD})
    look = Look(NOW, UTC)
    with store.reading() as session:
        before = report.of_call(session, session.get_one(Call, call_id), look)
    _uphold(store, call_id, people, 1)
    with store.reading() as session:
        after = report.of_call(session, session.get_one(Call, call_id), look)
    assert "<b>90.0</b> / 100.0 良好 · 机器评分" in before
    assert "人判为误报" not in before
    assert "<b>100.0</b> / 100.0 优秀 · 申诉更正 trainer 2026-03-09 10:00 · 机器 90.0" in after
    assert "申诉更正 · trainer: 100.0" in after
    assert after.count("人判为误报") == 1
    with store.reading() as session:
        own = report.of_call(session, session.get_one(Call, call_id), look, reviews=False)
    assert "<b>100.0</b> / 100.0 优秀 · 申诉更正 2026-03-09 10:00 · 机器 90.0" in own
    assert "trainer" not in own
    assert "人判为误报" not in own


def test_practice_settles_nothing(store: Store, keep: Keep, people: dict[str, User]) -> None:
    call_id = keep({"agent": GOOD}, {"agent": BAD})
    with store.session() as session:
        call = session.get_one(Call, call_id)
        form = cards.form_for(session, call)
        members = [people["qa"], people["qa2"]]
        row = calibration.create(session, "一月", [(call, form)], members, people["trainer"], NOW)
        calibration.score(session, row, call_id, _CLEAN, "", people["qa"], NOW)
        assert card_that_counts(session, call_id) is None
    assert _score(store, call_id)[0] == 90.0


def test_scoring_a_call_again_leaves_what_people_settled(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": BAD})
    _review(store, call_id, people["qa"], _CLEAN, 1)
    with store.session() as session:
        write.save_score(session, call_id, None)
    assert _score(store, call_id)[:2] == (100.0, None)


def test_a_reviewer_who_knew_of_an_appeal_is_not_corrected_for_it_again(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": BAD}, {"customer": "什么"}, {"agent": BAD})
    _uphold(store, call_id, people, 1)
    assert _score(store, call_id)[0] == 90.0
    twice = [*_CLEAN[:1], Answer("who", ItemStatus.LOST, times=2), *_CLEAN[2:]]
    _review(store, call_id, people["qa"], twice, 2)  # heard two more that the machine did not
    number = _uphold(store, call_id, people, 3, nth=1)
    assert _score(store, call_id)[0] == 90.0
    with store.reading() as session:
        appeal = session.get_one(Appeal, number)
        assert (appeal.score_before, appeal.score_after) == (80.0, 90.0)


def test_everything_that_lists_calls_tells_the_score_that_counts(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    bad = keep({"agent": GOOD}, {"agent": BAD}, {"customer": "什么"}, {"agent": BAD})  # 80
    fine = keep({"agent": GOOD}, {"agent": BAD})  # 90
    _review(store, bad, people["qa"], _CLEAN, 1)
    with store.reading() as session:
        ids = [call.id for call in list_calls(session, sort="score").calls]
        assert ids == [bad, fine]
        assert [c.id for c in list_calls(session, CallFilter(score_min=95)).calls] == [bad]
        assert [c.id for c in list_calls(session, CallFilter(score_max=95)).calls] == [fine]
        sums = totals.totals(session, _SCOPE)
        assert (sums.score, sums.machine_score, sums.human_score) == (95.0, 85.0, 100.0)
        assert (sums.settled, sums.reviewed, sums.human_less_machine) == (1, 1, 20.0)
        assert totals.distribution(session, _SCOPE)[-1] == 2
        assert [name for name, _ in totals.grouped(session, _SCOPE, "grade")] == ["优秀", "良好"]
        sheet = extracts.calls(session, calls_where(session, CallFilter()), UTC)
        keys = [column.key for column in sheet.columns]
        rows = {row[0]: dict(zip(keys, row, strict=True)) for row in sheet.rows}
    assert (
        rows[bad]
        | {
            "score": 100.0,
            "grade": "优秀",
            "settled_by": "qa",
            "settled_at": NOW + timedelta(hours=1),
            "machine_score": 80.0,
            "human_score": 100.0,
        }
        == rows[bad]
    )
    assert (rows[fine]["score"], rows[fine]["machine_score"]) == (90.0, 90.0)
    assert rows[fine]["settled_by"] is None


def test_an_older_store_learns_which_scores_count(
    store_url: str, store: Store, keep: Keep, people: dict[str, User]
) -> None:
    reviewed = keep({"agent": GOOD}, {"agent": BAD})
    corrected = keep({"agent": GOOD}, {"agent": "这个我也没办法"})
    plain = keep({"agent": GOOD}, {"agent": BAD})
    _review(store, reviewed, people["qa"], [Answer("quiet-one", ItemStatus.LOST)], 1)
    _uphold(store, corrected, people, 1)
    before = {number: _score(store, number) for number in (reviewed, corrected, plain)}
    assert before[reviewed] == (0.0, 90.0, 1, True)
    with store.engine.begin() as connection:
        for name in ("card", "score", "max", "grade", "fatal"):
            connection.execute(text(f"ALTER TABLE calls DROP COLUMN people_{name}"))
        # What came later is not there either.
        for table in ("store_facts", "ended_sessions", "deleted_calls", "set_aside"):
            connection.execute(text(f"DROP TABLE {table}"))
        for column in ("api_tokens.scope", "api_tokens.expires_at", "audit.digest"):
            table, _, name = column.partition(".")
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {name}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    store.close()
    with open_store(store_url) as again:
        assert {number: _score(again, number) for number in before} == before

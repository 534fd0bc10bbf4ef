"""Verdicts, missed findings and what follows from them, in both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from monitor.base.errors import UserError
from monitor.events import Party
from monitor.quality import stored_packs
from monitor.quality.review import transcript, verdicts
from monitor.quality.review.evidence import evidence
from monitor.quality.review.findings import Finding, finding, findings
from monitor.quality.rules import labelled, tryout
from monitor.quality.rules.precision_by_rule import rule_figures
from monitor.rules import Rulebook
from monitor.rules.tools.backtest import backtest
from monitor.store import Store
from monitor.store.schema import Call, Pack, User, Verdict
from tests.review.conftest import BAD, GOOD, NOW, Keep

Book = Callable[..., Rulebook]


def _of(store: Store, call_id: int, rule: str, kind: str = "alert") -> Finding:
    with store.reading() as session:
        call = session.get_one(Call, call_id)
        return next(f for f in findings(session, call) if (f.rule, f.kind) == (rule, kind))


def _judge(
    store: Store, call_id: int, rule: str, verdict: str, who: User, kind: str = "alert"
) -> None:
    found = _of(store, call_id, rule, kind)
    with store.session() as session:
        call = session.get_one(Call, call_id)
        verdicts.judge(session, call, found, verdict, " 理由 ", who.id, NOW)


def test_findings_stand_in_the_order_they_happened_with_what_people_said(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"customer": "我的手机停机了"}, {"agent": BAD})
    _judge(store, call_id, "who", "right", people["qa"])
    _judge(store, call_id, "who", "wrong", people["qa2"])
    _judge(store, call_id, "opening", "unsure", people["qa"], "script")
    with store.reading() as session:
        found = findings(session, session.get_one(Call, call_id))
    assert [(f.kind, f.rule) for f in found] == [("script", "opening"), ("alert", "who")]
    said = [f.judged for f in found]
    assert [(j.verdict, j.reason, j.reviewer) for j in said if j] == [
        ("unsure", "理由", "qa"),
        ("wrong", "理由", "qa2"),
    ]


def test_who_judged_before_stays_on_record(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": BAD})
    _judge(store, call_id, "who", "right", people["qa"])
    _judge(store, call_id, "who", "wrong", people["qa"])
    with store.reading() as session:
        rows = session.scalars(select(Verdict).order_by(Verdict.id)).all()
        assert [row.verdict for row in rows] == ["right", "wrong"]
        version = session.get_one(Pack, rows[0].pack_id)
        assert (version.name, version.version) == ("desk", "1.0")


def test_a_missed_script_is_told_once(store: Store, keep: Keep) -> None:
    call_id = keep({"agent": "喂你说吧"}, {"customer": "我要查话费"})
    with store.reading() as session:
        found = findings(session, session.get_one(Call, call_id))
    assert [(f.kind, f.rule) for f in found] == [("alert", "opening")]


def test_words_that_were_missed_become_a_finding(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": "这个我可没有办法哦"})
    with store.reading() as session:
        turn = transcript.portion(session, call_id, None)["rows"][1]
    tokens = turn["tokens"]
    with store.session() as session:
        call = session.get_one(Call, call_id)
        row = verdicts.add_missed(
            session,
            call,
            "quiet-one",
            "agent",
            tokens[2][1],
            tokens[-1][2],
            "",
            people["qa"].id,
            NOW,
        )
        assert row.quote == "我可没有办法哦"
        with pytest.raises(UserError, match="不用再判"):
            verdicts.judge(
                session, call, finding(session, call, f"missed-{row.id}"), "right", "", 1, NOW
            )
        verdicts.remove_missed(session, call, row.id)
        assert all(f.kind != "missed" for f in findings(session, call))
        with pytest.raises(UserError, match="没有补标"):
            verdicts.remove_missed(session, call, row.id)


@pytest.mark.parametrize(
    ("rule", "party", "start", "end", "what"),
    [
        (" ", "agent", 0, 100, "哪条规则"),
        ("结束语", "agent", 0, 100, "没有“结束语”"),
        ("whoo", "agent", 0, 100, "最接近的是：who"),
        ("who", "nobody", 0, 100, "没有 nobody 声道"),
        ("who", "agent", 100, 100, "时段"),
        ("who", "agent", 0, 10**7, "时段"),
    ],
)
def test_a_missed_finding_needs_a_rule_and_a_stretch(
    store: Store,
    keep: Keep,
    people: dict[str, User],
    rule: str,
    party: str,
    start: int,
    end: int,
    what: str,
) -> None:
    call_id = keep({"agent": GOOD})
    with store.session() as session:
        call = session.get_one(Call, call_id)
        with pytest.raises(UserError, match=what):
            verdicts.add_missed(session, call, rule, party, start, end, "", people["qa"].id, NOW)


def test_an_unknown_verdict_or_finding_is_refused(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": BAD})
    with pytest.raises(UserError, match="perhaps"):
        _judge(store, call_id, "who", "perhaps", people["qa"])
    with store.reading() as session, pytest.raises(UserError, match="alert-999"):
        finding(session, session.get_one(Call, call_id), "alert-999")


def test_evidence_puts_expected_and_heard_side_by_side(store: Store, keep: Keep) -> None:
    call_id = keep({"agent": GOOD}, {"agent": "喂你早谁"})
    found = _of(store, call_id, "who")
    with store.reading() as session:
        shown = evidence(session, call_id, found)
    assert shown.match is not None
    assert (shown.match.expected, shown.match.heard) == ("你找谁", "你早谁")
    assert [(row.expected[:1], row.heard[:1]) for row in shown.match.rows] == [
        ("你", "你"),
        ("找", "早"),
        ("谁", "谁"),
    ]
    assert shown.match.rows[1].why
    assert shown.searched is None


def test_evidence_of_absence_tells_the_span_and_the_nearest_miss(store: Store, keep: Keep) -> None:
    call_id = keep({"agent": "您好请问什么事"}, {"customer": "我要查话费"})
    found = _of(store, call_id, "opening")
    with store.reading() as session:
        shown = evidence(session, call_id, found)
    assert shown.match is None
    assert shown.searched is not None
    assert shown.searched[:1] == (0,)
    assert shown.expected == (GOOD,)
    assert shown.nearest is not None
    assert shown.nearest.heard.startswith("您好请问")
    assert 0 < shown.nearest.similarity < 1


def test_a_transcript_comes_in_portions_that_join(
    store: Store, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript, "PORTION", 3)
    said = [{"agent" if n % 2 else "customer": "你好" * (n + 1)} for n in range(8)]
    call_id = keep(*said)
    texts, after = [], None
    with store.reading() as session:
        while True:
            part = transcript.portion(session, call_id, after)
            assert len(part["rows"]) <= 3
            texts += ["".join(token[0] for token in row["tokens"]) for row in part["rows"]]
            if part["next"] is None:
                break
            start, _, last = part["next"].partition("-")
            after = (int(start), int(last))
    assert texts == [next(iter(turn.values())) for turn in said]


def test_figures_of_a_rule_follow_from_what_people_said(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    right, wrong = keep({"agent": BAD}), keep({"agent": BAD})
    quiet = [keep({"agent": GOOD}) for _ in range(4)]
    newer = keep({"agent": BAD}, version="1.1")
    _judge(store, right, "who", "right", people["qa"])
    _judge(store, wrong, "who", "wrong", people["qa"])
    _judge(store, newer, "who", "wrong", people["qa"])
    _judge(store, newer, "who", "right", people["qa2"])
    with store.session() as session:
        for number in quiet[:2]:
            call = session.get_one(Call, number)
            verdicts.heard_whole(session, call, people["qa"].id, True, NOW)
            verdicts.heard_whole(session, call, people["qa"].id, True, NOW)
        verdicts.add_missed(
            session,
            session.get_one(Call, quiet[0]),
            "who",
            "agent",
            500,
            900,
            "",
            people["qa"].id,
            NOW,
        )
    with store.reading() as session:
        figures = rule_figures(session)["who"]
        assert rule_figures(session, since=NOW) == {}
        assert rule_figures(session, rules=["opening"]) == {}
    assert (figures.hits, figures.missed, figures.packs) == (3, 1, ("desk",))
    assert figures.precision is not None
    assert (figures.precision.right, figures.precision.reviewed) == (2, 3)
    assert {v: (p.right, p.reviewed) for v, p in figures.versions.items()} == {
        "1.0": (1, 2),
        "1.1": (1, 1),
    }
    assert (figures.hit.calls, figures.hit.verified, figures.hit.positive) == (3, 3, 2)
    assert (figures.quiet.calls, figures.quiet.verified, figures.quiet.positive) == (4, 2, 1)
    assert figures.recall is not None
    assert figures.recall.value == pytest.approx(2 / (2 + 4 * 1 / 2))


def test_a_script_wrongly_taken_for_said_was_missed(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    hit, passed = keep({"agent": "喂你说吧"}), keep({"agent": GOOD})
    _judge(store, hit, "opening", "right", people["qa"])
    _judge(store, passed, "opening", "right", people["qa2"], "script")
    _judge(store, passed, "opening", "wrong", people["qa"], "script")
    with store.session() as session:
        verdicts.heard_whole(session, session.get_one(Call, passed), people["qa"].id, True, NOW)
    with store.reading() as session:
        figures = rule_figures(session)["opening"]
        [review] = labelled.reviews(session, passed)
        lines = [json.loads(line) for line in labelled.lines(session)]
    assert (figures.missed, figures.quiet.positive) == (1, 1)
    assert figures.precision is not None
    assert figures.precision.reviewed == 1
    assert figures.recall is not None
    assert figures.recall.value == 0.5
    assert (review["rule"], review["correct"]) == ("opening", True)
    assert [(line["machine"], line["correct"]) for line in lines] == [("hit", True), ("met", True)]


def test_a_call_no_longer_heard_in_full_tells_nothing(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    hit, quiet = keep({"agent": BAD}), keep({"agent": GOOD})
    _judge(store, hit, "who", "right", people["qa"])
    with store.session() as session:
        call = session.get_one(Call, quiet)
        verdicts.heard_whole(session, call, people["qa"].id, True, NOW)
        verdicts.heard_whole(session, call, people["qa"].id, False, NOW)
    with store.reading() as session:
        assert rule_figures(session)["who"].recall is None


def test_the_labelled_set_feeds_the_backtest(
    store: Store, keep: Keep, people: dict[str, User], book: Book
) -> None:
    right, wrong, quiet = keep({"agent": BAD}), keep({"agent": BAD}), keep({"agent": "找哪个啊"})
    unsure = keep({"agent": BAD})
    _judge(store, right, "who", "right", people["qa"])
    _judge(store, wrong, "who", "wrong", people["qa"])
    _judge(store, unsure, "who", "unsure", people["qa"])
    _judge(store, right, "opening", "right", people["qa"])
    with store.session() as session:
        call = session.get_one(Call, quiet)
        verdicts.add_missed(session, call, "who", "agent", 500, 1300, "", people["qa"].id, NOW)
    with store.reading() as session:
        lines = [json.loads(line) for line in labelled.lines(session)]
        calls = list(labelled.calls(session))
    assert [(line["rule"], line["machine"], line["correct"]) for line in lines] == [
        ("opening", "hit", True),
        ("who", "hit", True),
        ("who", "hit", False),
        ("who", "quiet", True),
        ("who", "hit", None),
    ]
    assert lines[3]["text"] == "找哪个啊"
    assert {line["reviewer"] for line in lines} == {"qa"}
    assert [name for name, _ in calls] == [f"{n:06d}.json" for n in (right, wrong, quiet)]
    history = backtest(book(), calls).rules["who"]
    assert (history.right, history.reviewed) == (1, 2)
    # A wider rule that now hits what people had added is right about it.
    wider = backtest(book("2.0", "(你找谁|找哪个)"), calls).rules["who"]
    assert (wider.right, wider.reviewed) == (2, 3)


def test_a_backtest_over_the_store_compares_versions(
    store: Store, keep: Keep, people: dict[str, User], tmp_path: Path
) -> None:
    old = keep({"agent": BAD})
    new = keep({"agent": "你有什么事"}, version="2.0", phrase="你有什么事")
    _judge(store, old, "who", "wrong", people["qa"])
    with store.reading() as session:
        newer, older = stored_packs.versions(session, "desk")
        assert (newer.version, older.version) == ("2.0", "1.0")
        assert (newer.calls, older.calls) == (1, 1)
        outcome, ids = tryout.history(session, newer, older, most=10)
    assert sorted(ids.values()) == [old, new]
    history = outcome.rules["who"]
    assert [ids[quote.call] for quote in history.new] == [new]
    assert [ids[quote.call] for quote in history.lost] == [old]
    assert history.precision is None  # the one that was judged is no longer hit


def test_a_sentence_is_tried_with_its_alignment(book: Book, store: Store, keep: Keep) -> None:
    keep({"agent": GOOD})
    with store.reading() as session:
        [version] = stored_packs.versions(session, "desk")
    [hit] = [h for h in tryout.try_text(version, "你早谁", Party.AGENT) if h.outcome == "hit"]
    assert (hit.rule, hit.severity, hit.quote) == ("who", "major", "你早谁")
    assert hit.comparison is not None
    heard = tryout.try_text(version, GOOD, Party.AGENT)
    assert next((h.outcome, h.rule) for h in heard) == ("said", "opening")
    near = tryout.try_text(version, "你是哪个", Party.AGENT)
    assert all(h.outcome == "near" for h in near)


def test_examples_are_run_with_their_results(store: Store, keep: Keep) -> None:
    keep({"agent": GOOD}, phrase="你找谁呀")
    with store.reading() as session:
        [version] = stored_packs.versions(session, "desk")
    results = tryout.examples(version, "who")
    assert [(one.kind, one.problem) for one in results] == [("alert", ""), ("quiet", "")]


def test_a_pack_nobody_kept_is_named(store: Store) -> None:
    with store.reading() as session, pytest.raises(UserError, match="没有规则包 nothing"):
        stored_packs.versions(session, "nothing")

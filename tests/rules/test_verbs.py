"""What each verb does with a call, beyond the examples of the reference."""

from __future__ import annotations

import pytest

from monitor.events import CallEnd, CallInfo, Gap, Party, ScriptStatus
from monitor.rules import load
from monitor.rules.engine.repetition import echo_of
from monitor.rules.engine.session import RuleSession
from monitor.rules.tools.examples import tokens_of
from monitor.rules.tools.replay import KnownCall, replay

from .conftest import HEAD, MakeBook, alerts, call_of, decided, run, scripts

MET, MISSED = ScriptStatus.MET, ScriptStatus.MISSED
NOT_APPLICABLE, PENDING = ScriptStatus.NOT_APPLICABLE, ScriptStatus.PENDING

COMPLAINT = """
situations: {投诉: {said: [我要投诉], party: customer}, 转接: {said: [帮您转接], party: agent}}
rules:
"""


def test_never_listens_to_its_party_only(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, never: [你有没有搞错]}]")
    assert len(alerts(run(made, {"agent": "你有没有搞错"}))) == 1
    assert alerts(run(made, {"customer": "你有没有搞错"})) == []
    either = book("rules: [{id: a, title: 甲, party: either, never: [你有没有搞错]}]")
    found = alerts(run(either, {"agent": "你有没有搞错"}, {"customer": "你有没有搞错"}))
    assert [alert.party for alert in found] == [Party.AGENT, Party.CUSTOMER]


def test_an_alert_carries_its_evidence(book: MakeBook) -> None:
    made = book(
        "rules: [{id: a, title: 甲, family: 指责, never: [你有没有搞错], say_instead: 我核实一下}]"
    )
    (alert,) = alerts(run(made, {"at": 2, "agent": "先生你有没有高错"}))
    assert (alert.quote, alert.start_ms, alert.end_ms) == ("你有没有高错", 2400, 3600)
    assert (alert.family, alert.advice) == ("指责", "我核实一下")
    assert alert.evidence["phrase"] == "你有没有搞错"
    assert alert.evidence["pack"] == "test"


def test_never_in_the_last_seconds(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, never: [就这样吧], until: call.end, within: 5s}]")
    assert alerts(run(made, {"at": 1, "agent": "就这样吧"}, end=30)) == []
    (alert,) = alerts(run(made, {"at": 27, "agent": "就这样吧"}, end=30))
    assert alert.at_ms == 30_000


def test_never_until_a_situation(book: MakeBook) -> None:
    made = book(COMPLAINT + "  - {id: a, title: 甲, never: [没办法], until: 转接}\n")
    before, after = {"at": 1, "agent": "没办法"}, {"at": 12, "agent": "没办法"}
    turn = {"at": 6, "agent": "我帮您转接"}
    assert [a.start_ms for a in alerts(run(made, before, turn, after))] == [1000]


def test_a_script_from_pending_to_met(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, must: [您好], within: 8s}]")
    first, last = scripts(run(made, {"at": 1, "agent": "您好"}))
    assert (first.status, first.deadline_ms, first.at_ms) == (PENDING, 8000, 0)
    assert (last.status, last.quote, last.start_ms, last.at_ms) == (MET, "您好", 1000, 1400)


@pytest.mark.parametrize(("at", "status"), [(5.6, MET), (5.7, MISSED)])
def test_exactly_at_the_deadline_is_in_time(
    book: MakeBook, at: float, status: ScriptStatus
) -> None:
    made = book("rules: [{id: a, title: 甲, must: [您好], within: 6s}]")
    assert decided(run(made, {"at": at, "agent": "您好"}, end=20), "a") == [status]


def test_a_missed_script_says_where_it_looked_and_what_came_near(book: MakeBook) -> None:
    made = book(
        "rules: [{id: a, title: 甲, must: [感谢您的来电再见], until: call.end, within: 10s}]"
    )
    outcome = run(
        made, {"at": 3, "agent": "感谢您的来电再见"}, {"at": 25, "agent": "感谢来电"}, end=30
    )
    state = scripts(outcome, "a")[-1]
    assert (state.status, state.at_ms) == (MISSED, 30_000)
    assert state.evidence["searched"] == {"from_ms": 20_000, "to_ms": 30_000, "syllables": 4}
    near = state.evidence["nearest"]
    assert isinstance(near, dict)
    assert near["quote"] == "感谢来电"
    (alert,) = alerts(outcome)
    assert (alert.start_ms, alert.end_ms, alert.quote) == (20_000, 30_000, "")


def test_lost_audio_is_named_in_the_evidence(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, must: [您好], within: 8s}]")
    call = call_of({"at": 6, "agent": "喂"}, end=20)
    gap = Gap(Party.AGENT, 1000, 3000, "test")
    known = KnownCall(call.info, call.utterances, call.readings, (gap,), call.end)
    assert scripts(replay(made, known))[-1].evidence["gaps"] == [{"from_ms": 1000, "to_ms": 3000}]


def test_each_occurrence_owes_its_own_script(book: MakeBook) -> None:
    made = book(COMPLAINT + "  - {id: a, title: 甲, must: [对不起], after: 投诉, within: 5s}\n")
    turns = [{"at": 1, "customer": "我要投诉"}, {"at": 3, "agent": "对不起"},
             {"at": 20, "customer": "我要投诉"}, {"at": 30, "customer": "我要投诉"},
             {"at": 32, "customer": "我要投诉"}, {"at": 34, "agent": "对不起"}]  # fmt: skip
    outcome = run(made, *turns)
    assert decided(outcome, "a") == [MET, MISSED, MET]
    assert sorted({s.occurrence for s in scripts(outcome)}) == [0, 1, 2]
    first = book(
        COMPLAINT
        + "  - {id: a, title: 甲, must: [对不起], after: 投诉, within: 5s, trigger: first}\n"
    )
    assert decided(run(first, *turns), "a") == [MET]


def test_a_situation_that_never_happens_owes_nothing(book: MakeBook) -> None:
    made = book(
        COMPLAINT
        + "  - {id: a, title: 甲, must: [对不起], after: 投诉}\n"
        + "  - {id: b, title: 乙, must: [原因], until: 转接}\n"
    )
    assert scripts(run(made, {"agent": "您好"})) == []


def test_until_looks_back_each_time(book: MakeBook) -> None:
    made = book(COMPLAINT + "  - {id: a, title: 甲, must: [因为], until: 转接, within: 6s}\n")
    turns = [{"at": 1, "agent": "因为"}, {"at": 3, "agent": "我帮您转接"},
             {"at": 30, "agent": "我帮您转接"}]  # fmt: skip
    assert decided(run(made, *turns), "a") == [MET, MISSED]


def test_between_two_situations(book: MakeBook) -> None:
    made = book(COMPLAINT + "  - {id: a, title: 甲, must: [对不起], after: 投诉, until: 转接}\n")
    turns = [{"at": 1, "customer": "我要投诉"}, {"at": 4, "agent": "我帮您转接"},
             {"at": 8, "agent": "对不起"}]  # fmt: skip
    outcome = run(made, *turns)
    assert decided(outcome, "a") == [MISSED]
    assert scripts(outcome)[-1].at_ms == 5000


def test_exceptions_of_a_script(book: MakeBook) -> None:
    made = book(
        COMPLAINT
        + "  - {id: a, title: 甲, must: [感谢您的来电], until: call.end, except: [转接]}\n"
    )
    assert decided(run(made, {"agent": "好的"}), "a") == [MISSED]
    outcome = run(made, {"agent": "我帮您转接"})
    assert decided(outcome, "a") == [NOT_APPLICABLE]
    assert alerts(outcome) == []


def test_all_of_names_what_is_missing(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, all_of: {问候: [您好], 工号: [工号]}, within: 8s}]")
    outcome = run(made, {"agent": "您好"}, end=20)
    assert scripts(outcome)[-1].evidence["missing"] == ["工号"]
    met = scripts(run(made, {"agent": "工号一二三您好"}))[-1]
    assert met.status is MET
    assert "您好" in met.quote
    assert "工号" in met.quote


def test_in_order_wants_the_order(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, in_order: {问: [请问], 谢: [感谢], 别: [再见]}}]")
    said = [{"agent": "请问"}, {"agent": "感谢"}, {"agent": "再见"}]
    assert decided(run(made, *said), "a") == [MET]
    outcome = run(made, said[1], said[0], said[2])
    assert decided(outcome, "a") == [MISSED]
    assert scripts(outcome)[-1].evidence["missing"] == ["谢", "别"]


def test_times_counts_separate_occurrences(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, must: [谢谢, 谢谢您], times: 2}]")
    assert decided(run(made, {"agent": "谢谢您"}), "a") == [MISSED]
    assert decided(run(made, {"agent": "谢谢您"}, {"agent": "谢谢"}), "a") == [MET]


def test_allow(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, never: [那个], allow: 2}]")
    turns = [{"agent": "那个"}] * 4
    assert len(alerts(run(made, *turns))) == 2


def test_silence_is_counted_from_its_anchor(book: MakeBook) -> None:
    made = book(
        "situations:\n"
        "  首语: {said: [请问有什么可以帮您], party: agent}\n"
        "  无声: {silent: 5s, party: customer, after: 首语, within: 6s}\n"
        "rules: [{id: a, title: 甲, avoid: 无声}]\n"
    )
    greeting = {"at": 2, "agent": "请问有什么可以帮您"}  # ends at 3.8 s
    (alert,) = alerts(run(made, greeting, {"at": 6, "agent": "喂"}, end=20))
    assert alert.at_ms == 8800
    assert alerts(run(made, greeting, {"at": 7, "customer": "喂"}, end=20)) == []
    assert alerts(run(made, greeting, end=8)) == []


def test_nobody_is_silent_on_a_call_with_one_channel(book: MakeBook) -> None:
    made = book(
        "situations: {冷场: {silent: 5s, party: either}, 客户不说: {silent: 5s, party: customer}}\n"
        "rules: [{id: a, title: 甲, avoid: [冷场, 客户不说]}]\n"
    )
    assert alerts(run(made, {"agent": "喂"}, end=30, call={"parties": ["agent"]})) == []
    assert len(alerts(run(made, {"agent": "喂"}, end=30))) == 2


def test_a_missing_channel_makes_a_rule_not_applicable(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, must: [您好], within: 5s, party: customer}]")
    assert decided(run(made, {"agent": "喂"}, call={"parties": ["agent"]}), "a") == [NOT_APPLICABLE]


def test_turns_start_and_stop(book: MakeBook) -> None:
    made = book(
        "rules:\n"
        "  - {id: first, title: 甲, must: [您好], until: agent.stops, trigger: first}\n"
        "  - {id: answer, title: 乙, must: [我帮您查], after: customer.stops, within: 3s}\n"
    )
    said = [(1, "agent", "喂"), (1.7, "agent", "您好"), (4, "customer", "查话费"),
            (6, "agent", "我帮您查"), (12, "customer", "快点")]  # fmt: skip
    turns = [{"at": at, party: text} for at, party, text in said] + [{"silence": "6s"}]
    outcome = run(made, *turns)
    assert decided(outcome, "first") == [MET]
    assert decided(outcome, "answer") == [MET, MISSED]


def test_a_situation_before_anybody_answers(book: MakeBook) -> None:
    made = book(
        "situations:\n"
        "  先问候: {said: [你好], party: customer, until: agent.starts}\n"
        "  别的: {said: [再见], party: customer}\n"
        "rules: [{id: a, title: 甲, avoid: 先问候, except: [{after: 别的}]}]\n"
    )
    late = {"at": 1, "agent": "喂"}, {"at": 5, "customer": "你好"}
    assert alerts(run(made, *late)) == []
    made = book(
        "situations: {先问候: {said: [你好], party: customer, until: agent.starts}}\n"
        "rules: [{id: a, title: 甲, avoid: 先问候}]\n"
    )
    assert alerts(run(made, *late)) == []
    assert len(alerts(run(made, {"at": 1, "customer": "你好"}, {"at": 5, "agent": "喂"}))) == 1


def test_what_protects_from_a_situation(book: MakeBook) -> None:
    made = book(
        "situations: {满意: {said: [满意], unless: [不满意, 满意度], party: customer}}\n"
        "rules:\n"
        "  - {id: a, title: 甲, avoid: 满意}\n"
        "  - {id: longer, title: 乙, party: customer, never: [非常满意了]}\n"
    )
    assert len(alerts(run(made, {"customer": "挺满意的"}), "a")) == 1
    assert alerts(run(made, {"customer": "我不满意"}), "a") == []
    # A longer phrase of another rule does not hide the situation.
    assert len(alerts(run(made, {"customer": "非常满意了"}), "a")) == 1


def test_telephony_events_and_releases(book: MakeBook) -> None:
    made = book(
        "situations: {保持: {event: hold}, 客服先挂: {released_by: agent}}\n"
        "rules:\n"
        "  - {id: hold, title: 甲, must: [请稍等], until: 保持, within: 5s}\n"
        "  - {id: release, title: 乙, avoid: 客服先挂}\n"
    )
    facts = {"events": [{"name": "hold", "at_ms": 4000}, {"name": "hold", "at_ms": 20_000}]}
    outcome = run(made, {"at": 2, "agent": "请稍等"}, call=facts, end=30, released_by="agent")
    assert decided(outcome, "hold") == [MET, MISSED]
    assert [a.rule for a in alerts(outcome)] == ["hold", "release"]


def test_a_measure_alerts_once_per_stretch(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, measure: silence, above: 3s}]")
    (alert,) = alerts(run(made, {"customer": "我的宽带断了"}, {"silence": "9s"}, {"agent": "好"}))
    assert (alert.party, alert.quote) == (Party.AGENT, "3.0 s")
    assert alert.evidence["value"] == 3000


@pytest.mark.parametrize(
    ("bounds", "values", "count"),
    [
        ("above: 250, in_a_row: 2", [300, 300, 100, 300], 1),
        ("above: 250, in_a_row: 2", [300, 100, 300], 0),
        ("below: 120", [100, 130, 90], 2),
        ("above: 200, over: call", [100, 250], 0),
        ("above: 150, over: call", [100, 250], 1),
    ],
)
def test_bounds_rows_and_means(book: MakeBook, bounds: str, values: list[int], count: int) -> None:
    made = book(f"rules: [{{id: a, title: 甲, measure: speech_rate, {bounds}}}]")
    turns = [{"measure": "speech_rate", "party": "agent", "value": value} for value in values]
    assert len(alerts(run(made, *turns))) == count


@pytest.mark.parametrize(
    ("value", "said", "again"),
    [
        ("13800138000", "一三八零零一三八零零零", True),
        ("13800138000", "幺三八零零幺三八嗯零零零", True),
        ("13800138000", "尾号八零零零", True),
        ("13800138000", "一三八零零一", False),
        ("王先生", "好的王先生", True),
        ("王先生", "往前", False),
        ("王小姐", "汪女士您好", True),  # the same sound; the form of address may differ
        ("宽带业务", "您的宽带业务", True),
    ],
)
def test_said_again(value: str, said: str, again: bool) -> None:
    echo = echo_of(value)
    tokens, _ = tokens_of(said, Party.AGENT, 0)
    assert (True in [echo.hear(token) for token in tokens]) is again


def test_a_value_is_owed_once(book: MakeBook) -> None:
    made = book(
        'slots: {号码: {said: ["{号码}"], party: customer}}\n'
        "rules: [{id: a, title: 甲, repeat: 号码, within: 20s}]\n"
    )
    number = {"customer": "我的电话是13800138000"}
    outcome = run(made, number, {"agent": "13800138000对吗"}, number, {"agent": "好的"})
    assert decided(outcome, "a") == [MET]
    outcome = run(made, number, {"agent": "好的"}, {"silence": "25s"})
    assert decided(outcome, "a") == [MISSED]
    assert alerts(outcome)[0].evidence["value"] == "13800138000"


def test_a_new_rulebook_takes_over_in_mid_call(tmp_path) -> None:  # type: ignore[no-untyped-def]
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    kept = "  - {id: kept, title: 甲, must: [您好], within: 9s}\n"
    gone = (
        "  - {id: gone, title: 乙, never: [没办法]}\n"
        "  - {id: closing, title: 戊, must: [再见], until: call.end}\n"
    )
    old.write_text(HEAD + "rules:\n" + kept + gone, "utf-8")
    new.write_text(
        HEAD + "rules:\n" + kept + "  - {id: new, title: 丙, never: [你说吧]}\n"
        "  - {id: late, title: 丁, must: [喂], within: 1s}\n",
        "utf-8",
    )
    session = RuleSession(load([old]), CallInfo("c", "c", tuple(Party)))
    out = session.start()
    words = [("没办法", 1000), ("您好", 3500), ("没办法", 5000), ("你说吧", 7000)]
    for number, (text, at) in enumerate(words):
        if number == 1:
            out += session.settle(dict.fromkeys(Party, at))
            session.reload(load([new]))
        for token in tokens_of(text, Party.AGENT, at)[0]:
            out += session.settle(dict.fromkeys(Party, token.start_ms))
            out += session.feed(token)
    out += session.finish(CallEnd(12_000))
    assert [alert.rule for alert in alerts(out)] == ["gone", "new"]
    assert decided(out, "kept") == [MET]
    assert decided(out, "late") == []
    assert decided(out, "closing") == [NOT_APPLICABLE]


READ_BACK = """
situations: {问号码: {said: [您的号码是多少], party: agent}}
slots:
  号码: {said: ["电话是{号码}", "{号码}"], party: customer, after: 问号码, within: 20s}
  钱: {said: ["交了{金额}"], party: customer}
rules:
  - {id: number, title: 复述号码, repeat: 号码}
  - {id: money, title: 复述金额, repeat: 钱}
"""


@pytest.mark.parametrize(
    ("said", "status", "instead"),
    [
        ("一三八零零一三八零零零对吗", MET, None),
        ("幺三八，零零幺三，八零零零", MET, None),
        ("尾号八零零零", MET, None),
        ("一三八零零一二八零零零对吗", MISSED, "13800128000"),  # one digit is wrong
        ("尾号八零零一", MISSED, "8001"),
        ("好的记下了", MISSED, None),
    ],
)
def test_a_number_is_read_back_digit_for_digit(
    book: MakeBook, said: str, status: ScriptStatus, instead: str | None
) -> None:
    made = book(READ_BACK)
    outcome = run(made, {"customer": "我的电话是幺三八零零幺三八零零零"}, {"agent": said})
    (state,) = [s for s in scripts(outcome, "number") if s.status is not PENDING]
    assert (state.status, state.evidence.get("said_instead")) == (status, instead)


def test_a_bare_number_is_an_answer(book: MakeBook) -> None:
    made = book(READ_BACK)
    number = {"customer": "幺三八零零幺三八零零零"}
    assert decided(run(made, {"agent": "您好"}, number), "number") == []
    assert decided(run(made, {"agent": "您的号码是多少"}, number), "number") == [MISSED]


@pytest.mark.parametrize(
    ("said", "status", "instead"),
    [
        ("您交了386元对吗", MET, None),
        ("三百八十六块是吧", MET, None),
        ("三百六十八块是吧", MISSED, "三百六十八块"),
        ("好的", MISSED, None),
    ],
)
def test_an_amount_is_read_back_by_its_value(
    book: MakeBook, said: str, status: ScriptStatus, instead: str | None
) -> None:
    outcome = run(book(READ_BACK), {"customer": "我交了三百八十六块"}, {"agent": said})
    (state,) = [s for s in scripts(outcome, "money") if s.status is not PENDING]
    assert (state.status, state.evidence.get("said_instead")) == (status, instead)

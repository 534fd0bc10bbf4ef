"""The scorecard."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.events import AlertState, Party, Severity, Token, to_dict
from monitor.rules import Rulebook, load
from monitor.rules.engine.certainty import doubt
from monitor.rules.language.problems import PackErrors
from monitor.rules.scorecard import ItemStatus, Scorecard, scorecard

from .conftest import MakeBook, Outcome, alerts, run, scripts

PACK = """
score:
  groups: {开场: 20, 用语: 50, 结束: 30}
  group: 用语
  deduct: {一般: 4, 严重: 10}
  fatal: [致命]
  grades: {优秀: 95, 合格: 60, 不合格: 0}
situations: {投诉: {said: [我要投诉], party: customer}}
rules:
  - {id: open, title: 问候, must: [您好], within: 5s, score: {group: 开场, weight: 3}}
  - {id: offer, title: 询问, must: [有什么可以帮您], within: 8s, score: {group: 开场, weight: 1}}
  - {id: close, title: 道别, must: [感谢您的来电], until: call.end, score: {group: 结束, weight: 5}}
  - {id: sorry, title: 致歉, must: [对不起], after: 投诉, within: 4s, score: {weight: 2}}
  - {id: minor, title: 小错, severity: 一般, never: [你说吧]}
  - {id: capped, title: 封顶, severity: 严重, never: [没办法], score: {at_most: 15}}
  - {id: single, title: 一次, severity: 严重, never: [你找谁], score: {each: false}}
  - {id: group, title: 组零, severity: 一般, never: [快说啊], score: {fatal: group}}
  - {id: fatal, title: 致命, severity: 致命, never: [你有没有搞错]}
  - {id: aside, title: 不计, severity: 严重, never: [有什么事], score: {counts: false}}
  - {id: vip, title: 仅贵宾, must: [尊敬的贵宾], within: 5s, when: {queue: VIP},
     score: {group: 开场, weight: 9}}
"""
GOOD = [{"at": 1, "agent": "您好请问有什么可以帮您"}, {"at": 10, "agent": "感谢您的来电"}]


def card(book: Rulebook, outcome: Outcome) -> Scorecard:
    return scorecard(book, alerts(outcome), scripts(outcome))


def points(found: Scorecard) -> dict[str, float]:
    return {group.name: group.points for group in found.groups}


def test_a_good_call(book: MakeBook) -> None:
    made = book(PACK)
    found = card(made, run(made, *GOOD))
    assert (found.total, found.max, found.grade, found.fatal) == (100.0, 100.0, "优秀", False)
    assert {line.item for line in found.lines} == {"open", "offer", "close"}
    assert all(line.status is ItemStatus.MET and line.reason for line in found.lines)


def test_missed_weights_and_deductions(book: MakeBook) -> None:
    made = book(PACK)
    turns = [{"at": 1, "agent": "请问有什么可以帮您"}, {"at": 5, "agent": "你说吧"},
             {"at": 10, "agent": "感谢您的来电"}]  # fmt: skip
    found = card(made, run(made, *turns))
    assert points(found) == {"开场": 5.0, "用语": 46.0, "结束": 30.0}
    assert found.total == 81.0
    assert found.grade == "合格"
    reasons = {line.item: line.reason for line in found.lines}
    assert reasons["minor"] == "00:05 “你说吧”"
    assert reasons["open"].startswith("到 00:05 没有说")


def test_each_capped_and_once(book: MakeBook) -> None:
    made = book(PACK)
    turns = [*GOOD, *({"agent": text} for text in ["没办法", "没办法", "你找谁", "你找谁"])]
    lines = {line.item: line for line in card(made, run(made, *turns)).lines}
    assert (lines["capped"].points, lines["capped"].times) == (-15.0, 2)
    assert (lines["single"].points, lines["single"].times) == (-10.0, 2)


def test_a_weight_is_shared_by_its_occurrences(book: MakeBook) -> None:
    made = book(PACK)
    turns = [*GOOD, {"at": 15, "customer": "我要投诉"}, {"at": 17, "agent": "对不起"},
             {"at": 30, "customer": "我要投诉"}, {"silence": "9s"}]  # fmt: skip
    found = card(made, run(made, *turns))
    line = next(line for line in found.lines if line.item == "sorry")
    assert (line.points, line.weight, line.times, line.status) == (1.0, 2.0, 1, ItemStatus.PARTLY)
    assert points(found)["用语"] == 25.0


def test_fatal_findings_zero_the_group_or_the_card(book: MakeBook) -> None:
    made = book(PACK)
    found = card(made, run(made, *GOOD, {"agent": "快说啊"}))
    assert (found.total, found.fatal, points(found)["用语"]) == (50.0, False, 0.0)
    found = card(made, run(made, *GOOD, {"agent": "你有没有搞错"}))
    assert (found.total, found.fatal, found.grade) == (0.0, True, "不合格")


def test_what_does_not_apply_leaves_the_denominator(book: MakeBook) -> None:
    made = book(PACK)
    vip = card(made, run(made, *GOOD, call={"queue": "VIP"}))
    assert points(vip)["开场"] == pytest.approx(20 * 4 / 13, abs=0.01)
    plain = card(made, run(made, *GOOD, call={"queue": "普通"}))
    assert points(plain)["开场"] == 20.0
    only = book(
        "rules:\n  - {id: a, title: 甲, must: [您好], when: {queue: VIP}, score: {weight: 1}}\n"
    )
    found = card(only, run(only, {"agent": "喂"}))
    assert (found.total, found.groups[0].max, found.not_applicable) == (100.0, 0.0, 1)


def test_a_retracted_alert_costs_nothing(book: MakeBook) -> None:
    made = book(PACK)
    outcome = run(made, *GOOD, {"agent": "你有没有搞错"})
    states = [replace(alert, state=AlertState.RETRACTED) for alert in alerts(outcome)]
    assert scorecard(made, states, scripts(outcome)).total == 100.0


def test_rules_that_do_not_count(book: MakeBook) -> None:
    made = book(PACK)
    found = card(made, run(made, *GOOD, {"agent": "有什么事"}))
    assert found.total == 100.0
    assert "aside" not in {line.item for line in found.lines}


def test_several_packs_keep_their_own_cards(book: MakeBook, tmp_path) -> None:  # type: ignore[no-untyped-def]
    book(PACK)
    other = tmp_path / "other.yaml"
    other.write_text(
        'pack: other\ntitle: 另一张\nversion: "1"\n'
        "score: {groups: {用语: 100}, deduct: {严重: 30}}\n"
        "rules: [{id: other, title: 乙, severity: 严重, never: [你等着]}]\n",
        encoding="utf-8",
    )
    files = [tmp_path / "test.yaml", other]
    cards = []
    for order in (files, files[::-1]):
        made = load(order)
        cards.append(card(made, run(made, *GOOD, {"agent": "你等着"})))
    assert cards[0] == cards[1]
    assert points(cards[0])["另一张 · 用语"] == 70.0
    assert cards[0].total == 85.0


def test_the_card_is_plain_data(book: MakeBook) -> None:
    made = book(PACK)
    data = to_dict(card(made, run(made, *GOOD)))
    assert {"total", "max", "grade", "fatal", "lines"} <= data.keys()
    assert {"item", "points", "reason"} <= data["lines"][0].keys()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(["你说吧", "没办法", "您好", "快说啊", "感谢您的来电"]), max_size=6)
)
def test_more_wrong_words_never_earn_points(said: list[str]) -> None:
    made = _made()
    turns = [{"agent": text} for text in said]
    before = card(made, run(made, *turns, end=60))
    after = card(made, run(made, *turns, {"agent": "你说吧"}, end=60))
    assert 0 <= after.total <= before.total <= 100


_BOOKS: list[Rulebook] = []


def _made() -> Rulebook:
    import tempfile
    from pathlib import Path

    if not _BOOKS:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "p.yaml"
            file.write_text(f'pack: p\ntitle: t\nversion: "1"\n{PACK}', encoding="utf-8")
            _BOOKS.append(load([file]))
    return _BOOKS[0]


TWO_PACKS = """
rules:
  - {id: a, title: 甲, severity: 一般, never: [你有没有搞错]}
  - {id: b, title: 乙, severity: 严重, never: [你有没有搞错], unless: [您有没有搞错]}
  - {id: c, title: 丙, severity: 致命, never: [不会用就别用]}
score: {grades: {优秀: 95, 良好: 85, 不合格: 0}, deduct: {一般: 2, 严重: 3}, fatal: [致命]%s}
"""


def test_one_sentence_is_one_finding_and_the_gravest(book: MakeBook) -> None:
    made = book(TWO_PACKS % "")
    outcome = run(made, {"agent": "你有没有搞错"}, {"agent": "好的"}, {"agent": "你有没有搞错"})
    assert [alert.rule for alert in alerts(outcome)].count("a") == 2
    found = card(made, outcome)
    assert [(line.item, line.points, line.times) for line in found.lines] == [("b", -6.0, 2)]
    only = card(made, run(made, {"agent": "你有没有搞错"}))
    assert [(line.item, line.times) for line in only.lines] == [("b", 1)]
    assert "甲" in only.lines[0].reason


def test_a_grave_finding_caps_the_grade(book: MakeBook) -> None:
    said = {"agent": "你有没有搞错"}
    made = book(TWO_PACKS % "")
    found = card(made, run(made, said))
    assert (found.total, found.grade) == (97.0, "良好")
    assert "乙" in found.capped
    strict = book(TWO_PACKS % ", cap: {严重: 不合格}")
    assert card(strict, run(strict, said)).grade == "不合格"
    lenient = book(TWO_PACKS % ", cap: {}")
    free = card(lenient, run(lenient, said))
    assert (free.grade, free.capped) == ("优秀", "")


def test_a_cap_names_a_grade_that_exists(book: MakeBook) -> None:
    with pytest.raises(PackErrors, match="良"):
        book(TWO_PACKS % ", cap: {严重: 良}")


def test_fatal_needs_certainty(book: MakeBook) -> None:
    made = book(TWO_PACKS % "")
    sure = run(made, {"agent": "不会用就别用"})
    assert [a.severity for a in alerts(sure)] == [Severity.FATAL]
    assert card(made, sure).fatal
    unsure = run(made, {"agent": "不会用就别扔"})  # 用 heard as 扔: 0.8 alike
    (alert,) = alerts(unsure)
    assert alert.severity is Severity.MAJOR
    assert alert.evidence["uncertain"]["needs_similarity"] == 0.88  # type: ignore[index, call-overload]
    found = card(made, unsure)
    assert (found.fatal, found.grade) == (False, "良好")


def test_doubted_syllables_make_a_finding_uncertain() -> None:
    tokens = [Token(Party.AGENT, "用", "yong", 0, 200, confidence) for confidence in (0.5, 0.6)]
    assert doubt(0.9, tokens) == {"confidence": 0.55, "needs_confidence": 0.6}
    assert doubt(0.9, [replace(token, confidence=0.7) for token in tokens]) is None
    assert doubt(0.9, []) is None

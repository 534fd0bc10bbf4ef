"""Credit is not given for what was not said, nor a finding for what nobody objects to."""

from __future__ import annotations

import pytest

from monitor.events import ScriptStatus
from monitor.rules.tools.innocent import taken

from .conftest import MakeBook, alerts, decided, run

MET, MISSED = ScriptStatus.MET, ScriptStatus.MISSED

BOTH_ENDS = """
rules:
  - {id: open, title: 开场, family: 开场白, must: ["请问有什么可以帮您"], within: 10s}
  - {id: more, title: 还有, family: 结束语, must: [还有什么可以帮您], until: call.end, within: 20s}
  - {id: thanks, title: 谢等, family: 等待, must: [感谢您的等待]}
  - {id: close, title: 道谢, family: 结束语, must: [感谢您的来电], until: call.end, within: 60s}
"""


@pytest.mark.parametrize(
    ("said", "met"),
    [
        ("请问有什么可以帮您", "open"),
        ("还有什么可以帮您", "more"),
        ("感谢您的等待", "thanks"),
        ("感谢您的来电", "close"),
    ],
)
def test_scripts_of_different_purposes_are_told_apart(book: MakeBook, said: str, met: str) -> None:
    outcome = run(book(BOTH_ENDS), {"agent": said})
    rules = ("open", "more", "thanks", "close")
    assert {rule for rule in rules if decided(outcome, rule) == [MET]} == {met}


def test_an_opening_cannot_end_the_call(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, must: [感谢您的来电], until: call.end, within: 30s}]")
    opening = {"at": 1, "agent": "感谢您的来电请问要办什么"}
    middle = [{"customer": "查话费"}, {"agent": "五十元"}, {"customer": "好的"}]
    assert decided(run(made, opening, *middle, {"agent": "再见"}), "a") == [MISSED]
    assert decided(run(made, opening, *middle, {"agent": "感谢您的来电"}), "a") == [MET]
    # A call of one exchange has no opening of its own.
    assert decided(run(made, opening, {"customer": "打错了"}, {"agent": "再见"}), "a") == [MET]


def test_a_quiet_example_teaches_the_phrase(book: MakeBook) -> None:
    body = "rules: [{id: a, title: 甲, never: [我们都可以给您办], examples: {quiet: [%s]}}]"
    said = {"agent": "我们不可以给您办"}
    assert alerts(run(book(body % ""), said), "a") != []
    assert alerts(run(book(body % "我们不可以给您办"), said), "a") == []
    taught = book(body % "我们不可以给您办")
    assert alerts(run(taught, {"agent": "我们都可以给您办"}), "a") != []


def test_what_takes_a_harmless_sentence_is_named(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, never: [您先别挂]}, {id: b, title: 乙, never: [滚蛋]}]")
    (found,) = taken(made, ["您先别挂，我查一下", "您先别挂断"])
    assert (found.rule, found.phrase, found.quote) == ("a", "您先别挂", "您先别挂")
    assert found.sentence == "您先别挂，我查一下"

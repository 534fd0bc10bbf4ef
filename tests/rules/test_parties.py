"""What one party says never counts as said by the other."""

from __future__ import annotations

import pytest

from monitor import rules
from monitor.events import Alert, CallEnd, CallInfo, Party, ScriptState, ScriptStatus, Token
from monitor.language.pinyin import syllables
from monitor.rules.engine.session import RuleSession

PACK = """
pack: parties
title: 同一句话,两方都在等
version: "1"
situations:
  客户问好: {said: [您好, 你好], party: customer}
rules:
  - id: greeting
    title: 客服问好
    must: [您好, 你好]
    examples: {alert: [喂], quiet: [您好]}
  - id: answer
    title: 客户问好以后要说很高兴为您服务
    must: [很高兴为您服务]
    after: 客户问好
    within: 3s
    examples: {alert: [[{customer: 您好}, {silence: 5s}]], quiet: [喂]}
  - id: never
    title: 客服不许说
    never: [你怎么不早说]
    examples: {alert: [你怎么不早说], quiet: [[{customer: 你怎么不早说}]]}
  - id: customer-says
    title: 客户说了
    severity: 提示
    party: customer
    never: [你怎么不早说]
    examples: {alert: [[{customer: 你怎么不早说}]], quiet: [[{agent: 你怎么不早说}]]}
"""


@pytest.fixture(scope="module")
def rulebook(tmp_path_factory: pytest.TempPathFactory) -> rules.Rulebook:
    path = tmp_path_factory.mktemp("pack") / "parties.yaml"
    path.write_text(PACK, "utf-8")
    return rules.load([path])


def findings(rulebook: rules.Rulebook, party: Party, text: str) -> set[str]:
    """Rules that alert or are met when `party` says the text and nobody anything else."""
    session = RuleSession(rulebook, CallInfo("x", "x", (Party.AGENT, Party.CUSTOMER)))
    out = session.start()
    for i, (char, syllable) in enumerate(zip(text, syllables(text), strict=True)):
        out += session.feed(Token(party, char, syllable, i * 200, (i + 1) * 200))
    settled = {Party.AGENT: 20_000, Party.CUSTOMER: 20_000}
    out += session.settle(settled)
    out += session.finish(CallEnd(20_000))
    alerts = {event.rule for event in out if isinstance(event, Alert)}
    met = {
        f"{event.rule} met"
        for event in out
        if isinstance(event, ScriptState) and event.status is ScriptStatus.MET
    }
    return alerts | met


@pytest.mark.parametrize(
    ("party", "text", "expected"),
    [
        # The agent's greeting is not the customer's: nothing is owed for it.
        (Party.AGENT, "您好", {"greeting met"}),
        (Party.CUSTOMER, "您好", {"greeting", "answer"}),
        (Party.AGENT, "你怎么不早说", {"greeting", "never"}),
        (Party.CUSTOMER, "你怎么不早说", {"greeting", "customer-says"}),
    ],
)
def test_each_rule_hears_only_its_party(
    rulebook: rules.Rulebook, party: Party, text: str, expected: set[str]
) -> None:
    assert findings(rulebook, party, text) == expected

"""Phrases by sound: find them in a stream of syllables, one party at a time.

    matcher = Matcher([Phrase("rude.1", "你有没有搞错")])
    stream = matcher.stream(Party.AGENT)
    for token in tokens:
        for match in stream.feed(token):
            print(match.quote, match.similarity)

What counts as a match – likeness, budgets, priority, holds – is defined in
docs/matching.md; `align` is its executable definition.
"""

from monitor.rules.match.explain import explain, rows
from monitor.rules.match.matcher import Matcher
from monitor.rules.match.nearest import nearest
from monitor.rules.match.pattern import parse
from monitor.rules.match.slots import SLOTS
from monitor.rules.match.stream import MatchStream
from monitor.rules.match.values import Match, PatternError, Phrase, Role, Step, StepKind

__all__ = [
    "SLOTS",
    "Match",
    "MatchStream",
    "Matcher",
    "PatternError",
    "Phrase",
    "Role",
    "Step",
    "StepKind",
    "explain",
    "nearest",
    "parse",
    "rows",
]

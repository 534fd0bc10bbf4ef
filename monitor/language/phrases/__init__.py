"""Phrases by sound: find them in a stream of syllables, one party at a time.

    matcher = Matcher([Phrase("rude.1", "你有没有搞错")])
    stream = MatchStream(matcher, Party.AGENT)
    for token in tokens:
        for match in stream.feed(token):
            print(match.quote, match.similarity)

What counts as a match – likeness, budgets, priority, holds – is defined in
docs/matching.md; `align` is its executable definition.
"""

from monitor.language.phrases.explain import explain, rows
from monitor.language.phrases.matcher import Matcher
from monitor.language.phrases.nearest import nearest
from monitor.language.phrases.pattern import parse
from monitor.language.phrases.slots import SLOTS
from monitor.language.phrases.stream import MatchStream
from monitor.language.phrases.values import Match, PatternError, Phrase, Role, Step, StepKind

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

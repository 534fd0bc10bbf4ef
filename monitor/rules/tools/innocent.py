"""Which harmless sentences a pack's forbidden phrases would take: what `rules check` warns of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.events import Party
from monitor.language.phrases import Match, MatchStream
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.compiler.tell_apart import ordinary
from monitor.rules.tools.examples import tokens_of


@dataclass(frozen=True, slots=True, order=True)
class Taken:
    """A sentence of `rules/ordinary` in which a rule hears one of its phrases."""

    rule: str
    phrase: str
    sentence: str
    quote: str


def taken(rulebook: Rulebook, sentences: Iterable[str] | None = None) -> list[Taken]:
    """Every forbidden phrase that is heard in an ordinary sentence, with the first such sentence.

    `sentences` replaces those of `rules/ordinary`.
    """
    found: dict[tuple[str, str], Taken] = {}
    for sentence in ordinary().sentences if sentences is None else sentences:
        for match in _heard(rulebook, sentence):
            for listener in rulebook.listeners.get(match.key, ()):
                rule = rulebook.rules.get(listener.key) if listener.kind == "rule" else None
                if rule is not None and rule.rule.never:
                    key = (listener.key, match.pattern)
                    found.setdefault(key, Taken(*key, sentence, match.quote))
    return sorted(found.values())


def _heard(rulebook: Rulebook, sentence: str) -> list[Match]:
    tokens, _ = tokens_of(sentence, Party.AGENT, 0)
    stream = MatchStream(rulebook.matchers[Party.AGENT], Party.AGENT)
    matches = [match for token in tokens for match in stream.feed(token)]
    return matches + stream.end_utterance(tokens[-1].end_ms if tokens else 0)

"""Helpers: texts to tokens, and what a matcher makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitor.events import Party, Token
from monitor.language.phrases import Match, Matcher, MatchStream, Phrase
from monitor.language.pinyin import syllables

STEP_MS = 200
PAUSE_MS = 600
"""Between turns, written `|` in a text."""


def tokens(text: str, start_ms: int = 0, party: Party = Party.AGENT) -> list[Token]:
    """One token per character, five a second."""
    return [
        Token(party, char, sound, start_ms + at * STEP_MS, start_ms + (at + 1) * STEP_MS)
        for at, (char, sound) in enumerate(zip(text, syllables(text), strict=True))
    ]


def phrase(text: str | Phrase) -> Phrase:
    return text if isinstance(text, Phrase) else Phrase(text, text)


def listen(
    phrases: Iterable[str | Phrase], text: str, *, party: Party = Party.AGENT
) -> list[Match]:
    """All matches in a text of turns separated by `|`."""
    stream = MatchStream(Matcher([phrase(p) for p in phrases]), party)
    matches: list[Match] = []
    now = 0
    for turn in text.split("|"):
        for token in tokens(turn, now, party):
            matches += stream.feed(token)
            now = token.end_ms
        matches += stream.end_utterance(now)
        now += PAUSE_MS
    return matches


def quotes(phrases: Sequence[str | Phrase], text: str) -> list[str]:
    return [match.quote for match in listen(phrases, text)]

"""Which side of a call is the agent's, by what is said on it.

The agent greets, offers help and closes: with the scripts of the packs, or with
what every hotline says. A customer asks for things of his own. Words are
compared by sound, as a recogniser mistakes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from monitor.events import Party, Token, Utterance
from monitor.language.phrases import Matcher, MatchStream, Phrase
from monitor.rules import Rulebook

_LONG = 6
"""Syllables; shorter scripts (“好的”, “请稍等”) are said by either side."""

_SCRIPT = 3
_SERVICE = 1
_CUSTOMER = 1

SURE = 3
"""By so much one side must sound more like the agent's than the other to be told apart: one long
script, or three of the phrases that every hotline uses."""

_SERVICES = (
    r"wei nin fu wu",
    r"(ke yi|neng) (wei|bang|gei) (nin|dao nin)|shen me ke yi bang|shen me neng bang",
    r"gong hao|hua wu yuan|ke fu dai biao",
    r"gan xie nin (de )?(lai dian|zhi chi|jie ting|nai xin)",
    r"qing nin? ?(shao deng|shao hou|nai xin deng)",
    r"wo (lai )?(bang|wei|gei) nin (cha|ban|kan|chu li|zhuan|he shi|deng ji|fan ying)",
    r"hai you (qi ta|bie de|shen me) .{0,30}(bang|wen ti|xu yao)",
    r"qing (nin )?(dui|gei) .{0,16}(ping jia|ping fen|da fen)",
    r"zhu nin (sheng huo|gong zuo|yu kuai|yi qie)",
    r"bao qian gei nin|xie xie nin de (li jie|pei he|deng hou)|gan xie nin de deng hou",
    r"qing wen nin|qing ti gong|he dui yi xia nin",
)
_REQUESTS = (
    r"wo (xiang|yao) (cha|wen|ban|tui|tou su|zi xun|jie yue|qu xiao|kai tong)",
    r"wo (jia )?(de )?(shou ji|kuan dai|hua fei|liu liang|hao ma) .{0,24}(mei|bu|duo|wei shen me)",
    r"ni men (zhe|na|shen me|zen me|gong si|ying ye)",
    r"wei shen me (duo )?kou|kou le wo",
    r"(bang|gei) wo (cha|kan|ban|tui|qu xiao|zhuan)",
)


def agents_side(rulebook: Rulebook, turns: Iterable[Utterance]) -> Party | None:
    """The party whose words are an agent's; None where the words do not tell."""
    said: dict[Party, list[Token]] = {party: [] for party in Party}
    for turn in turns:
        said[turn.party] += turn.tokens
    points = {party: agentlike(rulebook, tokens) for party, tokens in said.items()}
    ahead = points[Party.AGENT] - points[Party.CUSTOMER]
    if abs(ahead) < SURE:
        return None
    return Party.AGENT if ahead > 0 else Party.CUSTOMER


def agentlike(rulebook: Rulebook, tokens: list[Token]) -> int:
    """How much somebody's words are an agent's; below zero: a customer's. Each phrase counts once,
    as either side may repeat what the other one said."""
    sounds = " ".join(token.syllable for token in tokens if token.syllable)
    points = _SERVICE * sum(bool(re.search(rf"\b({form})\b", sounds)) for form in _SERVICES)
    points -= _CUSTOMER * sum(bool(re.search(rf"\b({form})\b", sounds)) for form in _REQUESTS)
    if not tokens or not rulebook.scripts:
        return points
    stream = MatchStream(_scripts(rulebook.scripts), tokens[0].party)
    found = [match for token in tokens for match in stream.feed(token)]
    found += stream.end_utterance(tokens[-1].end_ms)
    # A pack spells a script in many ways: what is said at one place is one of them.
    places: list[tuple[int, int]] = []
    for match in sorted(found, key=lambda match: match.start_ms):
        if not places or match.start_ms >= places[-1][1]:
            places.append((match.start_ms, match.end_ms))
    return points + _SCRIPT * len(places)


@lru_cache(maxsize=4)
def _scripts(texts: tuple[str, ...]) -> Matcher:
    return Matcher(
        [
            Phrase(text, text, role="script")
            for text in texts
            if len(text) >= _LONG and text.isalpha()
        ]
    )

"""`like` at work: what one party says, judged clause by clause for what it means.

A stretch of words is judged as soon as it is known to be complete: when two
more syllables have been heard, a pause has passed, or the turn is over. So the
judgement of a stretch depends on its own words alone, and not on how the sound
was cut. What is sure is reported at once; what is only likely waits for the end
of the turn, for a surer stretch may follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from monitor.events import Detail, Party, Token
from monitor.language.meaning.clauses import (
    LONGEST_TURN,
    LOOK_AHEAD,
    SHORT_TURN,
    windows_ending,
)
from monitor.language.meaning.encoder import Floats, load
from monitor.language.meaning.heads import Head
from monitor.language.meaning.library import head_of, stacked
from monitor.language.normalise import normalise
from monitor.rules.compiler.likes import CompiledLike
from monitor.rules.engine.like_match import LikeMatch
from monitor.rules.engine.speech_acts import BEFORE, BEHIND, mitigated

PAUSE_MS = 350
"""A pause of this length ends a clause."""


class _Char(NamedTuple):
    text: str
    token: int
    start_ms: int
    end_ms: int


class Meaning:
    """The families that one party's words are judged by; shared by every call."""

    def __init__(self, likes: Sequence[CompiledLike]) -> None:
        self.likes = tuple(likes)
        self.heads: tuple[Head, ...] = tuple(head_of(like.sentences) for like in likes)
        self._weights, self._bias = stacked(self.heads)

    def judge(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Logits float32 [texts, families], and the features [texts, H] they came from."""
        features = load().features(texts)
        # Rounded, so that a machine that adds in another order decides alike.
        logits: Floats = np.round(features @ self._weights + self._bias, 3)
        return logits, features


@lru_cache(maxsize=64)
def meaning_of(likes: tuple[CompiledLike, ...]) -> Meaning:
    """The families of a rulebook for one party, made ready once."""
    return Meaning(likes)


class Listening:
    """One party's words in one call."""

    def __init__(self, party: Party, meaning: Meaning) -> None:
        self._party = party
        self._meaning = meaning
        self._tokens = 0
        self._begin()

    def switch(self, meaning: Meaning) -> None:
        """Judge by other families from the next turn on."""
        self._meaning = meaning

    def _begin(self) -> None:
        self._chars: list[_Char] = []
        self._ends: list[int] = []
        self._looked = 0  # places before this one are decided
        self._found: dict[str, list[tuple[int, int]]] = {}  # what was sure, by family
        self._vetoed: set[str] = set()  # families that the whole turn speaks against
        self._likely: dict[str, tuple[tuple[int, int], LikeMatch]] = {}

    def feed(self, token: Token) -> list[LikeMatch]:
        """A committed syllable or word; returns what became sure with it."""
        number, self._tokens = self._tokens, self._tokens + 1
        if not self._meaning.likes:
            return []
        for char in normalise(token.text).text:
            self._chars.append(_Char(char, number, token.start_ms, token.end_ms))
        found: list[LikeMatch] = []
        while self._looked + LOOK_AHEAD <= len(self._chars):
            found += self._look(self._looked, token.end_ms)
            self._looked += 1
        return found

    def end(self, at_ms: int) -> list[LikeMatch]:
        """The turn is over; returns what it adds."""
        found: list[LikeMatch] = []
        while self._looked < len(self._chars):
            found += self._look(self._looked, at_ms)
            self._looked += 1
        if self._chars:
            found += self._close(at_ms)
        self._begin()
        return found

    def _text(self, start: int, stop: int) -> str:
        return "".join(char.text for char in self._chars[start:stop])

    def _look(self, at: int, at_ms: int) -> list[LikeMatch]:
        """Whether a clause ends before character `at`; if so, what ends there is judged."""
        if not at:
            return []
        before, after = self._chars[at - 1], self._chars[at]
        paused = after.start_ms - before.end_ms >= PAUSE_MS
        left = self._text(max(0, at - LOOK_AHEAD), at)
        if not paused and not load().cutter.ends(left, self._text(at, at + LOOK_AHEAD)):
            return []
        self._ends.append(at)
        return self._judge(list(windows_ending(self._ends, len(self._ends) - 1)), at_ms)

    def _close(self, at_ms: int) -> list[LikeMatch]:
        length = len(self._chars)
        self._ends.append(length)
        stretches = list(windows_ending(self._ends, len(self._ends) - 1))
        if length <= LONGEST_TURN and (0, length) not in stretches:
            stretches.append((0, length))
        found = self._judge(stretches, at_ms, over=True)
        # With what stands around it, a clause may mean something else: 电话里办不了，我帮您预约.
        for key in sorted(self._likely.keys() - self._vetoed):
            stretch, match = self._likely[key]
            if not any(_overlap(stretch, other) for other in self._found.get(key, ())):
                found.append(match)
        return found

    def _judge(
        self, stretches: Sequence[tuple[int, int]], at_ms: int, *, over: bool = False
    ) -> list[LikeMatch]:
        """What the stretches mean; `over`: the turn is, and the last one may be all of it."""
        if not stretches:
            return []
        logits, features = self._meaning.judge([self._text(*s) for s in stretches])
        found: list[LikeMatch] = []
        for stretch, row, seen in zip(stretches, logits, features, strict=True):
            for like, head, logit in zip(
                self._meaning.likes, self._meaning.heads, map(float, row), strict=True
            ):
                forbids, limits = like.sentences.counts, head.thresholds
                if over and stretch == (0, len(self._chars)) and logit < limits.short_likely:
                    self._vetoed.add(like.key)
                whole = over and stretch == (0, len(self._chars))
                whole = whole and stretch[1] <= SHORT_TURN
                likely = limits.short_likely if whole else limits.likely
                surely = limits.short_sure if whole else limits.sure
                if logit < (likely if forbids else limits.said):
                    continue
                if any(_overlap(stretch, m) for m in self._found.get(like.key, ())):
                    continue
                sure = not forbids or logit >= surely
                match = self._match(stretch, like, head, logit, seen, sure, at_ms)
                if match is None:
                    continue
                if sure:
                    self._found.setdefault(like.key, []).append(stretch)
                    found.append(match)
                    continue
                best = self._likely.get(like.key)
                if best is None or best[1].similarity < match.similarity:
                    self._likely[like.key] = stretch, match
        return found

    def _match(
        self,
        stretch: tuple[int, int],
        like: CompiledLike,
        head: Head,
        logit: float,
        features: Floats,
        sure: bool,
        at_ms: int,
    ) -> LikeMatch | None:
        start, stop = stretch
        words = self._text(start, stop)
        behind = self._text(stop, min(stop + BEHIND, len(self._chars)))
        before = self._text(max(0, start - BEFORE), start)
        if like.sentences.counts and mitigated(before, words, behind):
            return None
        near = head.nearest(features)
        first, last = self._chars[start], self._chars[stop - 1]
        evidence: dict[str, Detail] = {
            "family": like.name,
            "score": head.score(logit),
            "sure": sure,
            "nearest": [{"example": text, "alike": alike} for text, alike in near],
        }
        return LikeMatch(
            key=like.key,
            pattern=near[0][0],
            party=self._party,
            start_ms=first.start_ms,
            end_ms=last.end_ms,
            at_ms=max(at_ms, last.end_ms),
            first_token=first.token,
            last_token=last.token,
            quote=words,
            similarity=head.score(logit),
            cost=0.0,
            budget=0.0,
            sure=sure,
            like=evidence,
        )


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]

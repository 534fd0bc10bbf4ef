"""What the spotter found, told as the matcher tells it: one `Match` type for both.

spotter = PartySpotter(Spotter(phrases, recognizer.inventory), Party.AGENT)
stream = recognizer.stream(Party.AGENT, spotter)
tokens = stream.feed(chunk)
for match in spotter.take(tokens, stream.settled_ms): ...
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitor.asr.ctc import TRAIL_MS
from monitor.asr.spotting import FLOOR, Node, Spotted, Spotter, SpottingStream, syllables
from monitor.events import Party, Token
from monitor.rules.match.slots import SLOTS
from monitor.rules.match.units import Unit, split
from monitor.rules.match.values import Match, Step, StepKind

if TYPE_CHECKING:
    from monitor.asr.decode import Posteriors

_KEPT_TOKENS = 200
_SAME = -1.0
_SIMILAR = -4.0
"""Nats in its best frame from which a syllable was heard, or at least considered."""


class PartySpotter:
    """Spots phrases for one party; a `Tap` of its recogniser's stream.

    A finding becomes a `Match` when the tokens it lies on have been committed.
    Costs are in edits as the matcher's are: one edit is a syllable of which
    nothing was heard at all (`FLOOR` nats).
    """

    def __init__(self, spotter: Spotter, party: Party) -> None:
        self._spotter = spotter
        self._party = party
        self._stream: SpottingStream | None = None
        self._start_ms = self._frame_ms = 0
        self._found: deque[tuple[Spotted, int]] = deque()  # with the start of its stretch
        self._tokens: deque[Token] = deque(maxlen=_KEPT_TOKENS)
        self._count = 0  # tokens taken in all

    def begin(self, start_ms: int, frame_ms: int) -> None:
        self._stream = self._spotter.stream()
        self._start_ms, self._frame_ms = start_ms, frame_ms

    def hear(self, posteriors: Posteriors) -> None:
        if self._stream is not None:
            self._found += [(found, self._start_ms) for found in self._stream.feed(posteriors)]

    def end(self) -> None:
        if self._stream is not None:
            self._found += [(found, self._start_ms) for found in self._stream.finish()]
        self._stream = None

    def take(self, tokens: Sequence[Token], settled_ms: int) -> list[Match]:
        """Take the party's next committed tokens.

        Args:
            tokens: what the recogniser's stream returned.
            settled_ms: the stream's; findings that end before it are told.
        """
        self._tokens += tokens
        self._count += len(tokens)
        matches = []
        while self._found:
            found, start_ms = self._found[0]
            if self._stream is not None and start_ms + found.end * self._frame_ms >= settled_ms:
                break
            self._found.popleft()
            match = self._match(found, start_ms, settled_ms)
            if match is not None:
                matches.append(match)
        return matches

    def _match(self, found: Spotted, start_ms: int, at_ms: int) -> Match | None:
        """The finding with its words; None if there are none, or a slot has no value."""
        first_ms = start_ms + found.start * self._frame_ms
        last_ms = start_ms + (found.end + 1) * self._frame_ms
        inside = self._between(first_ms, last_ms)
        if not inside:
            return None
        slots: dict[str, str] = {}
        steps = []
        for node, (first, last), score in zip(found.path, found.spans, found.scores, strict=True):
            heard = self._between(
                start_ms + first * self._frame_ms, start_ms + (last + 1) * self._frame_ms
            )
            text = "".join(token.text for _, token in heard)
            if node.slot:
                value = _value(node.slot, [u for at, t in heard for u in split(t, at)])
                if value is None:
                    return None
                slots[node.slot] = value
            steps.append(_step(node, text, heard, score))
        count = syllables(found.path)
        cost = found.score * count / FLOOR
        return Match(
            key=found.phrase.key,
            pattern=found.phrase.text,
            party=self._party,
            start_ms=first_ms,
            end_ms=last_ms,
            at_ms=max(at_ms, last_ms),
            first_token=inside[0][0],
            last_token=inside[-1][0],
            quote="".join(token.text for _, token in inside),
            similarity=round(1 - cost / count, 4),
            cost=round(cost, 4),
            budget=round(found.threshold * count / FLOOR, 4),
            alignment=tuple(steps),
            slots=slots,
        )

    def _between(self, first_ms: int, last_ms: int) -> list[tuple[int, Token]]:
        """Tokens, with their running numbers, that the network heard between two times."""
        oldest = self._count - len(self._tokens)
        slack_ms = self._frame_ms  # decoder and spotter may differ by a frame
        return [
            (number, token)
            for number, token in enumerate(self._tokens, start=oldest)
            if first_ms - slack_ms <= token.end_ms - TRAIL_MS - self._frame_ms < last_ms + slack_ms
        ]


def _step(node: Node, text: str, heard: Sequence[tuple[int, Token]], score: float) -> Step:
    sounds = " ".join(token.syllable for _, token in heard)
    if node.gap_frames:
        kind = StepKind.SLOT if node.slot else StepKind.GAP
        return Step(kind, text, "", sounds, "", 0.0)
    kind = StepKind.SAME
    if score < _SAME:
        kind = StepKind.SIMILAR if score >= _SIMILAR else StepKind.SUBSTITUTED
    cost = round(score / FLOOR, 4)
    return Step(kind, text, node.characters, sounds, node.sound, cost)


def _value(slot: str, units: Sequence[Unit]) -> str | None:
    """The longest value of a slot among the units, None if there is none."""
    values = [
        (count, value) for at in range(len(units)) for count, value in SLOTS[slot].ends(units[at:])
    ]
    return max(values)[1] if values else None

"""Situations at work: they watch the call and say when they happen."""

from __future__ import annotations

from collections import deque

from typing_extensions import override

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import CallEnd, Party, Reading, Token
from monitor.language.phrases import Match
from monitor.rules.compiler.compiled import CompiledSituation
from monitor.rules.engine.evidence import of_match
from monitor.rules.engine.forbidden import Bounds, shown
from monitor.rules.engine.timed_queue import (
    RANK_READING,
    RANK_TIMER,
    TURN_GAP_MS,
    Happening,
    TimedQueue,
    Watcher,
)
from monitor.rules.language.pack import MEASURES


def watcher_of(ready: CompiledSituation) -> Watcher:
    """The watcher of a situation's kind."""
    situation = ready.situation
    if situation.said or situation.like:
        return PhraseText(ready)
    if situation.silent is not None:
        return Silent(ready)
    if situation.measure is not None:
        return OutOfBounds(ready)
    if situation.event is not None:
        return Telephony(ready)
    if situation.any_:
        return AnyOf(ready)
    return Released(ready)


class _Situation(Watcher):
    def __init__(self, ready: CompiledSituation) -> None:
        self.ready = ready

    def _happen(self, queue: TimedQueue, what: Happening) -> None:
        if queue.timeline.inside(self.ready.span, what.at_ms):
            queue.happen(self.ready.key, what)


class _Counted(_Situation):
    """Happens from its n-th time on."""

    def __init__(self, ready: CompiledSituation) -> None:
        super().__init__(ready)
        self._left = ready.situation.times - 1

    def _count(self, queue: TimedQueue, what: Happening) -> None:
        if not queue.timeline.inside(self.ready.span, what.at_ms):
            return
        if self._left:
            self._left -= 1
            return
        queue.happen(self.ready.key, what)


_KEPT_SHIELDS = 64
PROTECT_MS = 1500
"""A protecting phrase is waited for this long after the end of the words it protects."""


def _covers(shield: Match, match: Match) -> bool:
    """Whether at least half of the words of `match` are words of `shield`."""
    if shield.party is not match.party:
        return False
    common = min(shield.last_token, match.last_token) - max(shield.first_token, match.first_token)
    return 2 * (common + 1) >= match.last_token - match.first_token + 1


class PhraseText(_Counted):
    """`said`: one of the phrases was heard, and not inside one of `unless`.

    Phrases come with the tag (number, 0), those that protect from phrase
    number n with (n, 1), from every phrase with (0, 1).
    """

    def __init__(self, ready: CompiledSituation) -> None:
        super().__init__(ready)
        situation = ready.situation
        self._guarded = bool(situation.unless) or any(p.unless for p in situation.said)
        self._shields: deque[tuple[int, Match]] = deque(maxlen=_KEPT_SHIELDS)
        self._undecided: list[tuple[int, Match]] = []

    @override
    def heard(self, queue: TimedQueue, match: Match, tag: tuple[int, int]) -> None:
        number, protects = tag
        if protects:
            self._shields.append((number, match))
            return
        if not self._guarded:
            self._said(queue, match)
            return
        # What protects may end a little later than what it protects from.
        self._undecided.append((number, match))
        due = match.end_ms + PROTECT_MS
        queue.put(due, RANK_TIMER, self.ready.key, lambda: self._decide(queue, due))

    @override
    def ended(self, queue: TimedQueue, end: CallEnd) -> None:
        self._decide(queue, end.duration_ms + PROTECT_MS)

    def _decide(self, queue: TimedQueue, now_ms: int) -> None:
        due = [w for w in self._undecided if w[1].end_ms + PROTECT_MS <= now_ms]
        self._undecided = [w for w in self._undecided if w not in due]
        for number, match in due:
            if not any(n in (0, number) and _covers(shield, match) for n, shield in self._shields):
                self._said(queue, match)

    def _said(self, queue: TimedQueue, match: Match) -> None:
        evidence = of_match(match)
        what = Happening(match.end_ms, match.party, match.start_ms, match.quote, evidence)
        self._count(queue, what)


class OutOfBounds(_Counted):
    """`measure`: a reading is out of bounds."""

    def __init__(self, ready: CompiledSituation) -> None:
        super().__init__(ready)
        s = ready.situation
        assert s.measure is not None
        self._bounds = Bounds(s.measure, s.party, s.above, s.below)

    @override
    def measured(self, queue: TimedQueue, reading: Reading) -> None:
        bounds = self._bounds
        if (
            bounds.concerns(reading)
            and bounds.exceeded(reading.value, final=reading.final)
            and bounds.first(reading)
        ):
            quote = shown(reading.value, MEASURES[bounds.measure])
            evidence = bounds.describe(reading.value)
            what = Happening(reading.end_ms, reading.party, reading.start_ms, quote, evidence)
            self._count(queue, what)


class AnyOf(_Situation):
    """`any`: one of its members happened."""

    @override
    def happened(self, queue: TimedQueue, key: str, what: Happening) -> None:
        if key in self.ready.members:
            self._happen(queue, what)


class Released(_Situation):
    """`released_by`: the call was released by this party."""

    @override
    def ended(self, queue: TimedQueue, end: CallEnd) -> None:
        party = self.ready.situation.released_by
        if party is not None and end.released_by == party.value:
            self._happen(queue, Happening(end.duration_ms, party))


class Telephony(_Situation):
    """`event`: what the telephone system noted in the call's facts."""

    @override
    def start(self, queue: TimedQueue) -> None:
        events = queue.info.facts.get("events", [])
        if not isinstance(events, list):
            raise _bad_event(queue, events)
        for event in events:
            if not isinstance(event, dict):
                raise _bad_event(queue, event)
            at_ms = event.get("at_ms")
            if not isinstance(at_ms, int) or not isinstance(event.get("name"), str):
                raise _bad_event(queue, event)
            if event["name"] == self.ready.situation.event and at_ms >= queue.now_ms:
                self._plan(queue, at_ms, event.get("party"))

    def _plan(self, queue: TimedQueue, at_ms: int, named: object) -> None:
        party = Party(named) if named in [p.value for p in Party] else None
        if self.ready.situation.party in (None, party):
            what = Happening(at_ms, party)
            queue.put(at_ms, RANK_READING, self.ready.key, lambda: self._happen(queue, what))


def _bad_event(queue: TimedQueue, event: object) -> UserError:
    return UserError(
        tr(
            f"通话 {queue.info.id}:facts.events 应为 [{{name: hold, at_ms: 12000}}],却是 {event!r}",
            f"call {queue.info.id}: facts.events must be [{{name: hold, at_ms: 12000}}], "
            f"not {event!r}",
        )
    )


class Silent(_Situation):
    """`silent`: a party (or everybody) has said no word for a while.

    One timer is under way at most; when it rings it looks again from where the
    silence now began.
    """

    def __init__(self, ready: CompiledSituation) -> None:
        super().__init__(ready)
        assert ready.situation.silent is not None
        self._length = ready.situation.silent
        self._party = ready.situation.party
        self._last_end = 0
        self._fired: int | None = None
        self._armed = False

    @override
    def start(self, queue: TimedQueue) -> None:
        for said in queue.tokens.values():  # after a reload: what was said before
            for token in said[-1:]:
                if self._party in (None, token.party):
                    self._last_end = max(self._last_end, token.end_ms)
        self._arm(queue)

    @override
    def spoke(self, queue: TimedQueue, token: Token) -> None:
        if self._party in (None, token.party):
            self._last_end = max(self._last_end, token.end_ms)
            self._arm(queue)

    @override
    def happened(self, queue: TimedQueue, key: str, what: Happening) -> None:
        self._arm(queue)

    def _since(self, queue: TimedQueue) -> int | None:
        """Where the silence is counted from; None while its `after` has not happened."""
        after = self.ready.span.after
        if not after:
            return self._last_end
        anchor = queue.timeline.last_before(after, queue.now_ms + 1)
        return None if anchor is None else max(anchor, self._last_end)

    def _arm(self, queue: TimedQueue) -> None:
        since = self._since(queue)
        if self._armed or since is None or since == self._fired:
            return
        self._armed = True
        due = since + self._length
        queue.put(max(due, queue.now_ms), RANK_TIMER, self.ready.key, lambda: self._ring(queue))

    def _ring(self, queue: TimedQueue) -> None:
        self._armed = False
        since = self._since(queue)
        if since is None or since == self._fired:
            return
        due = since + self._length
        if due > queue.now_ms:
            self._arm(queue)
            return
        self._fired = since
        self._happen(queue, Happening(due, self._party, since, "", {"silent_from_ms": since}))


class Turns(Watcher):
    """The built-in `agent.starts`, `agent.stops` and the same of the customer.

    A turn ends with a pause of `TURN_GAP_MS`; its moment is the end of the last word.
    """

    def __init__(self, party: Party) -> None:
        self._party = party
        self._last_end: int | None = None
        self._armed = False

    @override
    def spoke(self, queue: TimedQueue, token: Token) -> None:
        if token.party is not self._party:
            return
        if self._last_end is None or token.start_ms - self._last_end >= TURN_GAP_MS:
            if self._armed:  # the pause ended as its timer was due
                self._armed = False
                self._stop(queue)
            queue.happen(f"{self._party}.starts", Happening(token.start_ms, self._party))
            self._last_end = token.end_ms
        self._last_end = max(self._last_end, token.end_ms)
        if not self._armed:
            self._armed = True
            self._set(queue)

    @override
    def ended(self, queue: TimedQueue, end: CallEnd) -> None:
        if self._armed:
            self._armed = False
            self._stop(queue)

    def _set(self, queue: TimedQueue) -> None:
        due = (self._last_end or 0) + TURN_GAP_MS
        queue.put(due, RANK_TIMER, f"{self._party}.stops", lambda: self._ring(queue, due))

    def _ring(self, queue: TimedQueue, due: int) -> None:
        if not self._armed:
            return
        if (self._last_end or 0) + TURN_GAP_MS > due:
            self._set(queue)
            return
        self._armed = False
        self._stop(queue)

    def _stop(self, queue: TimedQueue) -> None:
        assert self._last_end is not None
        queue.happen(f"{self._party}.stops", Happening(self._last_end, self._party))

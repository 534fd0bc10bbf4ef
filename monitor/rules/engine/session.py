"""`RuleSession`: the rules of one call. Events in, alerts and script states out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from monitor.base.i18n import tr
from monitor.events import (
    Alert,
    CallEnd,
    CallInfo,
    Event,
    Gap,
    Party,
    Reading,
    ScriptState,
    ScriptStatus,
    Spotted,
    Token,
    Utterance,
)
from monitor.language.phrases import Match, MatchStream
from monitor.rules.compiler.compiled import CompiledRule, Listener
from monitor.rules.compiler.lone_slots import Spotter
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.engine.alert_policy import Gate
from monitor.rules.engine.conditions import Verdict, facts_of, steady, tenure_ms
from monitor.rules.engine.forbidden import Avoid, Measured, Never
from monitor.rules.engine.meaning import Listening, meaning_of
from monitor.rules.engine.repeated import Repeat
from monitor.rules.engine.required import Must
from monitor.rules.engine.situations import Turns, watcher_of
from monitor.rules.engine.speech_acts import Excuse
from monitor.rules.engine.timed_queue import (
    LAG_MS,
    RANK_MATCH,
    RANK_READING,
    RANK_TOKEN,
    Happening,
    TimedQueue,
    Watcher,
)

Outcome = Alert | ScriptState
_FOREVER = 1 << 60
_CALL_LENGTH = "call_length"


class RuleSession:
    """The state of a rulebook in one call. No clock: time is that of the events.

    Feed events as they come; `settle` says what has been heard. The outcome
    depends on what was said when, not on the order across parties, nor on how
    often `settle` is called.
    """

    def __init__(self, rulebook: Rulebook, call: CallInfo) -> None:
        self._rulebook = rulebook
        self._queue = TimedQueue(call, Gate(_tenure(call)))
        self._streams: dict[Party, MatchStream] = {
            party: MatchStream(rulebook.matchers[party], party) for party in call.parties
        }
        self._spotters = {
            party: Spotter(party, rulebook.spots[party])
            for party in call.parties
            if rulebook.spots[party]
        }
        self._meanings = {
            party: Listening(party, meaning_of(rulebook.likes[party]))
            for party in call.parties
            if rulebook.likes.get(party)
        }
        self._watchers: dict[str, Watcher] = {}
        # By phrase and who said it: who listens, as what, and whether it may act at once.
        self._targets: dict[tuple[str, Party], list[tuple[Watcher, tuple[int, int], bool]]] = {}
        self._measures: dict[str, list[Watcher]] = {}
        self._listening: list[Watcher] = []
        self._wire(self._make())

    def start(self) -> list[Outcome]:
        """The scripts this call will be held to, and those that do not apply."""
        self._start(sorted(self._watchers))
        return self._queue.take()

    def feed(self, event: Event) -> list[Outcome]:
        """Take an event of the call; tokens and utterances of one party in order."""
        match event:
            case Token() | Spotted() | Utterance():
                if event.party in self._streams:
                    for found in self._heard(event):
                        self._matched(found)
            case Reading():
                self._put_reading(event)
            case Gap():
                self._queue.gaps.append(event)
            case _:
                pass
        return self._queue.take()

    def _heard(self, event: Token | Spotted | Utterance) -> Iterator[Match]:
        """The phrases that became certain with it."""
        stream = self._streams[event.party]
        match event:
            case Token():
                self._queue.hear(event)
                if self._listening:
                    self._put_token(event)
                yield from stream.feed(event)
                if event.party in self._spotters:
                    yield from self._spotters[event.party].feed(event)
                if event.party in self._meanings:
                    yield from self._meanings[event.party].feed(event)
            case Spotted():
                yield from stream.spot(event)
            case Utterance():
                yield from stream.end_utterance(event.end_ms)
                if event.party in self._meanings:
                    yield from self._meanings[event.party].end(event.end_ms)

    def settle(self, settled: Mapping[Party, int]) -> list[Outcome]:
        """Every event that starts before these times has been fed."""
        horizon = _FOREVER
        for party, stream in self._streams.items():
            known = settled.get(party, 0)
            horizon = min(horizon, known)
            for found in stream.advance(known):
                self._matched(found)
            if party in self._spotters:
                for found in self._spotters[party].advance(known):
                    self._matched(found)
        if horizon is not _FOREVER:
            self._queue.heard_ms = max(self._queue.heard_ms, horizon)
            self._queue.run(horizon - LAG_MS)
        return self._queue.take()

    def finish(self, end: CallEnd) -> list[Outcome]:
        """The call is over: decide everything that is still open."""
        queue = self._queue
        for stream in self._streams.values():
            for found in stream.end_utterance(end.duration_ms):
                self._matched(found)
        for spotter in self._spotters.values():
            for found in spotter.flush():
                self._matched(found)
        for listening in self._meanings.values():
            for found in listening.end(end.duration_ms):
                self._matched(found)
        self._put_reading(Reading(_CALL_LENGTH, end.duration_ms, "ms", 0, end.duration_ms))
        last = max((said[-1].end_ms for said in queue.tokens.values() if said), default=0)
        queue.run(max(end.duration_ms, last) + 1)
        queue.now_ms = max(queue.now_ms, end.duration_ms)
        situations = [k for k in self._watchers if not k.startswith("rule:")]
        for key in sorted(situations):
            self._watchers[key].ended(queue, end)
        queue.happen("call.end", Happening(max(end.duration_ms, last)))
        for key in sorted(self._watchers.keys() - set(situations)):
            self._watchers[key].ended(queue, end)
        return queue.take()

    def reload(self, rulebook: Rulebook) -> None:
        """Use other rules from the next token on; rules that did not change keep their state."""
        before, old = self._watchers, self._rulebook
        self._rulebook = rulebook
        for party, stream in self._streams.items():
            stream.switch(rulebook.matchers[party])
            if party in self._spotters or rulebook.spots[party]:
                spotter = self._spotters.setdefault(party, Spotter(party, {}))
                spotter.switch(rulebook.spots[party])
            if party in self._meanings or rulebook.likes.get(party):
                meaning = meaning_of(rulebook.likes.get(party, ()))
                self._meanings.setdefault(party, Listening(party, meaning)).switch(meaning)
        self._wire(self._make())
        kept = {key for key in self._watchers if key in before and _unchanged(key, old, rulebook)}
        self._wire({key: before[key] if key in kept else w for key, w in self._watchers.items()})
        for key in sorted(before.keys() - kept):
            dropped = before[key]
            if isinstance(dropped, Must):
                dropped.drop(self._queue)
        self._start(sorted(self._watchers.keys() - kept))

    def moments(self, situation: str) -> tuple[int, ...]:
        """When a situation (its key in the rulebook, or a built-in name) has happened."""
        return self._queue.timeline.moments(situation)

    @property
    def excused(self) -> tuple[tuple[str, Match, Excuse], ...]:
        """Forbidden words that were quoted, denied, supposed or turned round: rule, words, why."""
        return tuple(self._queue.excused)

    # -- wiring ---------------------------------------------------------------

    def _wire(self, watchers: dict[str, Watcher]) -> None:
        """Use these watchers: build the tables that lead to them."""
        book, parties = self._rulebook, self._queue.info.parties
        self._watchers = watchers
        self._targets = {}
        for phrase, listeners in book.listeners.items():
            for listener in listeners:
                for watcher, tag in self._who(listener):
                    prompt = isinstance(watcher, Never) and watcher.prompt
                    for party in (listener.party,) if listener.party else parties:
                        target = self._targets.setdefault((phrase, party), [])
                        target.append((watcher, tag, prompt))
        subscribers: defaultdict[str, list[Watcher]] = defaultdict(list)
        self._measures = defaultdict(list)
        self._listening = []
        for key in sorted(self._watchers):
            watcher = self._watchers[key]
            for situation in sorted(self._hangs_on(key)):
                subscribers[situation].append(watcher)
            measure = self._measure(key)
            if measure:
                self._measures[measure].append(watcher)
        wanted = frozenset().union(*(ready.depends for ready in book.rules.values()))
        for party in parties:
            key = f"turns:{party}"
            if wanted & {f"{party}.starts", f"{party}.stops"}:
                self._watchers.setdefault(key, Turns(party))
        self._listening = [
            self._watchers[key]
            for key in sorted(self._watchers)
            if type(self._watchers[key]).spoke is not Watcher.spoke
        ]
        self._queue.subscribers = subscribers

    def _make(self) -> dict[str, Watcher]:
        parties = set(self._queue.info.parties)
        made: dict[str, Watcher] = {}
        for key, situation in self._rulebook.situations.items():
            party = situation.situation.party
            if party is not None and party not in parties:
                continue
            if situation.situation.silent is not None and party is None and len(parties) < 2:
                continue  # the other side is not on the line: nobody knows who was silent
            made[f"situation:{key}"] = watcher_of(situation)
        for name, ready in self._rulebook.rules.items():
            made[f"rule:{name}"] = _watcher(ready)
        return made

    def _who(self, listener: Listener) -> list[tuple[Watcher, tuple[int, int]]]:
        if listener.kind == "slot":
            return [
                (self._watchers[f"rule:{name}"], (0, 0))
                for name, ready in self._rulebook.rules.items()
                if ready.slot == listener.key
            ]
        watcher = self._watchers.get(f"{listener.kind}:{listener.key}")
        return [(watcher, listener.tag)] if watcher is not None else []

    def _hangs_on(self, key: str) -> set[str]:
        kind, _, name = key.partition(":")
        if kind == "rule":
            ready = self._rulebook.rules[name]
            return {*ready.avoids, *ready.span.after, *ready.span.until}
        if kind == "situation":
            situation = self._rulebook.situations[name]
            return {*situation.members, *situation.span.after}
        return set()

    def _measure(self, key: str) -> str | None:
        kind, _, name = key.partition(":")
        if kind == "rule":
            return self._rulebook.rules[name].rule.measure
        if kind == "situation":
            return self._rulebook.situations[name].situation.measure
        return None

    def _start(self, keys: list[str]) -> None:
        """Start watchers; a rule that does not apply to this call falls silent."""
        silenced: dict[str, Watcher] = {}
        for key in keys:
            watcher = self._watchers[key]
            kind, _, name = key.partition(":")
            ready = self._rulebook.rules[name] if kind == "rule" else None
            if ready is None:
                watcher.start(self._queue)
                continue
            verdict = self._applies(ready, watcher)
            if verdict.holds:
                watcher.start(self._queue)
            elif not (isinstance(watcher, Must) and ready.rule.as_of == "call.end"):
                silenced[key] = Watcher()
                if isinstance(watcher, Must) and not _situational(ready):
                    self._queue.script(
                        ready,
                        ScriptStatus.NOT_APPLICABLE,
                        self._queue.now_ms,
                        evidence={"reason": verdict.reason},
                    )
        if silenced:
            self._wire({**self._watchers, **silenced})

    def _applies(self, ready: CompiledRule, watcher: Watcher) -> Verdict:
        info, party = self._queue.info, ready.rule.party
        if party is not None and party not in info.parties and not ready.avoids:
            return Verdict(None, tr(f"没有 {party.value} 声道", f"no {party.value} channel"))
        if isinstance(watcher, Must):
            return watcher.applies(self._queue)
        return steady(ready.conditions, facts_of(info, ready.timezone), ready.rule.grace or 0)

    # -- into the queue -------------------------------------------------------

    def _put_token(self, token: Token) -> None:
        def spoke() -> None:
            for watcher in self._listening:
                watcher.spoke(self._queue, token)

        self._queue.put(token.start_ms, RANK_TOKEN, token.party, spoke)

    def _put_reading(self, reading: Reading) -> None:
        if reading.name in self._measures:

            def measured() -> None:
                for watcher in self._measures.get(reading.name, ()):
                    watcher.measured(self._queue, reading)

            key = f"{reading.name}:{reading.party}"
            self._queue.put(reading.end_ms, RANK_READING, key, measured)

    def _matched(self, found: Match) -> None:
        spoken = (found.key, found.party)
        targets = self._targets.get(spoken, ())
        ordered = False
        for watcher, tag, prompt in targets:
            if prompt:
                watcher.heard(self._queue, found, tag)
            else:
                ordered = True
        if ordered:

            def heard() -> None:
                for watcher, tag, prompt in self._targets.get(spoken, ()):
                    if not prompt:
                        watcher.heard(self._queue, found, tag)

            self._queue.put(found.end_ms, RANK_MATCH, f"{found.party}:{found.key}", heard)


def _watcher(ready: CompiledRule) -> Watcher:
    rule = ready.rule
    if rule.forbids:
        return Never(ready)
    if rule.avoid:
        return Avoid(ready)
    if rule.measure is not None:
        return Measured(ready)
    if rule.repeat is not None:
        return Repeat(ready)
    return Must(ready)


def _situational(ready: CompiledRule) -> bool:
    """Whether the rule waits for something that may never happen."""
    return bool(set(ready.span.after) - {"call.start"}) or bool(
        not ready.span.after and set(ready.span.until) - {"call.end"}
    )


def _unchanged(key: str, old: Rulebook, new: Rulebook) -> bool:
    kind, _, name = key.partition(":")
    if kind == "turns":
        return True
    if kind == "situation":
        return name in old.situations and old.situations[name] == new.situations[name]
    if name not in old.rules or old.rules[name] != new.rules[name]:
        return False
    slot = new.rules[name].slot
    return all(
        old.situations.get(s) == new.situations.get(s) for s in new.rules[name].depends
    ) and (not slot or old.slots.get(slot) == new.slots.get(slot))


def _tenure(call: CallInfo) -> int | None:
    return tenure_ms(facts_of(call, "Asia/Shanghai"))

"""The second pass: what raised an alert is heard again by a slower, better recogniser.

An alert about words is a claim about a few seconds of audio. Those seconds go
to the second recogniser; if the rule's phrase is found in what it writes, the
alert is confirmed, else retracted. A recogniser that gives posteriors (`Scores`)
writes nothing down for that: it is asked how well the rule's phrases fit what it
hears around the alert. Both are new events with the alert's `id`, and both quotes
are in the evidence. No clock and no thread here: `live.py`
runs it beside a call, `batch.py` after one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from monitor.asr.protocol import Scores
from monitor.events import (
    SAMPLES_PER_MS,
    Alert,
    AlertState,
    CallEnd,
    Chunk,
    Detail,
    Event,
    Party,
    Samples,
    Speech,
    Token,
)
from monitor.language.phrases import MatchStream
from monitor.language.phrases.keywords import claimed
from monitor.rules.engine.certainty import UNCERTAIN

if TYPE_CHECKING:
    from monitor.asr.protocol import Recognizer
    from monitor.language.phrases import Match
    from monitor.rules import Rulebook
    from monitor.rules.compiler.compiled import CompiledRule, Listener


BEFORE_MS = 12_000
AFTER_MS = 5_000
"""How much of the turn around the alert's words is heard again at most. A turn that goes on
longer is not waited for."""

SCORED_BEFORE_MS = 2_500
SCORED_AFTER_MS = 1_500
"""How much around the alert's words is heard where phrases are scored: a window of at least 4 s."""

_LEAD_MS = 320  # the voice activity model opens late on soft initials
_KEPT_TURNS = 32
_KEPT_MS = BEFORE_MS + AFTER_MS + 30_000  # rules that look back may raise an alert late
_UNDERSTOOD = 0.6
"""A second recogniser that writes fewer syllables than this share of the alert's words, but some,
makes out too little to contradict: a voice or a line it does not know."""

_TOLERANCE_MS = 1_000
"""Two recognisers rarely place a syllable more than this apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """An alert and the audio (float32, one party, from `start_ms`) that is to settle it."""

    alert: Alert
    start_ms: int
    samples: Samples

    def around(self) -> Doubt:
        """The same with no more audio than scoring wants."""
        alert = self.alert
        first = max(0, alert.start_ms - SCORED_BEFORE_MS - self.start_ms)
        last = max(first, alert.end_ms + SCORED_AFTER_MS - self.start_ms)
        kept = self.samples[first * SAMPLES_PER_MS : last * SAMPLES_PER_MS]
        return Doubt(alert, self.start_ms + first, kept)


class SecondListener:
    """Judges alerts by what a second recogniser hears.

    Args:
        recognizer: the second recogniser.
        rulebook: the rules that raised the alerts.
    """

    def __init__(self, recognizer: Recognizer, rulebook: Rulebook) -> None:
        self.name = recognizer.name
        self._recognizer = recognizer
        self._rulebook = rulebook
        self._scores = recognizer if isinstance(recognizer, Scores) else None
        self.after_ms = AFTER_MS if self._scores is None else SCORED_AFTER_MS

    @property
    def scores(self) -> bool:
        """Whether it judges by scores around the alert, and needs no transcript for that."""
        return self._scores is not None

    def concerns(self, alert: Alert) -> bool:
        """Whether the alert is about words that were said (not about silence, or their lack)."""
        # What was found by its meaning has no phrase that could be listened for again.
        spoken = alert.quote and "like" not in alert.evidence and self._keys(alert)
        return alert.state is AlertState.RAISED and bool(spoken)

    def listen(self, doubt: Doubt) -> Alert:
        """Hear the audio again and judge.

        A recogniser that scores may be unable to say; the alert then comes back as it was raised,
        with the score in its evidence.
        """
        if self._scores is not None:
            return self._score(self._scores, doubt.around())
        stream = self._recognizer.stream(doubt.alert.party)
        tokens = stream.feed(Chunk(doubt.alert.party, doubt.start_ms, doubt.samples))
        return self.judge(doubt.alert, [*tokens, *stream.end_turn()])

    def _score(self, scores: Scores, doubt: Doubt) -> Alert:
        """Ask how well the rule's phrases fit; by text only where none can be sought so."""
        alert, keys = doubt.alert, self._keys(doubt.alert)
        phrases = claimed(self._rulebook.matchers[alert.party], keys)
        chunk = Chunk(alert.party, doubt.start_ms, doubt.samples)
        found, tokens = scores.score(chunk, phrases)
        near = [one for one in found if _near(alert, one.start_ms, one.end_ms)]
        if not near:
            told = {phrase.text for phrase in phrases}
            match = self._find(alert, tokens)
            heard = [token for token in tokens if _near(alert, token.start_ms, token.end_ms)]
            if match is None and 0 < len(heard) < _UNDERSTOOD * len(alert.quote):
                return self._open(alert, heard)
            return self._told(alert, tokens, None if match and match.pattern in told else match)
        best = max(near, key=lambda one: one.score)
        said = [t.text for t in tokens if t.end_ms > best.start_ms and t.start_ms < best.end_ms]
        second: dict[str, Detail] = {
            "recogniser": self.name,
            "quote": "".join(said),
            "phrase": best.phrase,
            "score": best.score,
            "limit": best.limit,
        }
        if best.score >= best.limit:
            return _verdict(alert, AlertState.CONFIRMED, second)
        return _undecided(alert, second, {"second": best.score, "needs_second": best.limit})

    def _open(self, alert: Alert, said: Sequence[Token]) -> Alert:
        """It makes out too little of this voice to deny anything."""
        second: dict[str, Detail] = {
            "recogniser": self.name,
            "quote": "".join(token.text for token in said),
        }
        return _undecided(alert, second, {"second_heard": len(said)})

    def judge(self, alert: Alert, tokens: Sequence[Token]) -> Alert:
        """The alert confirmed or retracted, given the second recogniser's tokens.

        `evidence["second"]` tells who heard what: `recogniser`, `quote`, and for a
        confirmation the `phrase` and its `similarity`.
        """
        return self._told(alert, tokens, self._find(alert, tokens))

    def _told(self, alert: Alert, tokens: Sequence[Token], found: Match | None) -> Alert:
        second: dict[str, Detail] = {"recogniser": self.name}
        if found is None:
            near = [t.text for t in tokens if _near(alert, t.start_ms, t.end_ms)]
            second["quote"] = "".join(near)
        else:
            second["quote"] = found.quote
            second["phrase"] = found.pattern
            second["similarity"] = round(found.similarity, 3)
        state = AlertState.RETRACTED if found is None else AlertState.CONFIRMED
        return _verdict(alert, state, second)

    def _find(self, alert: Alert, tokens: Sequence[Token]) -> Match | None:
        """The likeliest hit of one of the rule's phrases at the alert's place."""
        keys = self._keys(alert)
        stream = MatchStream(self._rulebook.matchers[alert.party], alert.party)
        found = [match for token in tokens for match in stream.feed(token)]
        if tokens:
            found += stream.end_utterance(tokens[-1].end_ms)
        hits = [m for m in found if m.key in keys and _near(alert, m.start_ms, m.end_ms)]
        return max(hits, key=lambda m: m.similarity, default=None)

    def _keys(self, alert: Alert) -> frozenset[str]:
        """The phrases that make the rule speak up, its own and those of what it avoids."""
        ready = self._rulebook.rules.get(alert.rule)
        if ready is None:
            return frozenset()
        return frozenset(
            phrase
            for phrase, listeners in self._rulebook.listeners.items()
            if any(_accuses(ready, listener) for listener in listeners)
        )


def _verdict(alert: Alert, state: AlertState, second: dict[str, Detail]) -> Alert:
    return replace(alert, state=state, evidence={**alert.evidence, "second": second})


def _undecided(alert: Alert, second: dict[str, Detail], why: Mapping[str, Detail]) -> Alert:
    """The alert as it was raised, with what keeps it from being certain."""
    known = alert.evidence.get(UNCERTAIN)
    uncertain: dict[str, Detail] = {**(known if isinstance(known, dict) else {}), **why}
    evidence: dict[str, Detail] = {**alert.evidence, "second": second, UNCERTAIN: uncertain}
    return replace(alert, evidence=evidence)


def _accuses(ready: CompiledRule, listener: Listener) -> bool:
    """Whether the rule speaks up when this listener hears its phrase."""
    if listener.kind == "rule":
        return listener.key == ready.id and ready.rule.forbids
    # Phrases of a situation with a second tag only protect.
    return listener.kind == "situation" and listener.key in ready.avoids and not listener.tag[1]


class Recheck:
    """Keeps the recent audio of a call and finds what of it should be heard again.

    Feed it every chunk the call gets, and every event the call gives. `ready`
    returns the alerts whose words and what followed them have been heard.
    """

    def __init__(self, parties: Iterable[Party], second: SecondListener) -> None:
        self._second = second
        self._audio = {party: _Recent() for party in parties}
        self._speech: dict[Party, list[Speech]] = {party: [] for party in self._audio}
        self._waiting: list[Alert] = []

    def hear(self, chunk: Chunk) -> None:
        """Audio of one party; it may overlap what was heard, or leave a gap."""
        self._audio[chunk.party].put(chunk.start_ms * SAMPLES_PER_MS, chunk.samples)

    def take(self, events: Iterable[Event]) -> list[Doubt]:
        """What the call gave; returns the alerts that can be heard again now."""
        over = False
        for event in events:
            match event:
                case Speech():
                    spoken = self._speech[event.party]
                    if spoken and spoken[-1].end_ms is None:
                        spoken.pop()
                    spoken.append(event)
                    del spoken[:-_KEPT_TURNS]
                case Alert() if event.party in self._audio and self._second.concerns(event):
                    self._waiting.append(event)
                case CallEnd():
                    over = True
                case _:
                    pass
        ready = [alert for alert in self._waiting if over or self._complete(alert)]
        self._waiting = [alert for alert in self._waiting if alert not in ready]
        return [self._doubt(alert) for alert in ready]

    def _complete(self, alert: Alert) -> bool:
        """Whether the turn is over, or so long that the rest of it does not matter."""
        turn = self._turn(alert)
        if turn is not None and turn.end_ms is not None:
            return True
        known_ms = alert.end_ms + self._second.after_ms
        return self._audio[alert.party].end >= known_ms * SAMPLES_PER_MS

    def _doubt(self, alert: Alert) -> Doubt:
        turn = self._turn(alert)
        first, last = alert.start_ms - BEFORE_MS, alert.end_ms + AFTER_MS
        if turn is not None:
            first = max(first, min(turn.start_ms, alert.start_ms) - _LEAD_MS)
            if turn.end_ms is not None:
                last = min(last, max(turn.end_ms, alert.end_ms) + _LEAD_MS)
        return Doubt(alert, *self._audio[alert.party].between(max(0, first), last))

    def _turn(self, alert: Alert) -> Speech | None:
        """The stretch of speech in which the alert's words end."""
        for speech in reversed(self._speech[alert.party]):
            if speech.start_ms - _LEAD_MS < alert.end_ms:
                return speech
        return None


class _Recent:
    """The last `_KEPT_MS` of one party's audio, by place."""

    def __init__(self) -> None:
        self.end = 0
        self._parts: list[tuple[int, Samples]] = []

    def put(self, start: int, samples: Samples) -> None:
        # Copied: a source may use its buffer again.
        self._parts.append((start, samples.copy()))
        self.end = max(self.end, start + len(samples))
        while self._parts and self._parts[0][0] < self.end - _KEPT_MS * SAMPLES_PER_MS:
            del self._parts[0]

    def between(self, first_ms: int, last_ms: int) -> tuple[int, Samples]:
        """(start in ms, samples); silence where nothing was heard."""
        first, last = first_ms * SAMPLES_PER_MS, min(last_ms * SAMPLES_PER_MS, self.end)
        out = np.zeros(max(0, last - first), np.float32)
        for start, samples in self._parts:
            a, b = max(first, start), min(last, start + len(samples))
            if a < b:
                out[a - first : b - first] = samples[a - start : b - start]
        return first_ms, out


class Rehearing:
    """Judges a recorded call's alerts one by one while its audio goes by once more.

    Args:
        second: a listener that scores.
        alerts: those of the call, in any order.
    """

    def __init__(self, second: SecondListener, alerts: Iterable[Alert]) -> None:
        self._second = second
        self._waiting = sorted((a for a in alerts if second.concerns(a)), key=lambda a: a.end_ms)
        self._audio: dict[Party, _Recent] = {}
        self._verdicts: list[Alert] = []

    def watch(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """The same chunks."""
        for chunk in chunks:
            recent = self._audio.setdefault(chunk.party, _Recent())
            recent.put(chunk.start_ms * SAMPLES_PER_MS, chunk.samples)
            yield chunk
            self._judge([alert for alert in self._waiting if self._complete(alert)])

    def verdicts(self) -> list[Alert]:
        """All verdicts; the audio is over."""
        self._judge(self._waiting)
        return self._verdicts

    def _complete(self, alert: Alert) -> bool:
        recent = self._audio.get(alert.party)
        last_ms = alert.end_ms + SCORED_AFTER_MS
        return recent is not None and recent.end >= last_ms * SAMPLES_PER_MS

    def _judge(self, ready: Sequence[Alert]) -> None:
        self._waiting = [alert for alert in self._waiting if alert not in ready]
        for alert in ready:
            recent = self._audio.setdefault(alert.party, _Recent())
            first = max(0, alert.start_ms - SCORED_BEFORE_MS)
            start_ms, samples = recent.between(first, alert.end_ms + SCORED_AFTER_MS)
            self._verdicts.append(self._second.listen(Doubt(alert, start_ms, samples)))


def _near(alert: Alert, start_ms: int, end_ms: int) -> bool:
    return start_ms < alert.end_ms + _TOLERANCE_MS and end_ms > alert.start_ms - _TOLERANCE_MS


def review(second: SecondListener, alerts: Iterable[Alert], tokens: Iterable[Token]) -> list[Alert]:
    """Judge a recorded call's alerts by the second recogniser's transcript of all of it.

    Returns the verdicts; alerts that are not about words have none.
    """
    heard: dict[Party, list[Token]] = {}
    for token in tokens:
        heard.setdefault(token.party, []).append(token)
    verdicts = []
    for alert in alerts:
        if second.concerns(alert):
            around = [
                token
                for token in heard.get(alert.party, ())
                if alert.start_ms - BEFORE_MS <= token.start_ms <= alert.end_ms + AFTER_MS
            ]
            verdicts.append(second.judge(alert, around))
    return verdicts

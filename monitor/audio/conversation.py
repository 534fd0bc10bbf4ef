"""What is measured of a conversation: pace, loudness, silence, overlap, talk share.

No audio comes in here: speech arrives as `Speech` (with its loudness), words as
`Token` and `Utterance`. The readings:

| name            | unit     | party              | span and value                             |
|-----------------|----------|--------------------|--------------------------------------------|
| silence         | ms       | owes the next word | nobody speaks, from 2 s; grows             |
| response_delay  | ms       | who answers        | from one's last word to the other's first  |
| interruption    | ms       | who cuts in        | how long the other had been speaking       |
| overlap         | ms       |                    | both speak, from 300 ms                    |
| monologue       | ms       | who speaks         | the other is silent, from 5 s; grows       |
| speech_rate     | char/min | who speaks         | an utterance, its pauses taken out         |
| loudness        | dBFS     | who speaks         | RMS of a stretch of speech                 |
| loudness_change | dB       | who speaks         | that, against the party's median so far    |
| shout           | dB       | who speaks         | the loudest 0.1 s, against that median     |
| pitch           | Hz       | who speaks         | median of a stretch of speech              |
| pitch_change    | st       | who speaks         | that, against the party's median so far    |
| pitch_range     | st       | who speaks         | 10th to 90th percentile in a stretch       |
| pitch_rise      | st       | who speaks         | its end, against its median                |
| noise           | dBFS     | whose channel      | background between the words, at the end   |
| clarity         | ratio    | who speaks         | mean confidence of an utterance's words    |
| clarity_change  | ratio    | who speaks         | that, against the party's median so far    |
| cut_off         | ms       | who was cut off    | had spoken so long, and gave way           |
| agitation       | index    | who speaks         | see `voice_readings.py`                    |
| talk_share      | ratio    | each               | the party's part of all speech, at the end |
| rate_difference | char/min | agent              | median rates, agent's less customer's, end |
"""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median

from monitor.audio.turn_taking import (
    Activity,
    Interruptions,
    Monologues,
    Overlaps,
    Silences,
    Tracker,
)
from monitor.audio.voice_readings import MIN_BASELINE, MIN_STRETCH_MS, VoiceReadings
from monitor.events import Event, Gap, Party, Reading, Speech, Token, Utterance

SPEECH_CLOSES_MS = 1_000
"""A stretch of speech is closed at most this long after its end (the VAD's hang-over and
more): speech still open at time t was going on at t minus this."""

MIN_RATE_SYLLABLES = 8
"""An utterance of fewer says little about a speaker's pace."""

PAUSE_MS = 300
"""A longer time between two syllables is a pause and does not count as speaking."""

_TAIL = 12  # syllables of the last words that tell who is to speak next
_HANZI = re.compile(r"[㐀-䶿一-鿿]")
_FAREWELL = re.compile(r"\b(zai jian|bai bai|zai hui)\b")
_WAIT = re.compile(r"\b(shao deng|shao hou|deng yi xia|deng yi deng|deng yi hui)\b")
_ASKED = re.compile(
    r"\b(ma|ne)$|\b(shen me|zen me|duo shao|na li|na ge|na yi|na wei|ji dian|gui xing"
    r"|shi bu shi|you mei you|hao bu hao|ke bu ke yi|neng bu neng|qing nin|qing ti gong"
    r"|ma fan nin)\b"
)


class Dynamics:
    """Measures one call.

    Feed events in any order that keeps each party's own; tell with `settle` up
    to where all have been fed. The final readings depend on the events alone,
    not on how often `settle` was called.
    """

    def __init__(self, parties: Sequence[Party]) -> None:
        self._parties = tuple(parties)
        self._known_ms = 0
        self._swept_ms = 0
        self._edges: list[tuple[int, int, Party, int]] = []  # heap: time, kind, party, +1 or -1
        self._open: dict[Party, int] = {}  # start of the open stretch
        self._active = dict.fromkeys(parties, 0)
        self._losses = 0
        self._activity = Activity()
        self._talked = dict.fromkeys(parties, 0)
        self._tails: dict[Party, deque[Token]] = {party: deque() for party in parties}
        self._loudness: dict[Party, list[float]] = {party: [] for party in parties}
        self._rates: dict[Party, list[float]] = {party: [] for party in parties}
        self._voices = {party: VoiceReadings(party) for party in parties}
        self._trackers: tuple[Tracker, ...] = (Silences(self._owed_by), Monologues())
        if len(self._parties) > 1:
            self._trackers += (Overlaps(), Interruptions())

    def feed(self, event: Event) -> list[Reading]:
        """Take an event; returns what it measures by itself. Others are ignored."""
        match event:
            case Speech():
                return list(self._speech(event))
            case Token():
                self._tails[event.party].append(event)
            case Utterance():
                rates = list(_speech_rate(event))
                self._rates[event.party] += [reading.value for reading in rates]
                return [*rates, *self._voices[event.party].uttered(event, rates)]
            case Gap():
                self._edge(event.start_ms, _LOSS, event.party, 1)
                self._edge(event.end_ms, _LOSS, event.party, -1)
        return []

    def settle(self, settled: Mapping[Party, int]) -> list[Reading]:
        """Every event that starts before these times (ms, per party) has been fed."""
        known = min(self._known_until(party, settled[party]) for party in self._parties)
        if known <= self._known_ms:
            return []
        self._known_ms = known
        readings = list(self._sweep(known))
        for tail in self._tails.values():
            while len(tail) > _TAIL and tail[_TAIL].start_ms < known:
                tail.popleft()
        return readings

    def finish(self, duration_ms: int) -> list[Reading]:
        """The call is over and all its events have been fed."""
        duration_ms = max(duration_ms, self._swept_ms)
        readings = list(self._sweep(duration_ms))
        for tracker in self._trackers:
            readings += tracker.end(duration_ms)
        for voice in self._voices.values():
            readings += voice.end(duration_ms)
        total = sum(self._talked.values())
        if len(self._parties) > 1 and total:
            readings += [
                Reading("talk_share", round(talked / total, 4), "ratio", 0, duration_ms, party)
                for party, talked in self._talked.items()
            ]
        if len(self._parties) > 1 and min(map(len, self._rates.values())) >= MIN_BASELINE:
            agent, customer = (median(self._rates[party]) for party in Party)
            difference = round(agent - customer, 1)
            readings.append(
                Reading("rate_difference", difference, "char/min", 0, duration_ms, Party.AGENT)
            )
        return readings

    def _speech(self, speech: Speech) -> Iterator[Reading]:
        party = speech.party
        if self._open.get(party) != speech.start_ms:
            self._edge(speech.start_ms, _SPEECH, party, 1)
        if speech.end_ms is None:
            self._open[party] = speech.start_ms
            return
        self._open.pop(party, None)
        self._edge(speech.end_ms, _SPEECH, party, -1)
        if speech.loudness_db is not None:
            yield from self._level(speech, speech.end_ms, speech.loudness_db)
            yield from self._voices[party].spoken(speech, speech.end_ms, speech.loudness_db)

    def _level(self, speech: Speech, end_ms: int, level: float) -> Iterator[Reading]:
        party, start_ms = speech.party, speech.start_ms
        yield Reading("loudness", level, "dBFS", start_ms, end_ms, party)
        if end_ms - start_ms < MIN_STRETCH_MS:
            return
        earlier = self._loudness[party]
        if len(earlier) >= MIN_BASELINE:
            change = round(level - median(earlier), 2)
            yield Reading("loudness_change", change, "dB", start_ms, end_ms, party)
        earlier.append(level)

    def _edge(self, at_ms: int, kind: int, party: Party, step: int) -> None:
        heapq.heappush(self._edges, (max(at_ms, self._swept_ms), kind, party, step))

    def _known_until(self, party: Party, settled_ms: int) -> int:
        """Up to when it is certain whether the party speaks."""
        start_ms = self._open.get(party)
        if start_ms is None:
            return settled_ms
        return max(start_ms, settled_ms - SPEECH_CLOSES_MS)

    def _sweep(self, until_ms: int) -> Iterator[Reading]:
        """Let time pass up to `until_ms`, change by change."""
        while self._edges and self._edges[0][0] < until_ms:
            at_ms = self._edges[0][0]
            yield from self._lapse(at_ms)
            before, after = self._activity, self._after_changes_at(at_ms)
            self._activity = after
            for tracker in self._trackers:
                yield from tracker.change(at_ms, before, after)
        yield from self._lapse(until_ms)

    def _lapse(self, until_ms: int) -> Iterator[Reading]:
        for party in self._activity.since:
            self._talked[party] += until_ms - self._swept_ms
        self._swept_ms = until_ms
        for tracker in self._trackers:
            yield from tracker.lapse(until_ms)

    def _after_changes_at(self, at_ms: int) -> Activity:
        since = dict(self._activity.since)
        while self._edges and self._edges[0][0] == at_ms:
            _, kind, party, step = heapq.heappop(self._edges)
            if kind == _LOSS:
                self._losses += step
            else:
                self._active[party] += step
        for party, active in self._active.items():
            if active <= 0:
                since.pop(party, None)
            else:
                since.setdefault(party, at_ms)
        return Activity(since, self._losses > 0)

    def _owed_by(self, silent: frozenset[Party], at_ms: int) -> Party | None:
        """Who owes the next word when these parties fell silent at `at_ms`.

        The agent runs the call: silence is the agent's unless the agent asked
        for something, or both have said goodbye. Nobody's when only one party
        is heard. Words are compared by sound, as a recogniser mistakes them.
        """
        if len(self._parties) < 2:
            return None
        last = [token for token in self._tails[Party.AGENT] if token.start_ms < at_ms][-_TAIL:]
        said = " ".join(token.syllable for token in last if token.syllable)
        if silent == {Party.CUSTOMER} and not _FAREWELL.search(said):
            return Party.AGENT
        if _FAREWELL.search(said):
            return None
        if Party.AGENT in silent and not _WAIT.search(said) and _ASKED.search(said):
            return Party.CUSTOMER
        return Party.AGENT


_SPEECH, _LOSS = 0, 1


def _speech_rate(utterance: Utterance) -> Iterator[Reading]:
    """Characters per minute of speaking time."""
    tokens = utterance.tokens
    count = sum(_characters(token) for token in tokens)
    if count < MIN_RATE_SYLLABLES:
        return
    spoken_ms = tokens[-1].end_ms - tokens[0].start_ms
    for token, following in pairwise(tokens):
        pause_ms = following.start_ms - token.end_ms
        spoken_ms -= pause_ms if pause_ms > PAUSE_MS else 0
    if spoken_ms > 0:
        rate = round(count * 60_000 / spoken_ms, 1)
        yield Reading(
            "speech_rate", rate, "char/min", tokens[0].start_ms, tokens[-1].end_ms, utterance.party
        )


def _characters(token: Token) -> int:
    return len(_HANZI.findall(token.text)) or len(token.syllable.split())

"""A call that is already known – stored, or made up for an example – through the rules.

The law: replaying what a call's JSON keeps gives the alerts the call had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from monitor.audio.turn_taking import MIN_MONOLOGUE_MS, MIN_SILENCE_MS, STEP_MS
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import (
    Alert,
    AlertState,
    CallEnd,
    CallInfo,
    Gap,
    Party,
    Reading,
    ScriptState,
    Spotted,
    Token,
    Utterance,
    from_dict,
)
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.engine.session import RuleSession

_GROWING = MappingProxyType({"silence": MIN_SILENCE_MS, "monologue": MIN_MONOLOGUE_MS})
"""Readings that are reported on their way, and from which length on."""


@dataclass(frozen=True, slots=True)
class KnownCall:
    """What was heard in a call: its metadata, its turns, and what was measured."""

    info: CallInfo
    utterances: tuple[Utterance, ...]
    readings: tuple[Reading, ...] = ()
    gaps: tuple[Gap, ...] = ()
    end: CallEnd = field(default_factory=lambda: CallEnd(0))


def replay(rulebook: Rulebook, call: KnownCall) -> list[Alert | ScriptState]:
    """Everything the rules say about the call, in order."""
    return replay_session(rulebook, call)[1]


def standing(outcome: Iterable[Alert | ScriptState]) -> list[Alert]:
    """The alerts that were not taken back, in their last state, in the order they were raised."""
    last = {out.id: out for out in outcome if isinstance(out, Alert)}
    return [alert for alert in last.values() if alert.state is not AlertState.RETRACTED]


def replay_session(
    rulebook: Rulebook, call: KnownCall
) -> tuple[RuleSession, list[Alert | ScriptState]]:
    """The same, with the session as it is after the call."""
    session = RuleSession(rulebook, call.info)
    out = session.start()
    for gap in call.gaps:
        out += session.feed(gap)
    events = list(_in_order(call))
    starts = [_start(event) for event in events]
    settled = call.end.duration_ms
    horizon = [settled] * len(events)
    for number in range(len(events) - 1, -1, -1):
        settled = min(settled, starts[number])
        horizon[number] = settled
    for event, known_ms in zip(events, horizon, strict=True):
        out += session.settle(dict.fromkeys(call.info.parties, known_ms))
        out += session.feed(event)
    out += session.settle(dict.fromkeys(call.info.parties, call.end.duration_ms))
    return session, out + session.finish(call.end)


def from_json(data: Mapping[str, Any]) -> KnownCall:
    """The call of a call JSON (docs/call-json.md).

    Raises:
        UserError: a part of it is missing or not what it should be.
    """
    try:
        call = data["call"]
        info = CallInfo(
            id=str(call["id"]),
            source=str(call["source"]),
            parties=tuple(Party(party) for party in call["parties"]),
            recogniser=str(call.get("recogniser", "")),
            packs=tuple(f"{p['id']}@{p['version']}" for p in call.get("packs", ())),
            started_at=call.get("started_at"),
            direction=call.get("direction"),
            facts=call.get("facts") or {},
        )
        utterances = tuple(_utterance(part) for part in data["utterances"])
        readings = tuple(from_dict(Reading, part) for part in data.get("readings", ()))
        gaps = tuple(from_dict(Gap, part) for part in data.get("gaps", ()))
        last = max((u.end_ms for u in utterances), default=0)
        duration = call.get("duration_ms")
        end = CallEnd(last if duration is None else int(duration), call.get("released_by"))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UserError(
            tr(f"不是完整的通话 JSON：{error}", f"not a whole call JSON: {error}")
        ) from None
    return KnownCall(info, utterances, readings, gaps, end)


def _utterance(data: Mapping[str, Any]) -> Utterance:
    tokens = tuple(from_dict(Token, {"party": data["party"], **token}) for token in data["tokens"])
    party = data["party"]
    spotted = tuple(
        from_dict(Spotted, {"party": party, **found}) for found in data.get("spotted", ())
    )
    return Utterance(Party(party), int(data["start_ms"]), int(data["end_ms"]), tokens, spotted)


def grown(readings: Iterable[Reading]) -> list[Reading]:
    """The readings with those on their way put back before each final one."""
    found: list[Reading] = []
    for reading in readings:
        first = _GROWING.get(reading.name)
        if reading.final and first is not None:
            whole = reading.end_ms - reading.start_ms
            found += [
                replace(reading, value=float(ms), end_ms=reading.start_ms + ms, final=False)
                for ms in range(first, whole + 1, STEP_MS)
            ]
        found.append(reading)
    return found


_Known = Token | Spotted | Utterance | Reading


def _in_order(call: KnownCall) -> Sequence[_Known]:
    """By call time; what was spotted after the tokens known by then, a turn's end last."""
    keyed: list[tuple[tuple[int, int, str, int], _Known]] = []
    for utterance in call.utterances:
        last = utterance.start_ms
        for number, token in enumerate(utterance.tokens):
            last = max(last, token.end_ms)
            keyed.append(((last, 0, token.party, number), token))
        end = max(last, utterance.end_ms)
        for number, found in enumerate(utterance.spotted):
            keyed.append(((min(found.at_ms, end), 1, utterance.party, number), found))
        keyed.append(((end, 2, utterance.party, 0), utterance))
    for number, reading in enumerate(grown(call.readings)):
        keyed.append(((reading.end_ms, 3, reading.name, number), reading))
    return [event for _, event in sorted(keyed, key=lambda pair: pair[0])]


def _start(event: _Known) -> int:
    if isinstance(event, Spotted):
        return event.at_ms
    return event.end_ms if isinstance(event, Utterance | Reading) else event.start_ms

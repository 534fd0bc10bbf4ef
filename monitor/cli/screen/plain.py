"""The call as lines of text, for a pipe, a log file or a terminal that can do no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from monitor.base import labels
from monitor.base.i18n import tr
from monitor.events import Alert, Event, Gap, ScriptState, ScriptStatus, Utterance


class PlainScreen:
    """Prints one line per finished turn, alert, decided script and gap, as they come."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._missed: set[str] = set()

    def __enter__(self) -> PlainScreen:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._out.flush()

    def __call__(self, events: Sequence[Event], _now_ms: int) -> None:
        for event in events:
            if isinstance(event, ScriptState) and event.status is ScriptStatus.MISSED:
                self._missed.add(event.rule)
            elif isinstance(event, Alert) and not event.quote and event.rule in self._missed:
                continue  # the line on the missing script says it all
            for line in _lines(event):
                print(line, file=self._out)
        if events:
            self._out.flush()


def _lines(event: Event) -> list[str]:
    match event:
        case Utterance():
            return [f"[{labels.clock(event.start_ms)}] {labels.party(event.party)}: {event.text}"]
        case Alert():
            mark = labels.severity(event.severity)
            state = labels.alert_state(event.state)
            quote = tr(f"「{event.quote}」", f'"{event.quote}"') if event.quote else ""
            head = " ".join(
                part for part in (mark.sign, mark.name, state, event.title, quote) if part
            )
            lines = [f"[{labels.clock(event.at_ms)}] {head}"]
            again = labels.heard_again(event)
            if again:
                lines.append(f"        {tr('复核听到', 'Heard again')}: {again}")
            elif event.advice:
                lines.append(f"        {tr('建议说', 'Say instead')}: {event.advice}")
            return lines
        case ScriptState() if event.status in (ScriptStatus.MET, ScriptStatus.MISSED):
            mark = labels.script(event.status)
            lines = [f"[{labels.clock(event.at_ms)}] {mark.sign} {mark.name} {event.title}"]
            if event.status is ScriptStatus.MISSED and event.advice:
                lines.append(f"        {tr('应说', 'To be said')}: {event.advice}")
            return lines
        case Gap():
            span = f"{labels.clock(event.start_ms)}–{labels.clock(event.end_ms)}"
            return [f"[{span}] {labels.party(event.party)}: ({event.reason})"]
        case _:
            return []

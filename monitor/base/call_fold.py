"""What a call has come to so far: the one place where events become a state.

The call JSON, the terminal's screen and the server's picture of a running call are views
of this fold; the browser's board (`web/static/js/board.js`) is tested against it event by event.
"""

from __future__ import annotations

from monitor.events import (
    Alert,
    AlertState,
    CallEnd,
    CallInfo,
    Event,
    Gap,
    Party,
    Reading,
    ScriptState,
    Speech,
    Token,
    Utterance,
)


class CallFold:
    """The last state of everything that changes, and in order what does not.

    Attributes:
        info: None until the call has begun.
        end: None until it is over.
        utterances: finished turns, in the order in which they were finished.
        open: per party, the tokens of the turn that is not finished.
        readings: the final ones, in order.
        gaps: audio that was lost or not processed.
        talking: whose speech is open.
        alerts: by id, each in its last state, in the order in which they were raised.
        scripts: by rule and occurrence, each in its last state.
    """

    def __init__(self) -> None:
        self.info: CallInfo | None = None
        self.end: CallEnd | None = None
        self.utterances: list[Utterance] = []
        self.open: dict[Party, list[Token]] = {}
        self.readings: list[Reading] = []
        self.gaps: list[Gap] = []
        self.talking: set[Party] = set()
        self.alerts: dict[str, Alert] = {}
        self.scripts: dict[tuple[str, int], ScriptState] = {}

    def take(self, event: Event) -> None:
        """The next event; nothing else changes the state."""
        match event:
            case Token():
                self.open.setdefault(event.party, []).append(event)
            case Utterance():
                self.utterances.append(event)
                # Its tokens are in it now; later ones belong to the next turn.
                self.open[event.party] = [
                    token
                    for token in self.open.get(event.party, ())
                    if token.start_ms >= event.end_ms
                ]
            case Speech():
                (self.talking.add if event.end_ms is None else self.talking.discard)(event.party)
            case Alert():
                self.alerts[event.id] = event
            case ScriptState():
                self.scripts[event.rule, event.occurrence] = event
            case Reading() if event.final:
                self.readings.append(event)
            case Gap():
                self.gaps.append(event)
            case CallInfo():
                self.info = event
            case CallEnd():
                self.end = event
                self.talking.clear()
            case _:
                pass

    def standing(self) -> list[Alert]:
        """The alerts that were not taken back, in the order in which they were raised."""
        return [a for a in self.alerts.values() if a.state is not AlertState.RETRACTED]

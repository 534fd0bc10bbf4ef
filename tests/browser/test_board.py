"""The browser's board beside the terminal's: the same events give the same picture."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.audio import file as audio_file
from monitor.call import live
from monitor.call.engine import Engine
from monitor.cli.screen.call_board import Board
from monitor.events import Event, Partial, ScriptStatus
from monitor.testing import fixtures
from tests.browser import talk
from tests.browser.conftest import Visit

# Events go in as they came, batch by batch; the board is told nothing else.
_FOLD = """async (batches) => {
  const { Board } = await import("/static/js/board.js");
  const board = new Board();
  for (const [nowMs, events] of batches) board.take(events, nowMs);
  const said = (line) => line.tokens.map((token) => token.text).join("");
  return {
    nowMs: board.nowMs,
    lines: board.lines.filter((line) => line.tokens.length || line.note)
      .map((line) => [line.party, line.startMs, said(line), line.note, line.open]),
    hits: board.lines.flatMap((line) => line.tokens.map((token) => board.hit(token)?.id ?? null)),
    alerts: [...board.alerts.values()].map((alert) => [alert.id, alert.state]),
    lead: board.lead()?.id ?? null,
    scripts: board.checklist().map((s) => [s.rule, s.occurrence, s.status]).sort(),
    share: board.share("agent"),
  };
}"""


@pytest.mark.parametrize("name", ["forbidden-phrases", "overlap", "missing-closing"])
def test_a_call_looks_the_same_on_both_screens(
    browser_page: Visit, embedded: Engine, name: str
) -> None:
    fixture = fixtures.load(name)
    parties = audio_file.parties(fixture.audio, None)
    batches: list[tuple[int, list[Event]]] = []

    def sink(events: Any, now_ms: int) -> None:
        batches.append((now_ms, list(events)))

    call = embedded.call(name, parties)
    live.play(call, audio_file.read_call(fixture.audio, parties), [sink])
    page = browser_page("wang", "/account")

    # In mid-call and at its end.
    for count in (len(batches) // 2, len(batches)):
        board = Board()
        for now_ms, events in batches[:count]:
            board.take(events, now_ms)
        sent = [(now, [talk.data(event) for event in events]) for now, events in batches[:count]]
        seen = page.evaluate(_FOLD, sent)
        assert seen["lines"] == [
            [line.party, line.start_ms, "".join(t.text for t in line.tokens), line.note, line.open]
            for line in board.lines
        ]
        tokens = [token for line in board.lines for token in line.tokens]
        marks = [board.hit(token) for token in tokens]
        assert seen["hits"] == [mark.id if mark else None for mark in marks]
        assert seen["alerts"] == [[alert.id, alert.state] for alert in board.alerts.values()]
        lead = next((a for a in board.cards() if a.interrupts), None)
        assert seen["lead"] == (lead.id if lead else None)
        assert seen["scripts"] == sorted(
            [state.rule, state.occurrence, state.status] for state in board.checklist()
        )
        assert all(state.status is not ScriptStatus.NOT_APPLICABLE for state in board.checklist())
        assert seen["nowMs"] == board.now_ms
    assert seen["share"] is not None


def test_a_folded_picture_equals_the_events_it_was_made_of(
    browser_page: Visit, embedded: Engine
) -> None:
    """What a panel is sent that opens in mid-call shows what one has that was there all along."""
    from monitor.web.snapshot import Snapshot

    fixture = fixtures.load("demo")
    parties = audio_file.parties(fixture.audio, None)
    events: list[Event] = []
    call = embedded.call("demo", parties)
    chunks = audio_file.read_call(fixture.audio, parties)
    live.play(call, chunks, [lambda more, _now_ms: events.extend(more)])
    kept = [talk.data(event) for event in events if not isinstance(event, Partial)]
    page = browser_page("wang", "/account")
    for count in (len(kept) // 3, len(kept) // 2, len(kept)):
        picture = Snapshot()
        for seq, event in enumerate(kept[:count]):
            picture.take(seq, event)
        whole = page.evaluate(_FOLD, [[0, kept[:count]]])
        folded = page.evaluate(_FOLD, [[0, picture.events()]])
        # Turns of both parties may be told in another order: by their end, not their start.
        whole["lines"].sort(key=lambda line: (line[1], line[0]))
        folded["lines"].sort(key=lambda line: (line[1], line[0]))
        del whole["hits"], folded["hits"]
        assert folded == whole

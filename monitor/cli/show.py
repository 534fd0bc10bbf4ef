"""What `demo` and `listen` share: the screen while the call runs, the scorecard after it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click
from rich.console import Console

from monitor.base.call_record import CallRecord
from monitor.call.engine import Engine
from monitor.call.live import Sink
from monitor.cli.clean_output import raw
from monitor.cli.screen.card import card_text
from monitor.cli.screen.page import PageScreen
from monitor.cli.screen.plain import PlainScreen
from monitor.rules.scorecard import Scorecard, scorecard


def run(
    loaded: Engine, play: Callable[[Sequence[Sink]], None], sinks: Sequence[Sink] = ()
) -> Scorecard:
    """Run a call (`play` is given the sinks) on the screen, then print its card."""
    record = CallRecord()
    console = Console(file=raw(sys.stdout))
    screen = PageScreen(console) if console.is_terminal else PlainScreen(sys.stdout)
    with screen:
        play([record, *sinks, screen])
    if console.is_terminal:
        # The page is gone with the call: leave what it found in the scroll-back.
        PlainScreen(sys.stdout)([*record.utterances, *record.alerts], 0)
    card = scorecard(loaded.rulebook, record.alerts, record.scripts)
    click.echo(card_text(card))
    return card

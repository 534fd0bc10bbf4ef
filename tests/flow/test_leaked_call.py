"""What the customer says is not the agent's, though the agent's channel has it too."""

from __future__ import annotations

import pytest

from monitor.call.engine import Engine
from monitor.events import Alert, Event, Party, Reading, Samples
from monitor.testing import fixtures
from monitor.testing.leaks import Leak

from .conftest import chunked, events_of, samples_of


@pytest.fixture(scope="module")
def rude_customer() -> dict[Party, Samples]:
    """Five forbidden phrases, all said by the customer."""
    audio = samples_of(fixtures.load("forbidden-phrases").audio)
    return {Party.AGENT: audio[Party.CUSTOMER], Party.CUSTOMER: audio[Party.AGENT]}


def _accused(events: list[Event]) -> list[str]:
    return [event.rule for event in events if isinstance(event, Alert) and event.quote]


@pytest.mark.parametrize("leak", [Leak(-6, 0), Leak(-20, 200, "room", seed=5)], ids=str)
def test_a_leak_accuses_nobody(
    embedded: Engine, rude_customer: dict[Party, Samples], leak: Leak
) -> None:
    leaking = dict(rude_customer)
    leaking[Party.AGENT] = leaking[Party.AGENT] + leak.of(leaking[Party.CUSTOMER])
    events = events_of(embedded, chunked(leaking, [1600]), tuple(Party))
    assert _accused(events) == []
    told = [event for event in events if isinstance(event, Reading) and event.name == "leaked"]
    assert len(told) >= 5
    assert {event.party for event in told} == {Party.AGENT}


def test_chunking_does_not_matter_to_a_leak(
    embedded: Engine, rude_customer: dict[Party, Samples]
) -> None:
    leaking = {party: samples[: 12 * 16_000] for party, samples in rude_customer.items()}
    leaking[Party.AGENT] = leaking[Party.AGENT] + Leak(-16, 90).of(leaking[Party.CUSTOMER])
    first, second = (
        events_of(embedded, chunked(leaking, sizes), tuple(Party)) for sizes in ([1600], [7, 4001])
    )
    assert first == second

"""Leaked speech is set aside window by window; what a party says itself is not touched."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.audio import file as audio_file
from monitor.audio.leak import LeakGate
from monitor.audio.leaked import Leaked
from monitor.audio.vad import WINDOW
from monitor.events import Party, Samples
from monitor.testing import fixtures
from monitor.testing.leaks import Codec, Leak, coded

_SPEECH_DB = -50.0


@pytest.fixture(scope="module")
def call() -> dict[Party, Samples]:
    """A bundled call in which both take turns."""
    parts: dict[Party, list[Samples]] = {party: [] for party in Party}
    for chunk in audio_file.read_call(fixtures.load("customer-says-it").audio):
        parts[chunk.party].append(chunk.samples)
    return {party: np.concatenate(chunks) for party, chunks in parts.items()}


def _set_aside(agent: Samples, customer: Samples) -> np.ndarray:
    """For each window, whether the agent's and the customer's was set aside; shape (n, 2)."""
    gate = LeakGate()
    told = []
    for at in range(0, len(agent) - WINDOW, WINDOW):
        kept = gate.feed(agent[at : at + WINDOW], customer[at : at + WINDOW])
        for side, samples in zip(gate.aside, kept, strict=True):
            assert not side or not samples.any()
        told.append(gate.aside)
    return np.array(told)


def _levels(samples: Samples) -> np.ndarray:
    """In dBFS, per window, as many as `_set_aside` gives."""
    windows = samples[: (len(samples) - 1) // WINDOW * WINDOW].reshape(-1, WINDOW)
    return np.asarray(10 * np.log10(np.square(windows).mean(1) + 1e-12))


@pytest.mark.parametrize(
    ("leak", "codec"),
    [
        (Leak(-3, 30, "telephone"), "mu-law"),
        (Leak(-10, 150, "room"), "pcm"),
        (Leak(-20, 390, "room", seed=2), "mu-law"),
        (Leak(-26, 0), "pcm"),
    ],
    ids=str,
)
@pytest.mark.parametrize("into", list(Party), ids=str)
def test_a_leak_is_set_aside(
    call: dict[Party, Samples], into: Party, leak: Leak, codec: Codec
) -> None:
    (other,) = [party for party in Party if party is not into]
    copy = leak.of(call[other])
    mixed = {**call, into: call[into] + copy}
    agent, customer = (coded(mixed[party], codec) for party in Party)
    aside = _set_aside(agent, customer)
    own, leaked = _levels(call[into]), _levels(copy)
    only_leak = (leaked > own + 10) & (leaked > leak.gain_db - 44)
    mine, theirs = list(Party).index(into), list(Party).index(other)
    assert aside[only_leak, mine].mean() > 0.85
    spoken = (own > leaked + 10) & (own > _SPEECH_DB)
    assert aside[spoken, mine].mean() < 0.01
    assert not aside[_levels(call[other]) > _SPEECH_DB, theirs].any()


def test_without_a_leak_nothing_is_set_aside(call: dict[Party, Samples]) -> None:
    assert not _set_aside(call[Party.AGENT], call[Party.CUSTOMER]).any()


def test_two_voices_at_once_are_both_left(call: dict[Party, Samples]) -> None:
    """The customer's words, moved onto the agent's."""
    agent = call[Party.AGENT]
    customer = np.roll(call[Party.CUSTOMER], -4 * 16_000)
    assert _set_aside(agent, customer).mean() < 0.01


def test_an_interruption_stands_out_of_a_known_leak(call: dict[Party, Samples]) -> None:
    customer = np.concatenate([call[Party.CUSTOMER]] * 2)
    silence = np.zeros_like(call[Party.AGENT])
    # The agent's first turn, put where the customer speaks the second time.
    said = call[Party.AGENT][: 5 * 16_000]
    start = len(silence) + int(np.flatnonzero(np.abs(call[Party.CUSTOMER]) > 0.05)[0])
    agent = np.concatenate([silence, silence])
    agent[start : start + len(said)] += said
    both = agent + Leak(-16, 40, "telephone").of(customer)
    aside = _set_aside(both, customer)
    spoken = _levels(agent) > -30
    assert aside[spoken, 0].mean() < 0.1


def test_what_was_set_aside_is_told(call: dict[Party, Samples]) -> None:
    leaked = Leaked((Party.AGENT, Party.CUSTOMER))
    agent = call[Party.AGENT] + Leak(-16, 40).of(call[Party.CUSTOMER])
    told = []
    for at in range(0, len(agent) - WINDOW, WINDOW):
        leaked.without([agent[at : at + WINDOW], call[Party.CUSTOMER][at : at + WINDOW]])
        told += leaked.told()
    told += leaked.finish(len(agent) // 16)
    *stretches, share = told
    assert {reading.name for reading in stretches} == {"leaked"}
    assert {reading.party for reading in told} == {Party.AGENT}
    assert all(reading.value == reading.end_ms - reading.start_ms for reading in stretches)
    assert share.name == "leaked_share"
    assert 0.2 < share.value < 0.8


def test_one_party_alone_has_nothing_to_leak(call: dict[Party, Samples]) -> None:
    leaked = Leaked((Party.AGENT,))
    window = call[Party.AGENT][:WINDOW]
    assert leaked.without([window])[0] is window
    assert leaked.finish(32) == []

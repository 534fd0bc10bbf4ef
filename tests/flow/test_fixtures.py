"""Every bundled call, through the default engine: what must be found is found, no more.

These are the tests that define the project: real audio files, the recogniser
and the rule pack a fresh install runs, and the same answer live and recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from monitor.audio import file as audio_file
from monitor.audio.headset import Listening
from monitor.base.call_record import CallRecord
from monitor.call import engine, live
from monitor.call.engine import Engine
from monitor.events import Chunk, Event, Gap
from monitor.testing import fixtures
from monitor.testing.fixtures import Fixture

from .conftest import chunked, events_of, samples_of

_FIXTURES = fixtures.load_all()
_SLACK_MS = 700  # how far from the words' true place a hit may be placed

_MISSED = {"natural-broadband": "recogniser 0.4 does not hear 你问我，我问谁啊 said quickly"}
"""Calls in which the recogniser misses what it should find. They stay: the next one must hear
them, and then (strictly) leaves this list."""

_by_name = pytest.mark.parametrize("fixture", _FIXTURES, ids=lambda f: f.name)


@pytest.fixture(scope="module")
def scored(embedded: Engine) -> Callable[[Fixture], CallRecord]:
    """The bundled call's record, as `monitor score` would make it; made once per call."""

    @cache
    def score(name: str) -> CallRecord:
        fixture = fixtures.load(name)
        parties = audio_file.parties(fixture.audio)
        call = embedded.call("test", parties)
        return engine.run(call, audio_file.read_call(fixture.audio, parties))

    return lambda fixture: score(fixture.name)


@pytest.mark.parametrize(
    "fixture",
    [
        pytest.param(f, marks=pytest.mark.xfail(reason=_MISSED[f.name], strict=True))
        if f.name in _MISSED
        else f
        for f in _FIXTURES
    ],
    ids=lambda f: f.name,
)
def test_what_must_be_found_is_found(
    fixture: Fixture, scored: Callable[[Fixture], CallRecord]
) -> None:
    record = scored(fixture)
    for expected in fixture.alerts:
        found = [
            alert
            for alert in record.alerts
            if alert.rule == expected.rule
            and alert.party is expected.party
            and expected.start_ms - _SLACK_MS <= alert.start_ms
            and alert.end_ms <= expected.end_ms + _SLACK_MS
        ]
        assert len(found) == 1, f"{expected.phrase}: {[a.rule for a in record.alerts]}"
    states = {script.rule: script.status for script in record.scripts}
    for script in fixture.scripts:
        assert states[script.rule] is script.status, script.phrase


@_by_name
def test_nothing_else_is_alleged(fixture: Fixture, scored: Callable[[Fixture], CallRecord]) -> None:
    spoken = [alert for alert in scored(fixture).alerts if "phrase" in alert.evidence]
    expected = {alert.rule for alert in fixture.alerts}
    assert {alert.rule for alert in spoken} - expected == set()
    assert not {alert.rule for alert in spoken} & set(fixture.quiet)


@_by_name
def test_live_equals_recorded(
    fixture: Fixture, embedded: Engine, scored: Callable[[Fixture], CallRecord]
) -> None:
    """Through the live loop, its queue and small chunks: the same record."""
    parties = audio_file.parties(fixture.audio)
    chunks = list(audio_file.read_call(fixture.audio, parties, block_ms=30))
    record = CallRecord()
    passes = iter([False, True])

    @contextmanager
    def capture(
        on_chunk: Callable[[Chunk], None], _on_gap: Callable[[Gap], None]
    ) -> Iterator[Listening]:
        for chunk in chunks:
            on_chunk(chunk)
        yield Listening()

    live.listen(
        embedded.call("test", parties),
        parties,
        capture,
        [record],
        settings=live.LiveSettings(backlog_ms=10**9),
        stop=lambda: next(passes),
    )
    recorded = scored(fixture)
    assert record.alerts == recorded.alerts
    assert record.scripts == recorded.scripts
    assert record.utterances == recorded.utterances
    assert record.readings == recorded.readings


@pytest.mark.parametrize("sizes", [[1, 9999], [333]], ids=str)
def test_any_chunking_gives_the_same_events(embedded: Engine, sizes: list[int]) -> None:
    fixture = fixtures.load("last-word")
    audio = samples_of(fixture.audio)
    parties = tuple(audio)

    def run(chunks: list[Chunk]) -> list[Event]:
        return events_of(embedded, chunks, parties)

    assert run(chunked(audio, sizes)) == run(chunked(audio, [1600]))

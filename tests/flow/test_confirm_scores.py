"""A second recogniser that scores: it weighs the rule's phrase and writes nothing down for that."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from monitor import rules
from monitor.asr.protocol import Scored
from monitor.asr.scripted import ScriptedRecognizer
from monitor.call.second_pass import (
    SCORED_AFTER_MS,
    SCORED_BEFORE_MS,
    Doubt,
    Rehearing,
    SecondListener,
)
from monitor.cli import options
from monitor.events import Alert, AlertState, Chunk, Party, ScriptState, Severity, Token
from monitor.language.phrases.keywords import Keyword
from monitor.rules import Rulebook
from monitor.rules.engine.certainty import UNCERTAIN
from monitor.rules.scorecard import scorecard
from tests.flow.test_confirm import FORBIDDEN, RULE, _raised, _say

AT_MS = 20_000


class Scoring(ScriptedRecognizer):
    """Finds what it is told to find, and remembers what it was given."""

    def __init__(self, found: Iterable[Scored], tokens: Iterable[Token] = ()) -> None:
        super().__init__(())
        self.found, self.heard = list(found), list(tokens)
        self.given: list[tuple[Chunk, tuple[Keyword, ...]]] = []

    def score(self, chunk: Chunk, phrases: tuple[Keyword, ...]) -> tuple[list[Scored], list[Token]]:
        self.given.append((chunk, phrases))
        return self.found, self.heard


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return rules.load(["unicom-10010"])


@pytest.fixture
def alert(rulebook: Rulebook) -> Alert:
    return _raised(rulebook, _say(FORBIDDEN, AT_MS))


def _doubt(alert: Alert) -> Doubt:
    return Doubt(alert, 0, np.zeros(60_000 * 16, np.float32))


def _found(score: float, at_ms: int = AT_MS) -> Scored:
    return Scored(FORBIDDEN, at_ms, at_ms + 1_200, score, -2.0)


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ([_found(-0.5)], AlertState.CONFIRMED),
        ([_found(-2.0)], AlertState.CONFIRMED),
        ([_found(-3.0)], AlertState.RAISED),
        ([_found(-3.0), _found(-0.1)], AlertState.CONFIRMED),
        ([_found(-0.1, AT_MS + 10_000)], AlertState.RETRACTED),  # said, but elsewhere
        ([], AlertState.RETRACTED),
    ],
)
def test_scores_confirm_deny_or_leave_it_open(
    rulebook: Rulebook, alert: Alert, found: list[Scored], state: AlertState
) -> None:
    recognizer = Scoring(found, _say("你问我我问谁", AT_MS))
    verdict = SecondListener(recognizer, rulebook).listen(_doubt(alert))
    assert verdict.state is state
    assert verdict.id == alert.id
    second = verdict.evidence["second"]
    assert isinstance(second, dict)
    assert second["quote"] == FORBIDDEN
    assert (UNCERTAIN in verdict.evidence) == (state is AlertState.RAISED)
    if state is AlertState.CONFIRMED:
        assert (second["phrase"], second["limit"]) == (FORBIDDEN, -2.0)


def test_a_voice_it_hardly_makes_out_is_left_open(rulebook: Rulebook, alert: Alert) -> None:
    second = SecondListener(Scoring([], _say("你我", AT_MS)), rulebook)
    verdict = second.listen(_doubt(alert))
    assert verdict.state is AlertState.RAISED
    assert UNCERTAIN in verdict.evidence
    silent = SecondListener(Scoring([]), rulebook).listen(_doubt(alert))
    assert silent.state is AlertState.RETRACTED


@pytest.mark.parametrize(
    ("given", "asr", "weights", "wanted"),
    [
        (None, None, True, "whisper-ctc"),
        (None, "embedded", True, "whisper-ctc"),
        (None, None, False, None),
        (None, "whisper-ctc", True, None),
        (None, "faster-whisper:whisper-base", True, None),
        ("none", None, True, None),
        ("embedded", None, True, "embedded"),
    ],
)
def test_whoever_has_the_weights_hears_alerts_twice(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: str | None,
    asr: str | None,
    weights: bool,
    wanted: str | None,
) -> None:
    monkeypatch.delenv(options.CONFIRM)
    monkeypatch.setattr("monitor.asr.models.obtainable", lambda name, engine: weights)
    assert options.confirmer(given, asr) == wanted
    told = capsys.readouterr().err
    assert ("--confirm none" in told) == (given is None and wanted is not None)


def test_the_environment_may_choose_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(options.CONFIRM, "sherpa:mine")
    assert options.confirmer(None, None) == "sherpa:mine"
    assert options.confirmer("none", None) is None


def test_only_the_rules_own_phrases_are_asked_for_around_the_words(
    rulebook: Rulebook, alert: Alert
) -> None:
    recognizer = Scoring([])
    SecondListener(recognizer, rulebook).listen(_doubt(alert))
    ((chunk, phrases),) = recognizer.given
    assert {phrase.text for phrase in phrases if phrase.tell} == {
        "你问我我去问谁",
        "你问我我问谁啊",
    }
    assert chunk.start_ms == alert.start_ms - SCORED_BEFORE_MS
    length_ms = len(chunk.samples) // 16
    assert chunk.start_ms + length_ms == alert.end_ms + SCORED_AFTER_MS


def test_what_was_written_does_not_outweigh_the_score(rulebook: Rulebook, alert: Alert) -> None:
    """The network denies the phrase, though its best spelling looks like it."""
    recognizer = Scoring([], _say(FORBIDDEN, AT_MS))
    verdict = SecondListener(recognizer, rulebook).listen(_doubt(alert))
    assert verdict.state is AlertState.RETRACTED


@pytest.mark.parametrize("step", [160, 16_000, 16_000 * 60])
def test_a_recordings_alerts_are_judged_while_it_goes_by(
    rulebook: Rulebook, alert: Alert, step: int
) -> None:
    recognizer = Scoring([_found(-0.5)])
    again = Rehearing(SecondListener(recognizer, rulebook), [alert])
    audio = np.linspace(0, 1, 30_000 * 16, dtype=np.float32)
    chunks = [
        Chunk(Party.AGENT, at // 16, audio[at : at + step]) for at in range(0, len(audio), step)
    ]
    assert list(again.watch(chunks)) == chunks
    (verdict,) = again.verdicts()
    assert verdict.state is AlertState.CONFIRMED
    ((chunk, _),) = recognizer.given
    np.testing.assert_array_equal(
        chunk.samples, audio[chunk.start_ms * 16 : chunk.start_ms * 16 + len(chunk.samples)]
    )


def test_a_recording_that_ends_too_soon_is_judged_by_what_there_is(
    rulebook: Rulebook, alert: Alert
) -> None:
    again = Rehearing(SecondListener(Scoring([]), rulebook), [alert])
    list(again.watch([Chunk(Party.AGENT, 0, np.zeros(16_000, np.float32))]))
    assert [verdict.state for verdict in again.verdicts()] == [AlertState.RETRACTED]


def test_a_fatal_finding_that_nobody_could_confirm_is_not_fatal_to_the_card() -> None:
    book = rules.load(["unicom-10010"])
    fatal = [
        name
        for name, ready in book.rules.items()
        if ready.rule.severity is Severity.FATAL and ready.rule.never and ready.rule.score.counts
    ]
    if not fatal:
        pytest.skip("no rule of the pack is fatal")
    nothing: list[ScriptState] = []
    said = Alert(
        "1", fatal[0], "", "", Severity.FATAL, Party.AGENT, 0, 900, 900, "谁", 1.0,
        evidence={"phrase": "谁"},
    )  # fmt: skip
    doubted = Alert(
        "1", fatal[0], "", "", Severity.FATAL, Party.AGENT, 0, 900, 900, "谁", 1.0,
        evidence={"phrase": "谁", UNCERTAIN: {"second": -3.0}},
    )  # fmt: skip
    assert any(line.fatal for line in scorecard(book, [said], nothing).lines)
    assert not any(line.fatal for line in scorecard(book, [doubted], nothing).lines)


def test_the_rule_is_the_one_the_tests_are_about(alert: Alert) -> None:
    assert alert.rule == RULE

"""What is measured of a conversation."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.audio.conversation import SPEECH_CLOSES_MS, Dynamics
from monitor.audio.turn_taking import MIN_MONOLOGUE_MS, MIN_OVERLAP_MS, MIN_SILENCE_MS, STEP_MS
from monitor.events import Event, Gap, Party, Reading, Speech, Token, Utterance

A, C = Party.AGENT, Party.CUSTOMER
BOTH = (A, C)
Stretch = tuple[Party, int, int]


def measure(
    stretches: list[Stretch],
    duration: int,
    step: int = 32,
    hang: int = 576,
    extra: list[Event] | None = None,
) -> list[Reading]:
    """Play stretches of speech as the VAD would: closed `hang` ms after their end.

    `extra` events are fed before everything else. `settle` is told every `step` ms.
    """
    dynamics = Dynamics(BOTH)
    timed: list[tuple[int, Speech]] = []
    for party, start, end in stretches:
        timed.append((start, Speech(party, start)))
        timed.append((min(end + hang, duration), Speech(party, start, end, -20.0)))
    timed.sort(key=lambda item: item[0])
    readings: list[Reading] = []
    for event in extra or []:
        readings += dynamics.feed(event)
    for now in range(step, duration + step, step):
        while timed and timed[0][0] < now:
            readings += dynamics.feed(timed.pop(0)[1])
        readings += dynamics.settle(dict.fromkeys(BOTH, min(now, duration)))
    for _, speech in timed:
        readings += dynamics.feed(speech)
    return readings + dynamics.finish(duration)


def named(readings: list[Reading], name: str, *, final: bool = True) -> list[Reading]:
    return [r for r in readings if r.name == name and r.final == final]


def spans(readings: list[Reading]) -> list[tuple[Party | None, int, int]]:
    return [(r.party, r.start_ms, r.end_ms) for r in readings]


def say(party: Party, start: int, syllables: str, each: int = 200) -> list[Event]:
    return [
        Token(party, "字", syllable, start + i * each, start + (i + 1) * each)
        for i, syllable in enumerate(syllables.split())
    ]


def test_silence_is_reported_every_second_and_once_at_its_end() -> None:
    readings = measure([(A, 0, 1000), (A, 5500, 6000)], 6000)
    assert [r.value for r in named(readings, "silence", final=False)] == [2000, 3000, 4000]
    assert spans(named(readings, "silence")) == [(A, 1000, 5500)]


def test_silence_lasts_to_the_end_of_the_call() -> None:
    assert spans(named(measure([(A, 0, 1000)], 9000), "silence")) == [(A, 1000, 9000)]
    assert spans(named(measure([], 4000), "silence")) == [(A, 0, 4000)]


def test_a_short_pause_is_no_silence() -> None:
    assert not named(measure([(A, 0, 1000), (C, 2900, 4000)], 4500), "silence")


@pytest.mark.parametrize(
    ("last", "said", "owes"),
    [
        (C, "", A),  # the customer has spoken: the agent answers
        (A, "hao de wo bang nin cha xun", A),
        (A, "qing nin shao deng", A),
        (A, "hai you qi ta wen ti ma", C),
        (A, "nin de dian hua shi duo shao", C),
        (A, "nin gui xing", C),
        (A, "gan xie nin de lai dian zai jian", None),
        (C, "gan xie nin de lai dian zai jian", None),
    ],
)
def test_silence_belongs_to_whoever_owes_the_next_word(
    last: Party, said: str, owes: Party | None
) -> None:
    stretches: list[Stretch] = [(A, 0, 3000)]
    if last is C:
        stretches.append((C, 3500, 4000))
    readings = measure(stretches, 12_000, extra=say(A, 0, said))
    assert [r.party for r in named(readings, "silence")] == [owes]


def test_words_after_the_silence_do_not_decide_who_owed_it() -> None:
    words = say(A, 0, "wo cha yi xia") + say(A, 6000, "nin hai zai ma")
    for step in (32, 10_000):
        readings = measure([(A, 0, 1000), (A, 6000, 7000)], 7500, step, extra=words)
        assert [r.party for r in named(readings, "silence")] == [A]


def test_response_delay_is_the_answerers() -> None:
    readings = measure([(C, 0, 1000), (A, 1700, 3000), (A, 4000, 5000)], 5000)
    assert spans(named(readings, "response_delay")) == [(A, 1000, 1700)]


def test_cutting_in_and_going_on_interrupts() -> None:
    readings = measure([(C, 1000, 6000), (A, 4000, 8000)], 9000)
    assert spans(named(readings, "interruption")) == [(A, 1000, 4000)]
    assert spans(named(readings, "overlap")) == [(None, 4000, 6000)]


def test_a_back_channel_does_not_interrupt() -> None:
    readings = measure([(C, 1000, 9000), (A, 4000, 4500)], 9500)
    assert not named(readings, "interruption")
    assert spans(named(readings, "overlap")) == [(None, 4000, 4500)]


def test_turns_that_touch_do_not_interrupt() -> None:
    readings = measure([(C, 1000, 5000), (A, 4900, 8000)], 9000)
    assert not named(readings, "interruption")
    assert not named(readings, "overlap")


def test_an_interruption_is_known_before_the_interrupter_has_finished() -> None:
    dynamics = Dynamics(BOTH)
    dynamics.feed(Speech(C, 0))
    dynamics.feed(Speech(A, 3000))
    heard = 3000 + 1000 + SPEECH_CLOSES_MS
    assert not named(dynamics.settle({A: heard - 1, C: heard - 1}), "interruption")
    assert spans(named(dynamics.settle({A: heard, C: heard}), "interruption")) == [(A, 0, 3000)]


def test_a_monologue_grows_across_short_pauses() -> None:
    readings = measure([(C, 0, 4000), (C, 5000, 8500), (A, 9000, 9500)], 10_000)
    assert [r.value for r in named(readings, "monologue", final=False)] == [
        5000, 6000, 7000, 8000,
    ]  # fmt: skip
    assert spans(named(readings, "monologue")) == [(C, 0, 8500)]


def test_a_back_channel_breaks_a_monologue() -> None:
    readings = measure([(C, 0, 14_000), (A, 6000, 6400)], 14_000)
    assert spans(named(readings, "monologue")) == [(C, 0, 6000), (C, 6400, 14_000)]


def test_a_long_pause_ends_a_monologue() -> None:
    readings = measure([(C, 0, 6000), (C, 8000, 14_000)], 14_000)
    assert spans(named(readings, "monologue")) == [(C, 0, 6000), (C, 8000, 14_000)]


def test_lost_audio_is_neither_silence_nor_an_answer_late() -> None:
    gap = Gap(A, 3000, 7000, "lost")
    readings = measure([(C, 0, 1000), (A, 8000, 9000)], 9000, extra=[gap])
    assert spans(named(readings, "silence")) == [(A, 1000, 3000)]
    assert not named(readings, "response_delay")


def test_speech_rate_counts_speaking_time_only() -> None:
    tokens = [e for e in say(A, 0, "a b c d e f") if isinstance(e, Token)]
    tokens += [e for e in say(A, 3200, "g h i j k l") if isinstance(e, Token)]
    utterance = Utterance(A, 0, 4400, tuple(tokens))
    (rate,) = named(Dynamics(BOTH).feed(utterance), "speech_rate")
    assert (rate.name, rate.unit, rate.party) == ("speech_rate", "char/min", A)
    assert rate.value == 300  # 12 characters in 2 × 1.2 s; the pause of 2 s is not speaking


def test_short_utterances_have_no_rate() -> None:
    tokens = tuple(e for e in say(A, 0, "a b c d e f g") if isinstance(e, Token))
    assert Dynamics(BOTH).feed(Utterance(A, 0, 1400, tokens)) == []


def test_loudness_is_compared_with_the_speakers_own() -> None:
    dynamics = Dynamics(BOTH)
    changes = []
    for number, level in enumerate([-20.0, -22.0, -24.0, -12.0, -40.0]):
        start = number * 2000
        # The customer's levels are his own.
        dynamics.feed(Speech(C, start, start + 1000, -60.0))
        changes += named(dynamics.feed(Speech(A, start, start + 1000, level)), "loudness_change")
    assert [(r.value, r.start_ms) for r in changes] == [(10.0, 6000), (-19.0, 8000)]


def test_a_murmur_is_no_baseline() -> None:
    dynamics = Dynamics(BOTH)
    for start in range(0, 8000, 2000):
        readings = dynamics.feed(Speech(A, start, start + 300, -50.0))
        assert [r.name for r in readings] == ["loudness"]


def test_talk_share() -> None:
    shares = named(measure([(A, 0, 3000), (C, 4000, 5000)], 6000), "talk_share")
    assert {r.party: r.value for r in shares} == {A: 0.75, C: 0.25}
    assert not named(measure([], 6000), "talk_share")


def test_the_difference_of_rates_needs_three_utterances_each() -> None:
    def said(party: Party, start_ms: int, each_ms: int) -> Utterance:
        tokens = tuple(
            Token(party, "好", "hao", start_ms + i * each_ms, start_ms + (i + 1) * each_ms)
            for i in range(10)
        )
        return Utterance(party, start_ms, tokens[-1].end_ms, tokens)

    def differences(agent_turns: int) -> list[float]:
        dynamics = Dynamics((A, C))
        for turn in range(3):
            dynamics.feed(said(C, turn * 20_000, 300))  # 200 characters a minute
        for turn in range(agent_turns):
            dynamics.feed(said(A, turn * 20_000 + 10_000, 200))  # 300
        return [r.value for r in named(dynamics.finish(90_000), "rate_difference")]

    assert differences(3) == [100.0]
    assert differences(2) == []


def test_one_party_alone_owes_nothing() -> None:
    dynamics = Dynamics((A,))
    dynamics.feed(Speech(A, 0, 1000, -20.0))
    readings = dynamics.settle({A: 9000}) + dynamics.finish(9000)
    assert {r.party for r in readings if r.name == "silence"} == {None}
    assert {r.name for r in readings} == {"silence"}


@st.composite
def calls(draw: st.DrawFn) -> tuple[list[Stretch], int]:
    """Stretches as a VAD makes them: per party in order, no two closer than its hang-over."""
    stretches: list[Stretch] = []
    for party in BOTH:
        now = 0
        for _ in range(draw(st.integers(0, 6))):
            start = now + draw(st.integers(0, 6000))
            end = start + draw(st.integers(32, 9000))
            stretches.append((party, start, end))
            now = end + 600
    duration = max((end for _, _, end in stretches), default=0) + draw(st.integers(0, 5000))
    return stretches, duration


def inside(stretches: list[Stretch], party: Party, at: int) -> bool:
    return any(who is party and start <= at < end for who, start, end in stretches)


@settings(deadline=None, max_examples=60)
@given(calls(), st.integers(16, 700), st.integers(1, 20_000))
def test_how_often_time_is_told_changes_nothing(
    call: tuple[list[Stretch], int], fine: int, coarse: int
) -> None:
    stretches, duration = call
    told_often = measure(stretches, duration, fine)
    told_rarely = measure(stretches, duration, coarse)
    for name in {r.name for r in told_often + told_rarely}:
        assert [r for r in told_often if r.name == name] == [
            r for r in told_rarely if r.name == name
        ]


@settings(deadline=None, max_examples=60)
@given(calls())
def test_readings_agree_with_the_sound(call: tuple[list[Stretch], int]) -> None:
    """Silences and overlaps are those of a plain walk, edge by edge."""
    stretches, duration = call
    readings = measure(stretches, duration)
    edges = sorted({0, duration, *(t for _, s, e in stretches for t in (s, e))})
    runs: list[tuple[int, int, int]] = []  # start, end, how many speak
    for start, end in pairwise(edges):
        count = sum(inside(stretches, party, start) for party in BOTH)
        if runs and runs[-1][2] == count:
            runs[-1] = (runs[-1][0], end, count)
        else:
            runs.append((start, end, count))
    silent = [(s, e) for s, e, n in runs if n == 0 and e - s >= MIN_SILENCE_MS]
    both = [(s, e) for s, e, n in runs if n == 2 and e - s >= MIN_OVERLAP_MS]
    assert [(r.start_ms, r.end_ms) for r in named(readings, "silence")] == silent
    assert [(r.start_ms, r.end_ms) for r in named(readings, "overlap")] == both
    for reading in readings:
        if reading.unit == "ms":
            assert reading.value == reading.end_ms - reading.start_ms
    shares = named(readings, "talk_share")
    assert not stretches or sum(r.value for r in shares) == pytest.approx(1, abs=1e-3)


@settings(deadline=None, max_examples=60)
@given(calls())
def test_what_grows_is_announced_on_its_way(call: tuple[list[Stretch], int]) -> None:
    readings = measure(*call)
    for name, least in (("silence", MIN_SILENCE_MS), ("monologue", MIN_MONOLOGUE_MS)):
        for whole in named(readings, name):
            on_the_way = [
                r.value
                for r in named(readings, name, final=False)
                if (r.party, r.start_ms) == (whole.party, whole.start_ms)
            ]
            assert on_the_way == list(range(least, int(whole.value) + 1, STEP_MS))


def test_who_was_cut_off_gave_way() -> None:
    def heard(other_ends: int) -> list[Reading]:
        dynamics = Dynamics([Party.AGENT, Party.CUSTOMER])
        dynamics.feed(Speech(Party.CUSTOMER, 0))
        dynamics.feed(Speech(Party.CUSTOMER, 0, other_ends, -20.0))
        dynamics.feed(Speech(Party.AGENT, 3000))
        dynamics.feed(Speech(Party.AGENT, 3000, 9000, -20.0))
        return dynamics.finish(10_000)

    cut = [r for r in heard(3600) if r.name == "cut_off"]
    assert [(r.party, r.value, r.end_ms) for r in cut] == [(Party.CUSTOMER, 3600, 3600)]
    # Who goes on talking was not cut off, though the other began.
    stubborn = heard(9500)
    assert [r for r in stubborn if r.name == "cut_off"] == []
    assert [r.party for r in stubborn if r.name == "interruption"] == [Party.AGENT]

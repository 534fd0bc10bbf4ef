"""Pitch, its melody, shouting, background; and the index made of them."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.audio.conversation import Dynamics
from monitor.audio.vad import WINDOW
from monitor.audio.voice import VoiceMeter, melody, pitch
from monitor.events import (
    Party,
    Reading,
    Samples,
    Speech,
    Token,
    Utterance,
    Voice,
    from_json,
    to_json,
)

_RATE = 16_000


def _tone(hertz: float | Samples, length: int = 1024, lowest: float = 0.0) -> Samples:
    """Harmonics of a fundamental, those below `lowest` left out as on the telephone."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, length)) / _RATE
    middle = float(np.mean(hertz))
    parts = [np.sin(k * phase) / k for k in range(1, 20) if lowest <= k * middle < 3400]
    return (0.1 * np.sum(parts, axis=0)).astype(np.float32)


@pytest.mark.parametrize("hertz", [80.0, 120.0, 220.0, 350.0])
@pytest.mark.parametrize("lowest", [0.0, 300.0])
def test_the_pitch_of_a_voice_also_over_the_telephone(hertz: float, lowest: float) -> None:
    found = pitch(_tone(hertz, lowest=lowest))
    assert found == pytest.approx(hertz, rel=0.01)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 1024).astype(np.float32)
    assert pitch(noise) is None
    assert pitch(np.zeros(1024, np.float32)) is None


def test_a_melody_has_a_range_and_an_end() -> None:
    flat = melody([200.0] * 30)
    assert flat == (200.0, 0.0, 0.0)
    rising = melody([200.0 * 2 ** (i / 60) for i in range(30)])
    assert rising[1] == pytest.approx(4.6, abs=0.3)  # 80 % of 5.8 semitones
    assert rising[2] is not None
    assert rising[2] > 2
    # One window in the wrong octave changes nothing.
    octave = melody([200.0] * 29 + [100.0])
    assert octave[1:] == (0.0, 0.0)
    assert melody([200.0] * 3) == (None, None, None)


def _heard(samples: Samples, meter: VoiceMeter) -> Voice:
    for start in range(0, len(samples) - WINDOW + 1, WINDOW):
        meter.speech(samples[start : start + WINDOW])
    return meter.take()


def test_a_single_shout_is_the_loudest_moment() -> None:
    calm = _tone(200.0, 32 * WINDOW)
    shout = calm.copy()
    shout[10 * WINDOW : 14 * WINDOW] *= 8
    usual, loud = _heard(calm, VoiceMeter()).peak_db, _heard(shout, VoiceMeter()).peak_db
    assert usual is not None
    assert loud is not None
    assert loud - usual == pytest.approx(18, abs=0.5)


def test_the_background_is_what_is_heard_between_the_words() -> None:
    meter = VoiceMeter()
    rng = np.random.default_rng(2)
    for _ in range(40):
        meter.background(rng.normal(0, 0.01, WINDOW).astype(np.float32))
        meter.background(np.zeros(WINDOW, np.float32))  # packets that were not sent
    noise = _heard(_tone(200.0, 20 * WINDOW), meter).noise_db
    assert noise == pytest.approx(-40, abs=0.5)
    assert _heard(_tone(200.0, 20 * WINDOW), VoiceMeter()).noise_db is None


def test_a_voice_travels_with_its_speech() -> None:
    speech = Speech(Party.AGENT, 0, 900, -20.0, Voice(180.0, 4.0, -0.5, -12.0, -60.0))
    assert from_json(to_json(speech)) == speech
    assert from_json(to_json(Speech(Party.AGENT, 0))) == Speech(Party.AGENT, 0)


def _readings(turns: list[tuple[float, Voice, int, float]]) -> list[Reading]:
    dynamics = Dynamics([Party.AGENT])
    found: list[Reading] = []
    for number, (level, voice, step_ms, confidence) in enumerate(turns):
        start = number * 10_000
        tokens = tuple(
            Token(Party.AGENT, "好", "hao", at, at + step_ms, confidence)
            for at in range(start, start + 10 * step_ms, step_ms)
        )
        end = start + 10 * step_ms
        found += dynamics.feed(Speech(Party.AGENT, start, end, level, voice))
        found += dynamics.feed(Utterance(Party.AGENT, start, end, tokens))
    return [*found, *dynamics.finish(len(turns) * 10_000)]


def test_a_voice_is_compared_with_its_owners_usual() -> None:
    calm = (-25.0, Voice(200.0, 5.0, -0.5, -18.0, -55.0), 250, 0.9)
    angry = (-17.0, Voice(267.0, 9.0, 1.0, -5.0, -55.0), 160, 0.6)
    found = _readings([calm] * 4 + [angry])
    named = {name: [r.value for r in found if r.name == name] for name in {r.name for r in found}}
    assert named["pitch"] == [200.0] * 4 + [267.0]
    assert named["pitch_change"] == pytest.approx([0.0, 5.0], abs=0.01)
    assert named["shout"] == pytest.approx([7.0, 20.0])
    assert named["clarity_change"] == pytest.approx([0.0, -0.3])
    assert named["pitch_range"][-1] == 9.0
    assert named["noise"] == [-55.0]
    # 8 dB louder, a peak 20 dB above, 5 semitones higher, more than half as fast again: all four.
    assert named["agitation"][-1] == pytest.approx(1.0, abs=0.01)
    assert named["agitation"][0] < 0.2


def test_without_a_baseline_nothing_is_compared() -> None:
    one = (-25.0, Voice(200.0, 5.0, -0.5, -18.0, None), 250, 0.9)
    names = {reading.name for reading in _readings([one] * 3)}
    assert not names & {"pitch_change", "shout", "clarity_change", "agitation", "noise"}

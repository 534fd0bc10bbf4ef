"""The synthetic voice."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from monitor.base.errors import UserError
from monitor.testing import espeak
from monitor.testing.espeak import Voice, say, toned_pinyin

needs_espeak = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is missing")


@pytest.mark.parametrize(
    ("text", "pinyin"),
    [
        ("您好", "nin2 hao3"),
        ("银行的女士", "yin2 hang2 de5 nv3 shi4"),
        ("不会用就别用！", "bu2 hui4 yong4 jiu4 bie2 yong4 !"),
        ("你好，再见。", "ni2 hao3 , zai4 jian4 ."),
        ("「略」 （好）", "lve4 hao3"),
    ],
)
def test_pinyin(text: str, pinyin: str) -> None:
    assert " ".join(spoken for _, spoken in toned_pinyin(text)) == pinyin


@pytest.mark.parametrize("text", ["10010", "打10010", "VIP客户"])
def test_digits_and_letters_must_be_written_as_spoken(text: str) -> None:
    with pytest.raises(ValueError, match="no Mandarin reading"):
        toned_pinyin(text)


@needs_espeak
def test_the_same_words_give_the_same_sound() -> None:
    first, second = say("您好，请问。"), say("您好，请问。")
    assert np.array_equal(first.samples, second.samples)
    assert first.samples.dtype == np.float32
    assert "".join(s.text for s in first.syllables) == "您好请问"


@needs_espeak
def test_there_is_no_silence_around() -> None:
    samples = say("感谢您的来电，再见！").samples
    assert np.abs(samples[:160]).max() > 0.001
    assert np.abs(samples[-160:]).max() > 0.001


@needs_espeak
def test_syllables_lie_in_order_and_leave_out_pauses() -> None:
    spoken = say("你问我，我问谁啊？")
    times = [t for s in spoken.syllables for t in (s.start_ms, s.end_ms)]
    assert times == sorted(times)
    assert times[0] == 0
    assert times[-1] == pytest.approx(spoken.duration_ms, abs=1)
    comma = spoken.syllables[3].start_ms - spoken.syllables[2].end_ms
    assert comma > 80
    middle = (spoken.syllables[2].end_ms + comma // 2) * 16
    assert np.abs(spoken.samples[middle - 160 : middle + 160]).max() < 0.01


@needs_espeak
def test_voices_differ_in_speed_and_pitch() -> None:
    text = "请问有什么可以帮您吗"
    slow, fast = say(text, Voice(speed=120)), say(text, Voice(speed=200))
    assert slow.duration_ms > 1.4 * fast.duration_ms
    assert not np.array_equal(
        say(text, Voice("f2")).samples, say(text, Voice("f2", pitch=80)).samples
    )
    assert not np.array_equal(
        say(text, Voice("f2")).samples, say(text, Voice("f2", range=10)).samples
    )


@needs_espeak
def test_nothing_to_say() -> None:
    with pytest.raises(ValueError, match="nothing to say"):
        say("，。")


def test_without_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert not espeak.available()
    with pytest.raises(UserError, match="apt-get install espeak-ng"):
        say("您好")

"""Who is on which channel: silent ones, identical ones, tracks, more than two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from monitor.audio import file
from monitor.audio.channel_survey import Heard
from monitor.audio.seats import seat
from monitor.base.errors import UserError
from monitor.events import SAMPLE_RATE, Chunk, Party
from monitor.testing import fixtures
from tests.audio.wavs import speechlike

A, C = Party.AGENT, Party.CUSTOMER
RATE = 8000
ONE = speechlike(6.0, 1)
OTHER = speechlike(6.0, 2)[::-1].copy()
RNG = np.random.default_rng(3)
HISS = RNG.standard_normal(len(ONE))
TIME = np.arange(len(ONE)) / RATE


def stereo(path: Path, *channels: np.ndarray) -> Path:
    soundfile.write(path, np.stack(channels, 1), RATE, subtype="PCM_16")
    return path


def click() -> np.ndarray:
    sound = np.zeros(len(ONE))
    sound[100:130] = 0.3
    return sound


NOTHING: list[tuple[str, Callable[[], np.ndarray]]] = [
    ("digital zero", lambda: np.zeros(len(ONE))),
    ("hiss at -70 dB", lambda: HISS * 10 ** (-70 / 20)),
    ("hiss at -45 dB", lambda: HISS * 10 ** (-45 / 20)),
    ("a constant offset", lambda: np.full(len(ONE), 0.05)),
    ("hum", lambda: 0.01 * np.sin(2 * np.pi * 50 * TIME)),
    ("a click of the relay", click),
]


@pytest.mark.parametrize("make", [c[1] for c in NOTHING], ids=[c[0] for c in NOTHING])
def test_a_channel_that_carries_nothing_is_nobody(
    tmp_path: Path, make: Callable[[], np.ndarray]
) -> None:
    right = seat(stereo(tmp_path / "x.wav", ONE, make()))
    assert right.channels == (A, None)
    assert [remark[:10] for remark in right.remarks] == ["第 2 声道（客户）"]
    left = seat(stereo(tmp_path / "x.wav", make(), ONE))
    assert left.parties == (C,)
    told = seat(stereo(tmp_path / "x.wav", make(), ONE), (C, A))
    assert told.parties == (A,)


def test_one_quiet_word_is_somebody(tmp_path: Path) -> None:
    word = np.zeros(len(ONE))
    word[20_000:22_400] = 0.006 * np.sin(2 * np.pi * 300 * TIME[:2_400])  # 0.3 s at -47 dB
    assert seat(stereo(tmp_path / "x.wav", ONE, word)).channels == (A, C)


SAME: list[tuple[str, Callable[[], np.ndarray]]] = [
    ("as it is", lambda: ONE + OTHER),
    ("half as loud", lambda: 0.5 * (ONE + OTHER)),
    ("turned over", lambda: -(ONE + OTHER)),
    ("5 ms later", lambda: np.roll(ONE + OTHER, 40)),
    ("with noise of its own", lambda: ONE + OTHER + 0.01 * HISS),
]


@pytest.mark.parametrize("make", [c[1] for c in SAME], ids=[c[0] for c in SAME])
def test_two_channels_with_the_same_sound_are_one(
    tmp_path: Path, make: Callable[[], np.ndarray]
) -> None:
    path = stereo(tmp_path / "x.wav", 0.9 * (ONE + OTHER), make())
    for told in (None, (A, C), (C, A)):
        seats = seat(path, told)
        assert seats.channels == (A, None)
        assert seats.mixed
        assert "声音相同" in seats.remarks[0]


@pytest.mark.parametrize("leak_db", [-3, -6, -12, -20, -35])
def test_leaks_do_not_make_channels_the_same(tmp_path: Path, leak_db: float) -> None:
    leak = 10 ** (leak_db / 20)
    calls = stereo(tmp_path / "x.wav", 0.7 * (ONE + leak * OTHER), 0.7 * (OTHER + leak * ONE))
    assert seat(calls).channels == (A, C)
    assert seat(calls).remarks == ()


def test_the_bundled_calls_have_both_parties() -> None:
    for call in fixtures.load_all():
        seats = seat(call.audio)
        assert seats.parties == (A, C), call.name
        assert bool(seats.remarks) == (call.name == "noise-only"), call.name


def test_a_recording_without_any_sound_says_so(tmp_path: Path) -> None:
    seats = seat(stereo(tmp_path / "x.wav", np.zeros(8000), np.zeros(8000)))
    assert seats.channels == (A, C)
    assert seats.remarks == ("整个录音没有人声，只有静音或噪声",)


def tracks(
    path: Path, *sounds: np.ndarray, codec: str = "aac", rates: tuple[int, ...] = ()
) -> Path:
    """One track per sound, float [n, channels] at 8 kHz."""
    import soxr

    with av.open(str(path), "w") as container:
        streams = []
        for i, sound in enumerate(sounds):
            rate = rates[i] if rates else 16_000
            layout = "mono" if sound.shape[1] == 1 else "stereo"
            stream = container.add_stream(codec, rate=rate, layout=layout)
            streams.append((stream, soxr.resample(sound, RATE, rate).astype(np.float32), layout))
        for stream, sound, layout in streams:
            fifo = av.AudioFifo()
            kind = stream.codec_context.format.name
            data = sound.T if kind.endswith("p") else sound.reshape(1, -1)
            if kind.startswith("s16"):
                data = np.round(data * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data), kind, layout)
            frame.sample_rate, frame.pts = stream.rate, 0
            fifo.write(frame)
            while (block := fifo.read(stream.codec_context.frame_size or 1024, True)) is not None:
                container.mux(stream.encode(block))
            container.mux(stream.encode(None))
    return path


def heard(path: Path, channels: tuple[Party | None, ...] | None = None) -> dict[Party, np.ndarray]:
    found: dict[Party, list[np.ndarray]] = {}
    for chunk in file.read_call(path, channels):
        found.setdefault(chunk.party, []).append(chunk.samples)
    return {party: np.concatenate(parts) for party, parts in found.items()}


def pitch(sound: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(sound))) * SAMPLE_RATE / len(sound))


@pytest.mark.parametrize(
    ("name", "codec", "rates"),
    [
        ("x.m4a", "aac", ()),
        ("x.mov", "aac", (16_000, 44_100)),
        ("x.mkv", "pcm_s16le", (8_000, 16_000)),
        ("x.mka", "libopus", (48_000, 48_000)),
    ],
)
def test_mono_tracks_are_the_channels_in_order(
    tmp_path: Path, name: str, codec: str, rates: tuple[int, ...]
) -> None:
    low, high = ONE[:, None], OTHER[:, None]  # bursts at 340 and 380 Hz
    path = tracks(tmp_path / name, low, high, codec=codec, rates=rates)
    assert file.probe(path).channels == file.probe(path).tracks == 2
    assert seat(path).channels == (A, C)
    found = heard(path)
    assert pitch(found[A]) == pytest.approx(340, abs=3)
    assert pitch(found[C]) == pytest.approx(380, abs=3)
    assert len(found[A]) == len(found[C]) == pytest.approx(6 * SAMPLE_RATE, abs=0.2 * SAMPLE_RATE)
    turned = heard(path, (C, A))
    assert np.array_equal(turned[C], found[A])


def test_tracks_of_unequal_length_are_filled_with_silence(tmp_path: Path) -> None:
    path = tracks(tmp_path / "x.mkv", ONE[:, None], OTHER[:16_000, None], codec="pcm_s16le")
    found = heard(path)
    assert len(found[A]) == len(found[C]) == 6 * SAMPLE_RATE
    assert not found[C][2 * SAMPLE_RATE + 100 :].any()


def test_more_than_two_channels_have_to_be_told(tmp_path: Path) -> None:
    third = speechlike(6.0, 5)
    path = stereo(tmp_path / "x.wav", ONE, third, OTHER)
    with pytest.raises(UserError, match=r"有 3 个声道，请用 --channels .* agent,customer,-"):
        seat(path)
    seats = seat(path, (C, None, A))
    assert (seats.channels, seats.remarks) == ((C, None, A), ())
    assert set(heard(path, seats.channels)) == {A, C}


def test_of_more_than_two_those_with_a_sound_of_their_own_are_chosen(tmp_path: Path) -> None:
    zero = np.zeros(len(ONE))
    path = stereo(tmp_path / "x.wav", zero, ONE, zero, OTHER)
    assert seat(path).channels == (None, A, None, C)
    assert seat(path, (C, A)).channels == (None, C, None, A)
    # OBS and the like: two stereo tracks, each with the same sound left and right.
    both = tracks(tmp_path / "x.mkv", np.stack([ONE, ONE], 1), np.stack([OTHER, OTHER], 1),
                  codec="pcm_s16le")  # fmt: skip
    seats = seat(both)
    assert seats.channels == (A, None, C, None)
    assert seats.remarks == ("只有第 1、3 声道有各自的声音，只用这些声道",)


def test_a_mono_recording_is_left_as_it_is(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", ONE, RATE)
    assert seat(tmp_path / "x.wav").channels == (A,)
    assert seat(tmp_path / "x.wav", (C,)).channels == (C,)


def test_a_device_that_delivered_no_sound_is_known_at_the_end_of_a_live_call() -> None:
    heard = Heard()
    for number in range(5):
        heard.take(Chunk(A, number * 100, np.full(1600, 0.0007, np.float32)))  # an analog mute
        voice = np.zeros(1600, np.float32)
        voice[800] = 0.05 if number == 3 else np.nan
        heard.take(Chunk(C, number * 100, voice))
    assert heard.never() == [A]

"""Live capture through a real driver: a virtual sound card that plays a bundled call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.audio import file
from monitor.events import SAMPLE_RATE, Party
from monitor.testing import fixtures, pulse
from monitor.testing.pulse import VirtualCard

A, C = Party.AGENT, Party.CUSTOMER

# A process of its own: PortAudio looks for devices once, when it is loaded.
CAPTURE = """
import sys
from queue import SimpleQueue
from monitor.audio.headset import open_headset
from monitor.audio.record import Recorder
from monitor.events import Party

agent, customer, path = sys.argv[1], sys.argv[2] or None, sys.argv[3]
parties = [Party.AGENT, Party.CUSTOMER] if customer else [Party.AGENT]
heard = SimpleQueue()  # each device has a thread of its own
with open_headset(agent, customer, heard.put, print) as listening:
    print("ready", flush=True)
    sys.stdin.read()
print(*listening.stopped, end="")
with Recorder(path, parties) as recorder:
    while not heard.empty():
        recorder.write(heard.get())
"""

UNPLUGGED = """
import time
from monitor.audio.headset import open_headset

began = []
with open_headset(None, None, began.append, print) as listening:
    while not began:
        time.sleep(0.01)
    print("ready", flush=True)
    give_up = time.monotonic() + 120
    while not listening.stopped and time.monotonic() < give_up:
        time.sleep(0.05)
    print(*listening.stopped, flush=True)
"""

LIST = "from monitor.audio.headset import devices; print(*devices(), sep='\\n')"


def run(card: VirtualCard, code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**card.environment, "PYTHONPATH": str(Path(file.__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def capture(card: VirtualCard, play: Path, record: Path, agent: str, customer: str = "") -> None:
    with run(card, CAPTURE, agent, customer, str(record)) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        if first == "ready\n":
            card.play(play)
        rest, errors = process.communicate()
    assert (first, rest, errors, process.returncode) == ("ready\n", "", "", 0)


def channels(path: Path, parties: list[Party]) -> dict[Party, np.ndarray]:
    parts: dict[Party, list[np.ndarray]] = {party: [] for party in parties}
    for chunk in file.read_call(path, parties):
        parts[chunk.party].append(chunk.samples)
    return {party: np.concatenate(samples) for party, samples in parts.items()}


PIECE = SAMPLE_RATE // 2


def alike(heard: np.ndarray, original: np.ndarray) -> list[tuple[float, float, int]]:
    """For each half second of speech: likeness at best, level there (dB), shift (samples).

    Piece by piece, as a virtual card on a busy machine may hiccup.
    """
    size = 1 << (len(heard) + PIECE).bit_length()
    spectrum = np.fft.rfft(heard, size)
    found = []
    for first in range(0, len(original) - PIECE + 1, PIECE):
        piece = original[first : first + PIECE].astype(np.float64)
        if np.mean(piece**2) < 1e-4:
            continue
        product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)
        at = int(np.argmax(product[: len(heard) - PIECE + 1]))
        part = heard[at : at + PIECE].astype(np.float64)
        power = np.dot(part, part)
        likeness = np.dot(part, piece) / np.sqrt(power * np.dot(piece, piece))
        level_db = 10 * np.log10(power / np.dot(piece, piece))
        found.append((float(likeness), float(level_db), at - first))
    return found


@pytest.fixture(scope="module")
def playable(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Party, np.ndarray]]:
    """The end of a bundled call as a WAV, a second of silence around it; and what is heard in it.

    The virtual card drops a few ms while it starts to play.
    """
    call = channels(fixtures.load("last-word").audio, [A, C])
    sound = {party: samples[-6 * SAMPLE_RATE :] for party, samples in call.items()}
    stereo = np.pad(np.stack([sound[A], sound[C]], axis=1), ((SAMPLE_RATE, SAMPLE_RATE), (0, 0)))
    path = tmp_path_factory.mktemp("play") / "call.wav"
    soundfile.write(path, stereo, SAMPLE_RATE, subtype="FLOAT")
    return path, sound


def test_two_channels_of_a_device_arrive_as_they_were_played(
    card: VirtualCard, playable: tuple[Path, dict[Party, np.ndarray]], tmp_path: Path
) -> None:
    path, played = playable
    capture(card, path, tmp_path / "heard.wav", "pulse:0", "pulse:1")
    heard = channels(tmp_path / "heard.wav", [A, C])
    for party in (A, C):
        pieces = alike(heard[party], played[party])
        good = [(level, shift) for likeness, level, shift in pieces if likeness > 0.95]
        assert len(good) >= 0.8 * len(pieces) > 0
        assert all(abs(level) < 0.5 for level, _ in good)


def test_two_devices_begin_together(
    card: VirtualCard, playable: tuple[Path, dict[Party, np.ndarray]], tmp_path: Path
) -> None:
    """Both hear the agent's channel; what they heard must lie at the same time."""
    path, played = playable
    capture(card, path, tmp_path / "heard.wav", "pulse:0", "default:0")
    heard = channels(tmp_path / "heard.wav", [A, C])
    shifts = {}
    for party in (A, C):
        pieces = alike(heard[party], played[A])
        shifts[party] = [shift for likeness, _, shift in pieces if likeness > 0.95]
        assert len(shifts[party]) >= 0.8 * len(pieces) > 0
    assert abs(np.median(shifts[A]) - np.median(shifts[C])) < 0.25 * SAMPLE_RATE


@pytest.mark.usefixtures("card")  # where there is one, there can be another
def test_a_device_that_goes_away_is_named() -> None:
    with pulse.virtual_card() as own, run(own, UNPLUGGED) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        own.stop()
        assert process.stdout.readline() == "default\n"


def test_the_agent_alone(card: VirtualCard, tmp_path: Path) -> None:
    seconds = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    tone = (0.3 * np.sin(2 * np.pi * 500 * seconds)).astype(np.float32)
    soundfile.write(tmp_path / "tone.wav", tone, SAMPLE_RATE)
    capture(card, tmp_path / "tone.wav", tmp_path / "heard.wav", "default")
    heard = channels(tmp_path / "heard.wav", [A])[A]
    loud = heard[np.abs(heard) > 0.05]
    assert np.sqrt(2 * np.mean(loud**2)) == pytest.approx(0.3, rel=0.1)


def test_the_devices_are_listed(card: VirtualCard) -> None:
    with run(card, LIST) as process:
        listed, errors = process.communicate()
    assert errors == ""
    assert "name='pulse'" in listed
    assert "default=True" in listed


def test_a_device_that_is_not_there(card: VirtualCard, tmp_path: Path) -> None:
    with run(card, CAPTURE, "隔壁的耳机", "", str(tmp_path / "x.wav")) as process:
        _, errors = process.communicate()
    assert errors.strip().endswith("没有名为“隔壁的耳机”的录音设备；现有：0 pulse；1 default")

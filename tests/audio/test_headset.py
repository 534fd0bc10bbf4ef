"""Live capture, up to the driver: choosing devices, and what becomes of what they deliver."""

from __future__ import annotations

import builtins
import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.audio.devices import Device, Line, devices, find, quiet
from monitor.audio.headset import Capture, _shared
from monitor.base.errors import UserError
from monitor.events import Chunk, Gap, Party

A, C = Party.AGENT, Party.CUSTOMER
MIC = Device(0, "USB 耳机: Audio (hw:1,0)", 1, 44_100, default=True)
CARD = Device(3, "HDA Intel PCH: ALC257 (hw:0,0)", 2, 48_000, default=False)
MIX = Device(5, "立体声混音", 2, 48_000, default=False)
DEVICES = [MIC, CARD, MIX]


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (None, Line(MIC, None)),
        ("3", Line(CARD, None)),
        ("3:1", Line(CARD, 1)),
        ("HDA Intel PCH: ALC257 (hw:0,0)", Line(CARD, None)),
        ("hda intel", Line(CARD, None)),
        ("HDA Intel PCH: ALC257 (hw:0,0):1", Line(CARD, 1)),
        ("混音:0", Line(MIX, 0)),
        ("耳机", Line(MIC, None)),
    ],
)
def test_a_device_is_found(wanted: str | None, line: Line) -> None:
    assert find(wanted, DEVICES) == line


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("扬声器", "没有名为“扬声器”的录音设备；现有：0 USB 耳机"),
        ("7", "现有：0 USB"),
        ("hw:", "不止一个设备，请写编号：0 .*；3 "),
        ("3:2", "只有 2 个声道"),
    ],
)
def test_a_device_that_is_not_there_lists_those_that_are(wanted: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        find(wanted, DEVICES)
    assert "\n" not in str(error.value)


def test_no_device_at_all() -> None:
    with pytest.raises(UserError, match="没有找到录音设备"):
        find(None, [])
    with pytest.raises(UserError, match="一个录音设备也没有"):
        find("耳机", [])


def test_two_channels_of_one_device() -> None:
    shared = _shared({A: Line(CARD, 1), C: Line(CARD, 0)})
    assert {device: dict(channels) for device, channels in shared.items()} == {CARD: {A: 1, C: 0}}
    shared = _shared({A: Line(MIC, None), C: Line(CARD, 1)})
    assert {d: dict(c) for d, c in shared.items()} == {MIC: {A: 0}, CARD: {C: 1}}


@pytest.mark.parametrize(("agent", "customer"), [(None, None), (0, 0), (None, 1)])
def test_one_device_for_both_needs_two_channels(agent: int | None, customer: int | None) -> None:
    with pytest.raises(UserError, match="3:0 和 3:1"):
        _shared({A: Line(CARD, agent), C: Line(CARD, customer)})


def test_without_portaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    importing = builtins.__import__

    def no_portaudio(name: str, *args: Any) -> Any:
        if name == "sounddevice":  # what it does when the library is not there
            raise OSError("PortAudio library not found")
        return importing(name, *args)

    monkeypatch.setattr(builtins, "__import__", no_portaudio)
    with pytest.raises(UserError, match="apt-get install libportaudio2"):
        devices()


def test_drivers_chatter_is_kept_off_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet():
        os.write(2, b"ALSA lib pcm.c: Unknown PCM\n")
    os.write(2, b"heard again\n")
    assert capfd.readouterr().err == "heard again\n"


class Desk:
    """Collects what a capture hands on."""

    def __init__(self, device: Device, **channels: int) -> None:
        self.chunks: list[Chunk] = []
        self.gaps: list[Gap] = []
        self.capture = Capture(
            device,
            {Party(name): channel for name, channel in channels.items()},
            self.chunks.append,
            self.gaps.append,
        )

    def heard(self, party: Party) -> np.ndarray:
        return np.concatenate([c.samples for c in self.chunks if c.party is party])

    def contiguous(self, party: Party) -> bool:
        at = 0
        for chunk in (c for c in self.chunks if c.party is party):
            skipped = [g for g in self.gaps if g.party is party and g.start_ms == at]
            if chunk.start_ms != (skipped[0].end_ms if skipped else at):
                return False
            at = chunk.start_ms + len(chunk.samples) // 16
        return True


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([8000, 16_000, 44_100, 48_000]),
    st.lists(st.integers(1, 2000), min_size=1, max_size=12),
)
def test_the_drivers_blocks_change_nothing(rate: int, sizes: list[int]) -> None:
    device = Device(0, "x", 2, rate, default=True)
    sound = np.random.default_rng(0).standard_normal((sum(sizes), 2)).astype(np.float32)
    heard = []
    for blocks in (sizes, [len(sound)]):
        desk, at = Desk(device, agent=1, customer=0), 0
        for size in blocks:
            # The driver reuses its buffer; what was handed on must not change with it.
            buffer = sound[at : at + size].copy()
            desk.capture.deliver(buffer, now_s=0.0, lost=False)
            buffer[:] = 9
            at += size
        desk.capture.finish()
        assert desk.contiguous(A)
        assert all(len(c.samples) % 16 == 0 for c in desk.chunks)
        heard.append([desk.heard(p) if desk.chunks else np.zeros(0) for p in (A, C)])
    assert all(np.array_equal(a, b) for a, b in zip(*heard, strict=True))
    # Whole milliseconds; the rest of the last one is dropped.
    assert len(heard[0][0]) == round(len(sound) * 16_000 / rate) // 16 * 16


def test_channels_go_to_their_parties() -> None:
    desk = Desk(Device(0, "x", 2, 16_000, default=True), agent=1, customer=0)
    desk.capture.deliver(np.array([[0.25, 0.5]] * 160, np.float32), 0.01, lost=False)
    assert set(desk.heard(A)) == {np.float32(0.5)}
    assert set(desk.heard(C)) == {np.float32(0.25)}


def test_what_the_driver_lost_becomes_a_gap_as_long_as_the_clock_says() -> None:
    desk = Desk(Device(0, "x", 1, 48_000, default=True), agent=0)
    block = np.ones((960, 1), np.float32)  # 20 ms
    desk.capture.deliver(block, now_s=100.02, lost=False)
    desk.capture.deliver(block, now_s=100.04, lost=False)
    desk.capture.deliver(block, now_s=100.56, lost=True)  # 500 ms went missing
    desk.capture.deliver(block, now_s=100.58, lost=False)
    desk.capture.finish()
    (gap,) = desk.gaps
    assert (gap.party, gap.end_ms - gap.start_ms) == (A, 500)
    assert desk.contiguous(A)
    last = desk.chunks[-1]
    assert last.start_ms + len(last.samples) // 16 == pytest.approx(580, abs=1)


def test_a_loss_too_short_for_the_clock_is_still_seen() -> None:
    desk = Desk(Device(0, "x", 1, 16_000, default=True), agent=0)
    desk.capture.deliver(np.ones((320, 1), np.float32), now_s=0.02, lost=False)
    desk.capture.deliver(np.ones((320, 1), np.float32), now_s=0.04, lost=True)
    assert [gap.end_ms - gap.start_ms for gap in desk.gaps] == [1]

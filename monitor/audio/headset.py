"""Live capture: the agent's headset, and the customer where the machine hears him.

PortAudio calls back on a thread of its own. The callback resamples, counts and
hands on; it never waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from monitor.audio.devices import Device, Line, devices, find, quiet, sound
from monitor.audio.resample import Resampler
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import SAMPLES_PER_MS, Chunk, Gap, Party

__all__ = ["Device", "Listening", "devices", "open_headset"]

OnChunk: TypeAlias = Callable[[Chunk], None]
OnGap: TypeAlias = Callable[[Gap], None]

_BLOCK_S = 0.02


class Listening:
    """An open headset. `stopped` names the devices that ended by themselves (unplugged)."""

    def __init__(self) -> None:
        self.stopped: tuple[str, ...] = ()


@contextmanager
def open_headset(
    agent: str | None, customer: str | None, on_chunk: OnChunk, on_gap: OnGap
) -> Iterator[Listening]:
    """Capture until the context is left.

    `agent` and `customer` are devices as `devices.find` takes them; `agent` None
    is the default device, `customer` None means the agent alone is heard. Two
    channels of one device are `DEVICE:0` and `DEVICE:1`. The call begins when
    every device has begun to deliver.

    `on_chunk` and `on_gap` are called from PortAudio's threads; they must not
    block. Chunks are whole milliseconds and follow on each other, except after
    a `Gap`: audio the driver lost because this machine was too slow.

    Raises:
        UserError: a device is missing or cannot be opened.
    """
    sd = sound()
    known = devices()
    lines = {Party.AGENT: find(agent, known)}
    if customer is not None:
        lines[Party.CUSTOMER] = find(customer, known)
    captures = [
        Capture(device, channels, on_chunk, on_gap) for device, channels in _shared(lines).items()
    ]
    start_together = _StartLine(captures)
    listening = Listening()
    with ExitStack() as stack:
        for capture in captures:
            stack.enter_context(_stream(sd, capture, start_together, listening))
        yield listening


class Capture:
    """One device: turns what its driver delivers into chunks and gaps.

    `channels` says which party is on which channel.
    """

    def __init__(
        self,
        device: Device,
        channels: Mapping[Party, int],
        on_chunk: OnChunk,
        on_gap: OnGap,
    ) -> None:
        self.device = device
        self.width = max(channels.values()) + 1
        self.delivered = False
        self._channels = channels
        self._on_chunk = on_chunk
        self._on_gap = on_gap
        self._resampler = Resampler(device.rate, self.width)
        self._rest = np.zeros((0, self.width), np.float32)
        self._at_ms = 0
        self._heard = 0  # frames delivered by the device, lost ones included
        self._began_s = 0.0

    def deliver(self, frames: npt.NDArray[np.float32], now_s: float, lost: bool) -> None:
        """A block from the driver: shape (n, width), arrived at `now_s` on any steady clock.

        `lost` says that the driver dropped audio just before it; how much, the
        clock tells.
        """
        rate = self.device.rate
        if not self._heard:
            self._began_s = now_s - len(frames) / rate
        elif lost:
            missing_s = now_s - self._began_s - (self._heard + len(frames)) / rate
            self._leap(max(1, round(missing_s * 1000)))
        self._heard += len(frames)
        self._emit(self._resampler.feed(np.array(frames)))  # a copy: the driver reuses its buffer

    def finish(self) -> None:
        """The device is closed: hand on what is still in the resampler."""
        self._emit(self._resampler.flush())

    def _emit(self, samples: npt.NDArray[np.float32]) -> None:
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) - len(samples) % SAMPLES_PER_MS
        self._rest = samples[whole:]
        if whole:
            for party, channel in self._channels.items():
                own = np.ascontiguousarray(samples[:whole, channel])
                self._on_chunk(Chunk(party, self._at_ms, own))
            self._at_ms += whole // SAMPLES_PER_MS

    def _leap(self, missing_ms: int) -> None:
        self._emit(self._resampler.flush())
        self._rest = self._rest[:0]  # less than a millisecond; it counts as lost
        self._resampler = Resampler(self.device.rate, self.width)
        self._heard += missing_ms * self.device.rate // 1000
        for party in self._channels:
            reason = tr("设备缓冲溢出", "the device's buffer overflowed")
            self._on_gap(Gap(party, self._at_ms, self._at_ms + missing_ms, reason))
        self._at_ms += missing_ms


class _StartLine:
    """Devices start at different moments; the call begins when the last one has."""

    def __init__(self, captures: list[Capture]) -> None:
        self._captures = captures

    def passed(self, capture: Capture) -> bool:
        capture.delivered = True
        return all(each.delivered for each in self._captures)


def _shared(lines: Mapping[Party, Line]) -> dict[Device, Mapping[Party, int]]:
    """Each device to be opened, with its parties' channels."""
    if len({line.device for line in lines.values()}) == len(lines):
        return {
            line.device: MappingProxyType({party: line.channel or 0})
            for party, line in lines.items()
        }
    device = lines[Party.AGENT].device
    channels = {party: line.channel for party, line in lines.items()}
    chosen = {party: channel for party, channel in channels.items() if channel is not None}
    if len(set(chosen.values())) < len(lines):
        raise UserError(
            tr(
                f"坐席和客户是同一个设备“{device.name}”，请分别写明声道："
                f"{device.index}:0 和 {device.index}:1",
                f"agent and customer are the same device {device.name!r}: name a channel for each,"
                f" {device.index}:0 and {device.index}:1",
            )
        )
    return {device: MappingProxyType(chosen)}


@contextmanager
def _stream(sd: Any, capture: Capture, start: _StartLine, listening: Listening) -> Iterator[None]:
    device = capture.device
    closing = False

    def callback(frames: npt.NDArray[np.float32], _count: int, _time: object, status: Any) -> None:
        if start.passed(capture):
            capture.deliver(frames, time.monotonic(), bool(status.input_overflow))

    def finished() -> None:
        if not closing:
            listening.stopped += (device.name,)

    try:
        with quiet():
            stream = sd.InputStream(
                device=device.index,
                channels=capture.width,
                samplerate=device.rate,
                blocksize=round(device.rate * _BLOCK_S),
                dtype="float32",
                latency="high",
                callback=callback,
                finished_callback=finished,
            )
            stream.start()
    except sd.PortAudioError as error:
        raise UserError(
            tr(
                f"设备“{device.name}”打不开，请检查是否被占用或已拔出：{error}",
                f"device {device.name!r} cannot be opened, is it in use or unplugged? {error}",
            )
        ) from error
    try:
        yield
    finally:
        closing = True
        with quiet():
            stream.stop()
            stream.close()
        capture.finish()

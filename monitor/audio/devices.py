"""The capture devices of this machine, and finding the one a user means."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from monitor.base.errors import UserError
from monitor.base.i18n import tr


@dataclass(frozen=True, slots=True)
class Device:
    """Something to listen to: `rate` is its usual sample rate, `default` the system's choice."""

    index: int
    name: str
    channels: int
    rate: int
    default: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A channel of a device; None is whatever the device gives as mono."""

    device: Device
    channel: int | None


def sound() -> Any:
    """The sounddevice module.

    Raises:
        UserError: the PortAudio library is not installed.
    """
    try:
        with quiet():
            import sounddevice  # loads the audio drivers; only those who listen pay for it
    except OSError as error:
        raise UserError(
            tr(
                "缺少 PortAudio 声音库，请安装：apt-get install libportaudio2",
                "the PortAudio library is missing; install it: apt-get install libportaudio2",
            )
        ) from error
    return sounddevice


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the C libraries' chatter off the screen; what matters comes back as an error."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # no stderr at all
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def devices() -> list[Device]:
    """What can be listened to.

    Raises:
        UserError: the PortAudio library is not installed.
    """
    sd = sound()
    default = _default_index(sd)
    return [
        Device(
            index=index,
            name=str(found["name"]),
            channels=int(found["max_input_channels"]),
            rate=int(found["default_samplerate"]),
            default=index == default,
        )
        for index, found in enumerate(sd.query_devices())
        if found["max_input_channels"] > 0
    ]


def find(wanted: str | None, among: Sequence[Device]) -> Line:
    """The device and channel a user means.

    `wanted` is a device's number, name, or a part of its name that fits no
    other device, and may end in `:0` or `:1` for a channel (counted from 0).
    None is the default device.

    Raises:
        UserError: none or several fit, or the device has no such channel. The
            message lists what there is.
    """
    if wanted is None:
        for device in among:
            if device.default:
                return Line(device, None)
        if among:
            return Line(among[0], None)
        raise UserError(
            tr(
                "没有找到录音设备，请插入耳机，或检查系统声音服务",
                "no capture device found: plug in a headset, or check the sound service",
            )
        )
    fits = _fits(wanted, among)
    channel = None
    split = re.fullmatch(r"(.+):(\d+)", wanted)
    if not fits and split:
        fits, channel = _fits(split[1], among), int(split[2])
    if len(fits) != 1:
        raise UserError(_choose(wanted, fits or among, several=bool(fits)))
    device = fits[0]
    if channel is not None and channel >= device.channels:
        raise UserError(
            tr(
                f"{wanted}：“{device.name}”只有 {device.channels} 个声道（从 0 数起）",
                f"{wanted}: {device.name!r} has only {device.channels} channel(s), counted from 0",
            )
        )
    return Line(device, channel)


def _fits(wanted: str, among: Sequence[Device]) -> list[Device]:
    """By number, else by whole name, else by part of a name."""
    if wanted.isdecimal():
        return [device for device in among if device.index == int(wanted)]
    name = wanted.casefold()
    exact = [device for device in among if device.name.casefold() == name]
    if exact:
        return exact[:1]  # one sound card under several driver systems: the first is the usual
    return [device for device in among if name in device.name.casefold()]


def _choose(wanted: str, options: Sequence[Device], several: bool) -> str:
    listed = "；".join(f"{device.index} {device.name}" for device in options)
    if not options:
        return tr(
            f"没有名为“{wanted}”的录音设备；现在一个录音设备也没有，请插入耳机",
            f"no capture device {wanted!r}; there is none at all: plug in a headset",
        )
    if several:
        return tr(
            f"“{wanted}”不止一个设备，请写编号：{listed}",
            f"{wanted!r} fits several devices, give the number: {listed}",
        )
    return tr(
        f"没有名为“{wanted}”的录音设备；现有：{listed}",
        f"no capture device {wanted!r}; there are: {listed}",
    )


def _default_index(sd: Any) -> int | None:
    with suppress(sd.PortAudioError, ValueError):  # no default where there is no device
        return int(sd.query_devices(kind="input")["index"])
    return None

"""A sound card made of software: what is played into it can be captured.

For tests of live capture on machines without a sound card. Needs PulseAudio,
its command line tools and its ALSA plugin
(`apt-get install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from monitor.base.errors import UserError
from monitor.base.i18n import tr

_PROGRAMS = ("pulseaudio", "pactl", "paplay")
_SINK = "call"
_PLUGIN = "libasound_module_pcm_pulse.so"
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class VirtualCard:
    """A running PulseAudio with one stereo output whose sound comes back as the default input.

    `environment` makes a process hear it: PortAudio then lists the devices
    "pulse" and "default". A process finds its devices when it first asks for
    them, so set the variables before it starts.
    """

    environment: dict[str, str]
    server: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Pull the plug."""
        self.server.terminate()
        self.server.wait()

    def play(self, path: str | Path) -> None:
        """Play a WAV or FLAC file, in real time, to its end.

        Raises:
            subprocess.CalledProcessError: it cannot be played.
        """
        command = ["paplay", f"--device={_SINK}", str(path)]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)


def missing() -> str | None:
    """What is not installed of all that a virtual card needs; None if nothing."""
    for program in _PROGRAMS:
        if shutil.which(program) is None:
            return program
    libraries = (Path("/usr/lib"), Path("/usr/lib64"))
    if not any(any(folder.glob(f"**/alsa-lib/{_PLUGIN}")) for folder in libraries):
        return _PLUGIN
    return None


@contextmanager
def virtual_card(rate: int = 48_000) -> Iterator[VirtualCard]:
    """Run a PulseAudio of our own, apart from any other on this machine.

    Raises:
        UserError: a program is missing, or PulseAudio does not start.
    """
    lacking = missing()
    if lacking:
        raise UserError(
            tr(
                f"缺少 {lacking}，请安装：",
                f"{lacking} is missing; install it: ",
            )
            + "apt-get install pulseaudio pulseaudio-utils libasound2-plugins"
        )
    # A short path: a socket's name may not be longer than 107 bytes.
    with tempfile.TemporaryDirectory(prefix="pulse-") as folder:
        socket = Path(folder) / "socket"
        environment = {
            **os.environ,
            "HOME": folder,
            "XDG_RUNTIME_DIR": folder,
            "PULSE_RUNTIME_PATH": folder,
            "PULSE_SERVER": f"unix:{socket}",
        }
        server = subprocess.Popen(
            [
                "pulseaudio", "--daemonize=no", "-n", "--exit-idle-time=-1", "--disable-shm=yes",
                "--use-pid-file=no",
                "-L", f"module-null-sink sink_name={_SINK} rate={rate} channels=2",
                "-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1",
            ],
            env={key: value for key, value in environment.items() if key != "PULSE_SERVER"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _await(server, environment)
            yield VirtualCard(environment, server)
        finally:
            server.terminate()
            server.wait()


def _await(server: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
    """Until the sink is there and its monitor is the default source."""
    deadline = time.monotonic() + _START_S
    command = ["pactl", "set-default-source", f"{_SINK}.monitor"]
    while subprocess.run(command, env=environment, capture_output=True, check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise UserError(tr("PulseAudio 启动失败", "PulseAudio does not start"))
        time.sleep(0.05)

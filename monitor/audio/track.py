"""One audio stream of a recording, decoded by FFmpeg (PyAV) block by block.

Files come from anywhere, so FFmpeg may only open the container that the file's
own bytes name, and only the file itself: a playlist that points elsewhere is
not audio.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from monitor.audio.parts import Part
from monitor.audio.resample import LOWEST_RATE
from monitor.audio.views import View
from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

Sound = npt.NDArray[np.float32]

_JUMP_S = 0.04  # a leap of the time stamps beyond any encoder's rounding: audio is missing
_LONGEST_JUMP_S = 24 * 3600.0  # a longer leap is a broken time stamp, not lost sound
_HIGHEST_RATE = 768_000
_MOST_CHANNELS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Decoded PCM: float32 of shape (n, channels), n ≥ 1.

    `jump_s` is how much later it begins than the block before it ended: time
    whose audio could not be decoded.
    """

    samples: Sound
    jump_s: float = 0.0


class Track:
    """An open stream. `close` it. Once it has been read, `damaged` says whether its end could not
    be decoded, `seconds` how long it was.

    Raises:
        UserError: FFmpeg cannot open it, or its header makes no sense; without the file's name.
    """

    def __init__(self, file: BinaryIO, part: Part, number: int) -> None:
        self._part = part
        self._view = View(file, part.layout.pieces, part.layout.swap)
        self._container = _open(self._view, part)
        try:
            self.tracks = len(self._container.streams.audio)
            self._stream = _checked(self._container, number)
        except BaseException:
            self._container.close()
            raise
        context = self._stream.codec_context
        self.rate: int = context.sample_rate
        self.channels: int = context.channels
        self.codec: str = context.name
        self.start_s = 0.0  # the time stamp of the first block, once that has been read
        self.seconds = 0.0
        self.damaged = False

    def close(self) -> None:
        self._container.close()

    @property
    def duration_s(self) -> float | None:
        """As FFmpeg has it."""
        length, base = self._stream.duration, self._stream.time_base
        return None if length is None or base is None else float(length * base)

    def blocks(self) -> Iterator[Block]:
        """The whole stream, in the codec's own block sizes, at `rate`. Once.

        A change of the rate on the way is made good.

        Raises:
            UserError: samples that are no numbers, or a change of channels on the way.
        """
        expected_s: float | None = None  # the time stamp that the next frame should carry
        other = OtherRate(self.rate, self.channels)
        for frame in self._frames():
            if frame is None:
                self.damaged = True
                continue
            if frame.layout.nb_channels != self.channels:
                raise UserError(_changed(self.seconds))
            samples = self._floats(frame)
            length_s = len(samples) / (frame.sample_rate or self.rate)
            stamp_s = expected_s or 0.0
            if frame.pts is not None and frame.time_base is not None:
                stamp_s = float(frame.pts * frame.time_base)
            if expected_s is None:
                self.start_s = stamp_s
            jump_s = 0.0 if expected_s is None else stamp_s - expected_s
            if not _JUMP_S <= jump_s < _LONGEST_JUMP_S or frame.sample_rate != self.rate:
                jump_s = 0.0
            expected_s = stamp_s + length_s
            self._check_numbers(samples, self.seconds + jump_s)
            self.seconds += jump_s + length_s
            self.damaged = False
            samples = other.take(samples, frame.sample_rate or self.rate)
            if len(samples):
                yield Block(samples, jump_s)
        if len(rest := other.finish()):
            yield Block(rest)

    def _frames(self) -> Iterator[AudioFrame | None]:
        """Frames in order; None in place of a packet that cannot be read."""
        from av.error import EOFError as EndOfStream
        from av.error import FFmpegError

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, EndOfStream):
                return
            except (FFmpegError, OSError, ValueError):
                yield None
                return
            try:
                frames = packet.decode()
            except EndOfStream:
                return
            except (FFmpegError, OSError, ValueError):
                yield None
            else:
                yield from frames

    def _floats(self, frame: AudioFrame) -> Sound:
        """A frame's samples, shape (n, channels), full scale = 1."""
        data: npt.NDArray[Any] = frame.to_ndarray()
        rows = data.T if frame.format.is_planar else data.reshape(-1, frame.layout.nb_channels)
        layout = self._part.layout
        if rows.dtype == np.uint8:
            centred = rows.view(np.int8) if layout.signed_bytes else rows.astype(np.int16) - 128
            return (centred / np.float32(128)).astype(np.float32)
        if rows.dtype.kind == "i":
            # Through float64: 32-bit samples do not fit a float32 before they are scaled.
            scale = layout.gain / 2.0 ** (8 * rows.itemsize - 1)
            return (rows * scale).astype(np.float32)
        with np.errstate(over="ignore"):  # what float32 cannot hold is told as infinite
            return rows.astype(np.float32)

    def _check_numbers(self, samples: Sound, start_s: float) -> None:
        bad = ~np.isfinite(samples)
        if bad.any():
            row, channel = (int(i) for i in np.argwhere(bad)[0])
            when = clock(start_s + row / self.rate)
            raise UserError(
                tr(
                    f"{when} 处第 {channel + 1} 声道有无效采样（NaN 或无穷大），请重新导出录音",
                    f"invalid sample (NaN or infinity) at {when} in channel {channel + 1}:"
                    " export the recording again",
                )
            )


class OtherRate:
    """Brings stretches of another sample rate to one; those that have it pass as they are."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._channels = channels
        self._from = rate
        self._stream: Any = None

    def take(self, samples: Sound, rate: int) -> Sound:
        before = np.zeros((0, self._channels), np.float32)
        if rate != self._from:
            before = self.finish()
            self._from = rate
            if rate != self._rate:
                import soxr

                self._stream = soxr.ResampleStream(rate, self._rate, self._channels, "float32")
        if self._stream is None:
            return np.concatenate([before, samples]) if len(before) else samples
        out = self._stream.resample_chunk(np.ascontiguousarray(samples))
        return np.concatenate([before, out.reshape(-1, self._channels)])

    def finish(self) -> Sound:
        empty = np.zeros((0, self._channels), np.float32)
        if self._stream is None:
            return empty
        out: Sound = self._stream.resample_chunk(empty, last=True).reshape(-1, self._channels)
        self._stream = None
        return out


def clock(seconds: float) -> str:
    """`1:02:03.450`, without hours where there are none."""
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{rest // 1000:02}.{rest % 1000:03}"


def _open(view: View, part: Part) -> InputContainer:
    import av  # FFmpeg: only those who read files pay for it
    from av.error import FFmpegError

    try:
        return av.open(view, "r", format=part.kind)
    except (FFmpegError, OSError, ValueError) as error:
        raise UserError(
            tr(
                "录音已损坏或不完整，无法读取，请重新复制或导出",
                "the recording is damaged or cut off and cannot be read: copy or export it again",
            )
        ) from error


def _checked(container: InputContainer, number: int) -> AudioStream:
    """A stream, if what its header claims makes sense."""
    if not container.streams.audio:
        raise UserError(tr("里面没有声音，请指定录音文件", "has no sound in it: name a recording"))
    stream = container.streams.audio[number]
    context = stream.codec_context
    if context is None:
        raise UserError(
            tr(
                "声音的编码无法识别，请导出为 WAV 或 MP3",
                "its sound is coded in a way that is not read: export it as WAV or MP3",
            )
        )
    if context.channels < 1:
        raise UserError(
            tr(
                "文件头写着零个声道，请重新导出录音",
                "its header says zero channels: export the recording again",
            )
        )
    if context.channels > _MOST_CHANNELS:
        raise UserError(
            tr(
                f"文件头写着 {context.channels} 个声道，请检查文件",
                f"its header says {context.channels} channels: check the file",
            )
        )
    if context.sample_rate < LOWEST_RATE:
        raise UserError(
            tr(
                f"采样率 {context.sample_rate} Hz 太低，至少要 {LOWEST_RATE} Hz",
                f"a sample rate of {context.sample_rate} Hz is too low:"
                f" at least {LOWEST_RATE} Hz is needed",
            )
        )
    if context.sample_rate > _HIGHEST_RATE:
        raise UserError(
            tr(
                f"文件头写着采样率 {context.sample_rate} Hz，不可能，请重新导出录音",
                f"its header says {context.sample_rate} samples a second, which cannot be:"
                " export the recording again",
            )
        )
    return stream


def _changed(seconds: float) -> str:
    when = clock(seconds)
    return tr(
        f"{when} 处声道数改变，请把前后两段分开保存",
        f"the number of channels changes at {when}: save the parts as two files",
    )

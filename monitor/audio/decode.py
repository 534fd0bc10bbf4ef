"""Decoding with PyAV (FFmpeg), block by block: PCM of a file, and complaints about it.

Files come from anywhere, so FFmpeg may only open the formats listed here, and
only the file itself: a playlist that points elsewhere is not audio.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from monitor.audio import whole
from monitor.audio.resample import LOWEST_RATE
from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_FORMATS = (
    "wav,w64,aiff,au,caf,mp3,flac,ogg,mov,mp4,m4a,3gp,3g2,mj2,aac,amr,amrnb,amrwb,asf,matroska,webm"
)
_SIGNATURES = (b"RIFF", b"RF64", b"ID3", b"fLaC", b"OggS", b"#!AMR", b"FORM", b"caff", b"\xff\xfb")
_JUMP_S = 0.04  # a leap of the time stamps beyond any encoder's rounding: audio is missing


class TruncatedAudioError(UserError):
    """The file ends early. Everything before `reached_ms` was read."""

    def __init__(self, message: str, reached_ms: int) -> None:
        super().__init__(message)
        self.reached_ms = reached_ms


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file's header says; `duration_ms` is None where it says nothing reliable."""

    duration_ms: int | None
    rate: int
    channels: int
    codec: str


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Decoded PCM: float32 of shape (n, channels), n ≥ 1.

    `jump_s` is how much later it begins than the block before it ended: time
    whose audio could not be decoded.
    """

    samples: npt.NDArray[np.float32]
    jump_s: float = 0.0


class Decoder:
    """An open audio file. A context manager; raises `UserError` for whatever is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open_file(path)
        try:
            self._container, self._stream = _open_audio(path, self._file)
        except BaseException:
            self._file.close()
            raise
        stream = self._stream
        length = stream.duration
        self._promise = whole.promise(
            path,
            self._container.format.name,
            None
            if length is None or stream.time_base is None
            else float(length * stream.time_base),
        )
        seconds = self._promise.seconds
        context = stream.codec_context
        self.info = AudioInfo(
            duration_ms=None if seconds is None else round(seconds * 1000),
            rate=context.sample_rate,
            channels=context.channels,
            codec=context.name,
        )

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._container.close()
        self._file.close()

    def blocks(self) -> Iterator[Block]:
        """The whole recording, in the codec's own block sizes. Once per decoder.

        Raises:
            TruncatedAudioError: after the last block of a file that ends early.
            UserError: samples that are no numbers, or a change of format on the way.
        """
        rate = self.info.rate
        expected_s: float | None = None  # the time stamp that the next frame should carry
        seconds = 0.0  # length of what has been read, lost stretches included
        damaged = False  # whether the last packet could not be decoded
        for frame in self._frames():
            if frame is None:
                damaged = True
                continue
            if frame.sample_rate != rate or frame.layout.nb_channels != self.info.channels:
                raise UserError(self._changed(seconds))
            samples = _floats(frame)
            stamp_s = expected_s or 0.0
            if frame.pts is not None and frame.time_base is not None:
                stamp_s = float(frame.pts * frame.time_base)
            jump_s = 0.0 if expected_s is None else stamp_s - expected_s
            if jump_s < _JUMP_S:
                jump_s = 0.0
            expected_s = stamp_s + len(samples) / rate
            self._check_numbers(samples, seconds + jump_s)
            seconds += jump_s + len(samples) / rate
            damaged = False
            if len(samples):
                yield Block(samples, jump_s)
        if self._promise.broken_by(seconds) or damaged:
            raise TruncatedAudioError(self._truncated(seconds), int(seconds * 1000))
        if seconds == 0:
            raise UserError(self._no_sound())

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
            except FFmpegError:
                yield None
                return
            try:
                frames = packet.decode()
            except EndOfStream:
                return
            except FFmpegError:
                yield None
            else:
                yield from frames

    def _check_numbers(self, samples: npt.NDArray[np.float32], start_s: float) -> None:
        bad = ~np.isfinite(samples)
        if bad.any():
            row, channel = (int(i) for i in np.argwhere(bad)[0])
            at = clock(start_s + row / self.info.rate)
            raise UserError(
                tr(
                    f"{self._path}：{at} 处第 {channel + 1} 声道有无效采样（NaN 或无穷大），"
                    "请重新导出录音",
                    f"{self._path}: invalid sample (NaN or infinity) at {at} in channel"
                    f" {channel + 1}: export the recording again",
                )
            )

    def _changed(self, seconds: float) -> str:
        at = clock(seconds)
        return tr(
            f"{self._path}：{at} 处采样率或声道数改变，请把前后两段分开保存",
            f"{self._path}: sample rate or channels change at {at}: save the parts as two files",
        )

    def _no_sound(self) -> str:
        return tr(
            f"{self._path}：没有声音数据，请检查录音是否成功",
            f"{self._path}: holds no sound: check that the recording worked",
        )

    def _truncated(self, seconds: float) -> str:
        of_zh = of_en = ""
        if self.info.duration_ms is not None and self.info.duration_ms / 1000 > seconds:
            whole_length = clock(self.info.duration_ms / 1000)
            of_zh, of_en = f"（应有 {whole_length}）", f" of {whole_length}"
        return tr(
            f"{self._path}：文件不完整，只能读到 {clock(seconds)}{of_zh}，请重新复制或导出",
            f"{self._path}: the file is cut off, readable up to {clock(seconds)}{of_en}:"
            " copy or export it again",
        )


def clock(seconds: float) -> str:
    """`1:02:03.450`, without hours where there are none."""
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{rest // 1000:02}.{rest % 1000:03}"


def _open_file(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise UserError(
                tr(f"{path}：是文件夹，请指定录音文件", f"{path}: is a folder: name a recording")
            )
        file = path.open("rb")
    except FileNotFoundError:
        raise UserError(
            tr(f"{path}：文件不存在，请检查路径", f"{path}: no such file: check the path")
        ) from None
    except OSError as error:
        raise UserError(
            tr(f"{path}：无法打开：{error.strerror}", f"{path}: cannot be opened: {error.strerror}")
        ) from error
    if not file.read(1):
        file.close()
        raise UserError(
            tr(
                f"{path}：文件是空的，请检查录音或复制是否成功",
                f"{path}: the file is empty: check that it was recorded or copied",
            )
        )
    file.seek(0)
    return file


def _open_audio(path: Path, file: BinaryIO) -> tuple[InputContainer, AudioStream]:
    """The container and its first audio stream, checked for what its header claims."""
    import av  # FFmpeg: only those who read files pay for it
    from av.error import FFmpegError

    head = file.read(12)
    file.seek(0)
    try:
        container = av.open(file, "r", options={"format_whitelist": _FORMATS})
    except FFmpegError as error:
        raise UserError(_not_audio(path, head)) from error
    try:
        if not container.streams.audio:
            raise UserError(
                tr(
                    f"{path}：里面没有声音，请指定录音文件",
                    f"{path}: has no sound in it: name a recording",
                )
            )
        stream = container.streams.audio[0]
        context = stream.codec_context
        if context.channels < 1:
            raise UserError(
                tr(
                    f"{path}：文件头写着零个声道，请重新导出录音",
                    f"{path}: its header says zero channels: export the recording again",
                )
            )
        if context.sample_rate < LOWEST_RATE:
            raise UserError(
                tr(
                    f"{path}：采样率 {context.sample_rate} Hz 太低，至少要 {LOWEST_RATE} Hz",
                    f"{path}: a sample rate of {context.sample_rate} Hz is too low:"
                    f" at least {LOWEST_RATE} Hz is needed",
                )
            )
    except BaseException:
        container.close()
        raise
    return container, stream


def _not_audio(path: Path, head: bytes) -> str:
    if head.startswith(_SIGNATURES) or head[4:8] == b"ftyp":
        return tr(
            f"{path}：录音已损坏或不完整，无法读取，请重新复制或导出",
            f"{path}: the recording is damaged or cut off and cannot be read:"
            " copy or export it again",
        )
    return tr(
        f"{path}：不是可识别的音频文件（支持 WAV、MP3、FLAC、Ogg、Opus、M4A、AMR 等）",
        f"{path}: not an audio file of a known kind (WAV, MP3, FLAC, Ogg, Opus, M4A, AMR …)",
    )


def _floats(frame: AudioFrame) -> npt.NDArray[np.float32]:
    """A frame's samples, shape (n, channels), full scale = 1."""
    data: npt.NDArray[Any] = frame.to_ndarray()
    rows = data.T if frame.format.is_planar else data.reshape(-1, frame.layout.nb_channels)
    if rows.dtype == np.uint8:
        return (rows.astype(np.float32) - np.float32(128)) / np.float32(128)
    if rows.dtype.kind == "i":
        # Through float64: 32-bit samples do not fit a float32 before they are scaled.
        return (rows / 2.0 ** (8 * rows.itemsize - 1)).astype(np.float32)
    return rows.astype(np.float32)

"""Is an upload a recording? Told by how the file begins, never by its name alone.

The server does not decode what strangers send; it looks at the first bytes.
Decoding happens in the process that scores.
"""

from __future__ import annotations

from typing import BinaryIO

from monitor.base.errors import UserError
from monitor.base.i18n import tr

_BEGINNINGS: tuple[tuple[int, bytes], ...] = (
    (0, b"RIFF"),  # WAV
    (0, b"RF64"),
    (0, b"riff\x2e\x91\xcf\x11"),  # W64
    (0, b"fLaC"),
    (0, b"OggS"),
    (0, b"ID3"),  # MP3 with a tag
    (4, b"ftyp"),  # MP4, M4A, 3GP
    (0, b"#!AMR"),
    (0, b".snd"),  # AU
    (0, b"FORM"),  # AIFF
    (0, b"caff"),
    (0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    (0, b"0&\xb2u\x8ef\xcf\x11"),  # ASF, WMA
)
"""Where in the file, and what stands there."""

_HEAD = 16


def check_recording(file: BinaryIO, name: str) -> None:
    """Look at how an uploaded file begins; it is left as it was.

    Raises:
        UserError: it is empty, or no kind of recording that can be read.
    """
    head = file.read(_HEAD)
    file.seek(0)
    if not head:
        raise UserError(tr(f"{name}：文件是空的", f"{name}: the file is empty"))
    if not _is_recording(head):
        raise UserError(
            tr(
                f"{name}：内容不是录音，或是不支持的格式",
                f"{name}: not a recording by what it holds, or of a format that is not read",
            )
        )


def _is_recording(head: bytes) -> bool:
    if any(head[at : at + len(sign)] == sign for at, sign in _BEGINNINGS):
        return True
    # MPEG audio and AAC in ADTS begin with eleven ones; a layer (or ADTS's zero) follows, and a
    # reserved MPEG version does not occur.
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x18 != 0x08

"""Is an upload a recording? Told by what it holds, as the decoder will tell it, never by its name.

The server does not decode what strangers send; it looks at the first bytes.
Decoding happens in the process that scores.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from monitor.audio import file as audio_file
from monitor.audio import kinds
from monitor.base.errors import UserError
from monitor.base.i18n import tr


def check_recording(file: BinaryIO, name: str) -> str:
    """Look at what an uploaded file holds and leave it as it was; returns the ending to keep it
    under: its own, or that of its kind where its own says nothing.

    Raises:
        UserError: it is empty, or no kind of recording that can be read.
    """
    empty = not file.read(1)
    file.seek(0)
    if empty:
        raise UserError(tr(f"{name}：文件是空的", f"{name}: the file is empty"))
    found = kinds.look(file)
    if found is None:
        raise UserError(
            tr(
                f"{name}：内容不是录音，或是不支持的格式",
                f"{name}: not a recording by what it holds, or of a format that is not read",
            )
        )
    suffix = PurePath(name).suffix.lower()
    return suffix if suffix in audio_file.SUFFIXES else kinds.ENDINGS[found[0]]

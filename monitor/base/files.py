"""Files written whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from monitor.base import private
from monitor.base.errors import UserError
from monitor.base.i18n import tr


def write_atomically(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a text file so that a reader sees the old or the new one, never a part.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    write_bytes_atomically(path, text.encode(encoding))


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old or the new one, never a part.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    temporary: str | None = None
    try:
        private.make_folder(path.parent)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            temporary = file.name
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(private.FILE)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if error.errno == errno.ENAMETOOLONG:
            # That one file cannot be; others can.
            raise UserError(
                tr(
                    f"{path}：文件名太长，无法写入，请改短录音的文件名",
                    f"{path}: the name is too long to be written: give the recording a shorter one",
                )
            ) from error
        raise OutputError(
            tr(
                f"{path}：无法写入：{error.strerror}。请检查磁盘空间和权限",
                f"{path}: cannot be written: {error.strerror}; check disk space and permissions",
            )
        ) from error


class OutputError(UserError):
    """Nothing more can be written where the results go."""

"""Files out of a tar archive that somebody else made: only what is wanted, only inside."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from monitor.asr.models.download import SourceError, written
from monitor.asr.models.manifest import is_safe
from monitor.base.errors import UserError
from monitor.base.i18n import tr

DAMAGED = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError)
"""What reading an archive raises when it is cut off, broken, or none at all."""

_BLOCK = 1 << 20


def reason(error: Exception) -> str:
    """The first line of what tarfile says: the rest tells how each compression failed."""
    return str(error).partition("\n")[0].rstrip(":") or type(error).__name__


def top_folder(archive: tarfile.TarFile, called: Path) -> str:
    """The folder that everything in the archive lies in; "" where there is none such.

    Raises:
        UserError: a member would land outside of the folder it is unpacked to.
    """
    tops = set()
    for member in archive.getmembers():
        name = member.name.removeprefix("./")
        if name in ("", "."):
            continue
        if not is_safe(name):
            raise UserError(
                tr(
                    f"{called}：含有不安全的路径 {member.name!r}，没有导入",
                    f"{called}: holds an unsafe path {member.name!r}; nothing was imported",
                )
            )
        head, _, rest = name.partition("/")
        tops.add(head if rest or member.isdir() else "")
    return tops.pop() if len(tops) == 1 else ""


_RATIO = 20
_ALWAYS = 64 * 1024 * 1024


def bounded(members: Iterable[tarfile.TarInfo], packed: Path) -> None:
    """Look at how much an archive says it holds before any of it is written. Weights are as good
    as random: bzip2 takes a tenth off them. What unpacks to many times its size is no model.

    Raises:
        SourceError: it is one of those.
    """
    total = sum(member.size for member in members)
    if total > max(_ALWAYS, _RATIO * packed.stat().st_size):
        raise SourceError(
            tr(
                f"解压后有 {total // 1_000_000} MB，与压缩包的大小不相称，没有解压",
                f"holds {total // 1_000_000} MB, far more than an archive of this size can;"
                " nothing was unpacked",
            )
        )


def extract(archive: tarfile.TarFile, folder: str, paths: Sequence[str], target: Path) -> None:
    """Write the regular files `folder`/path of an archive to `target`/path.

    Links, devices and everything that was not asked for stay in the archive.

    Raises:
        SourceError: one of them is not in the archive.
        UserError: the disk is full.
    """
    members = {member.name.removeprefix("./"): member for member in archive.getmembers()}
    if archive.name is not None:
        wanted = (members.get(f"{folder}/{path}" if folder else path) for path in paths)
        bounded((member for member in wanted if member is not None), Path(str(archive.name)))
    for path in paths:
        member = members.get(f"{folder}/{path}" if folder else path)
        if member is None or not member.isreg():
            raise SourceError(tr(f"压缩包里没有 {path}", f"{path} is not in the archive"))
        source = archive.extractfile(member)
        assert source is not None
        file = target / path
        with written(target):
            file.parent.mkdir(parents=True, exist_ok=True)
            stream = file.open("wb")
        with source, stream, written(target):
            shutil.copyfileobj(source, stream, _BLOCK)

"""One file over HTTP: resumed where it broke off, checked while it is written.

Proxies come from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    import httpx2

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes that are here, and the bytes in all (None: unknown)."""

_TIMEOUT_S = 30.0  # without a single byte
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SourceError(Exception):
    """This source cannot give the file; another may. The text says why."""


@contextmanager
def client() -> Iterator[httpx2.Client]:
    """An HTTP client for a whole pull."""
    import httpx2  # heavy; only a pull needs it

    with httpx2.Client(follow_redirects=True, timeout=_TIMEOUT_S, trust_env=True) as session:
        yield session


def fetch(
    session: httpx2.Client,
    url: str,
    target: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    progress: Progress,
) -> None:
    """Bring `url` to `target`. What came earlier lies in `target` + `.part` and is gone on with.

    Raises:
        SourceError: not there, not reachable, broken off, or not what it should be.
        UserError: the disk is full or cannot be written.
    """
    part = target.with_name(target.name + ".part")
    with written(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        resumed = part.is_file()
        _download(session, url, part, progress)
        try:
            check(part, target.name, size, sha256)
        except SourceError as error:
            part.unlink()  # what is wrong cannot be gone on with
            if resumed:  # the beginning may have come from another source: once more, whole
                continue
            raise SourceError(f"{_host(url)}: {error}") from error
        part.replace(target)
        return


def check(file: Path, name: str, size: int | None, sha256: str | None) -> None:
    """Compare a file with what is published about it.

    Raises:
        SourceError: it differs.
    """
    have = file.stat().st_size
    if size is not None and have != size:
        raise SourceError(
            tr(
                f"{name}：应为 {size} 字节，实际 {have} 字节",
                f"{name}: should have {size} bytes, has {have}",
            )
        )
    if sha256 is not None and (found := digest(file)) != sha256:
        raise SourceError(
            tr(
                f"{name}：校验和不符（应为 {sha256[:12]}…，实际 {found[:12]}…）",
                f"{name}: wrong checksum (should be {sha256[:12]}…, is {found[:12]}…)",
            )
        )


def digest(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def written(place: Path) -> Iterator[None]:
    """Say in one line why nothing can be written to `place`.

    Raises:
        UserError: the disk is full, or writing is not allowed.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise UserError(
                tr(
                    f"{place}：磁盘已满；请腾出空间后重复同一命令（已下载的会继续使用），"
                    "或用 --to 换一个位置",
                    f"{place}: the disk is full; make room and repeat the command (it goes on "
                    "from here), or choose another place with --to",
                )
            ) from error
        reason = error.strerror or str(error)
        raise UserError(
            tr(f"{place}：无法写入（{reason}）", f"{place}: cannot be written ({reason})")
        ) from error


def _download(session: httpx2.Client, url: str, part: Path, progress: Progress) -> None:
    import httpx2  # heavy; only a pull needs it

    while True:
        had = _size(part)
        try:
            _stream(session, url, part, progress)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            if isinstance(error, httpx2.TransportError) and _size(part) > had:
                continue  # long transfers break: go on from there while that leads further
            reason = " ".join(str(error).split()) or type(error).__name__
            raise SourceError(f"{_host(url)}: {reason}") from error
        return


def _stream(session: httpx2.Client, url: str, part: Path, progress: Progress) -> None:
    """Append to `part` what it lacks."""
    name = part.name.removesuffix(".part")
    have = _size(part)
    # Bytes as they are stored: a range of a compressed answer would mean nothing.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with session.stream("GET", url, headers=headers) as answer:
        if answer.status_code == 416:  # nothing is left to send: it is complete, or another file
            if _total(answer) == have:
                return
            part.unlink()
            raise SourceError(
                tr(
                    f"{url}：那里的文件已经变了；请重复同一命令",
                    f"{url}: the file there has changed; repeat the command",
                )
            )
        if answer.status_code >= 400:
            raise SourceError(f"{url}: HTTP {answer.status_code} {answer.reason_phrase}")
        resumed = answer.status_code == 206 and _first(answer) == have
        if not resumed:
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        # What the network raises is no OSError here, so all of those are the disk's.
        with written(part), part.open("ab" if resumed else "wb") as file:
            progress(name, have, total)
            # As it comes: what a larger block would wait for is lost when the line breaks.
            for block in answer.iter_raw():
                file.write(block)
                have += len(block)
                progress(name, have, total)
    if total is not None and have < total:
        raise SourceError(
            tr(
                f"{url}：传输中断，共 {total} 字节，收到 {have} 字节",
                f"{url}: broke off after {have} of {total} bytes",
            )
        )


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0] or url


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _first(answer: httpx2.Response) -> int | None:
    """First byte of a partial answer: `Content-Range: bytes 100-199/200`."""
    span = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(span) if span.isdigit() else None


def _total(answer: httpx2.Response) -> int | None:
    """Size of the whole file: `Content-Range: bytes */200`."""
    size = answer.headers.get("Content-Range", "").rpartition("/")[2]
    return int(size) if size.isdigit() else None

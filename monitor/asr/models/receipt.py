"""What lies in a model's folder and where it came from: `receipt.json`, written on arrival."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from monitor.asr.models.download import SourceError, check, digest, written
from monitor.asr.models.manifest import NAME, Engine, Entry, is_safe
from monitor.base.errors import UserError
from monitor.base.i18n import tr

FILE = "receipt.json"


@dataclass(frozen=True, slots=True)
class Item:
    """A file as it arrived."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A model as it arrived."""

    name: str
    engine: Engine
    source: str
    files: tuple[Item, ...]


def take(folder: Path, entry: Entry, source: str) -> Receipt:
    """Look through the files of a model and write its receipt.

    Raises:
        SourceError: a file is missing or not what the manifest says.
    """
    receipt = inspect(folder, entry, source)
    with written(folder):
        (folder / FILE).write_text(to_json(receipt), encoding="utf-8")
        _sync(folder)
    return receipt


def inspect(folder: Path, entry: Entry, source: str = "") -> Receipt:
    """What lies in a folder that should hold a model.

    Raises:
        SourceError: a file is missing or not what the manifest says.
    """
    items = []
    for wanted in entry.files:
        file = folder / wanted.path
        if not file.is_file():
            raise SourceError(tr(f"缺少文件 {wanted.path}", f"{wanted.path} is missing"))
        check(file, wanted.path, wanted.size, wanted.sha256)
        items.append(Item(wanted.path, file.stat().st_size, wanted.sha256 or digest(file)))
    return Receipt(entry.name, entry.engine, source, tuple(items))


def read(folder: Path) -> Receipt | None:
    """The receipt of a folder; None where there is none.

    Raises:
        UserError: it cannot be understood.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    return parse(file.read_bytes(), str(file))


def to_json(receipt: Receipt) -> str:
    """The text of a receipt's file."""
    return json.dumps(asdict(receipt), ensure_ascii=False, indent=1) + "\n"


def parse(data: bytes, called: str) -> Receipt:
    """The receipt in `data`.

    Raises:
        UserError: it is none.
    """
    try:
        raw = json.loads(data)
        items = tuple(
            Item(str(item["path"]), int(item["size"]), str(item["sha256"])) for item in raw["files"]
        )
        engine = next(known for known in get_args(Engine) if known == raw["engine"])
        receipt = Receipt(str(raw["name"]), engine, str(raw["source"]), items)
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise UserError(
            tr(f"{called}：不是有效的模型清单", f"{called}: not a model's receipt")
        ) from error
    if not re.match(NAME, receipt.name) or not all(is_safe(item.path) for item in items):
        raise UserError(
            tr(f"{called}：含有不安全的路径", f"{called}: holds a path outside of the model")
        )
    return receipt


def problems(folder: Path, receipt: Receipt, entry: Entry | None) -> Iterator[str]:
    """What is wrong with the files of a model, one line each."""
    published = {} if entry is None else {file.path: file for file in entry.files}
    for item in receipt.files:
        file = folder / item.path
        if not file.is_file():
            yield tr(f"缺少文件 {item.path}", f"{item.path} is missing")
            continue
        try:
            check(file, item.path, item.size, item.sha256)
        except SourceError as error:
            yield str(error)
            continue
        known = published.get(item.path)
        if known is not None and known.sha256 not in (None, item.sha256):
            yield tr(
                f"{item.path}：与发布的校验和不符", f"{item.path}: not the file that was published"
            )
    arrived = {item.path for item in receipt.files}
    yield from (tr(f"缺少文件 {path}", f"{path} is missing") for path in published.keys() - arrived)


def total(items: Sequence[Item]) -> int:
    """Bytes of all files."""
    return sum(item.size for item in items)


def _sync(folder: Path) -> None:
    """Have the content on the disk before the folder gets its name, so a crash leaves no husk."""
    for file in folder.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDWR)  # Windows syncs no read-only one
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

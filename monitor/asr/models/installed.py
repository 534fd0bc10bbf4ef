"""The models that are here."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import get_args

from monitor.asr.models import from_packages, receipt, wheels
from monitor.asr.models.manifest import Engine, Entry, Manifest
from monitor.asr.models.places import search_path
from monitor.asr.models.receipt import Receipt
from monitor.base.errors import UserError
from monitor.base.i18n import tr


@dataclass(frozen=True, slots=True)
class Installed:
    """A model's folder; `receipt` is None where it was put there by hand."""

    folder: Path
    receipt: Receipt | None


def models(manifest: Manifest) -> dict[str, Installed]:
    """Every model of the list, and every other that was imported, by name."""
    found: dict[str, Installed] = {}
    for place in chain.from_iterable(map(_with_engines, search_path())):
        for folder in sorted(place.iterdir()):
            if folder.name.startswith(".") or not folder.is_dir() or folder.name in found:
                continue
            got = receipt.read(folder)
            if got is not None or manifest.get(folder.name) is not None:
                found[folder.name] = Installed(folder, got)
    return found


def waiting(entry: Entry) -> bool:
    """Whether the model's packages are installed, so that it is joined when it is asked for."""
    source = wheels.source_of(entry)
    return source is not None and wheels.installed(source)


def _with_engines(place: Path) -> list[Path]:
    """The folders of a place in which models may lie, as `monitor.asr.models.find` looks."""
    folders = [*(place / engine for engine in get_args(Engine)), place]
    return [folder for folder in folders if folder.is_dir()]


def one(name: str, manifest: Manifest) -> Installed:
    """The installed model called `name`.

    Raises:
        UserError: it is not here, or there is none of that name.
    """
    found = models(manifest).get(name)
    if found is None:
        entry = manifest.entry(name)
        folder = from_packages(name, entry.engine)
        if folder is not None:
            return Installed(folder, receipt.read(folder))
        raise UserError(
            tr(
                f"模型 {name} 不在这台电脑上：请先运行 monitor models pull {name}",
                f"model {name} is not here: run monitor models pull {name} first",
            )
        )
    return found

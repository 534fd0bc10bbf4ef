"""On a USB stick and back; archives that mean no good."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.asr.models import archive, receipt
from monitor.asr.models.manifest import Source, is_safe
from monitor.asr.models.pull import PARTIAL
from monitor.base.errors import UserError
from tests.models.conftest import CONTENT, FOLDER, entry, manifest, sha, tar

RELEASE = Source(archive="https://example.invalid/release.tar.bz2", folder=FOLDER)
KNOWN = manifest(entry(RELEASE))


def _installed(store: Path) -> receipt.Receipt:
    folder = store / "small"
    folder.mkdir(parents=True)
    for path, content in CONTENT.items():
        (folder / path).write_bytes(content)
    return receipt.take(folder, entry(RELEASE), "by hand")


def test_what_is_exported_is_imported_elsewhere(tmp_path: Path) -> None:
    packed = _installed(tmp_path / "here")
    stick = tmp_path / "stick" / "small.tar"
    archive.export(tmp_path / "here" / "small", packed, stick)
    there = tmp_path / "there"
    got = archive.take_in(stick, KNOWN, there)
    assert got == packed
    assert {path.name for path in (there / "small").iterdir()} == {*CONTENT, receipt.FILE}
    assert all((there / "small" / path).read_bytes() == data for path, data in CONTENT.items())
    assert [path.name for path in there.iterdir()] == ["small"]


def test_a_model_of_links_into_a_cache_is_exported_whole(tmp_path: Path) -> None:
    packed = _installed(tmp_path / "here")
    file = tmp_path / "here" / "small" / "tokens.txt"
    file.rename(tmp_path / "blob")
    file.symlink_to(tmp_path / "blob")
    stick = tmp_path / "small.tar"
    archive.export(tmp_path / "here" / "small", packed, stick)
    assert archive.take_in(stick, KNOWN, tmp_path / "there") == packed
    with tarfile.open(stick) as opened:
        assert {member.uname for member in opened.getmembers()} == {""}


def test_an_export_of_a_newer_list_is_taken_by_its_receipt(tmp_path: Path) -> None:
    packed = _installed(tmp_path / "here")
    stick = tmp_path / "small.tar"
    archive.export(tmp_path / "here" / "small", packed, stick)
    assert archive.take_in(stick, manifest(), tmp_path / "there") == packed


@pytest.mark.parametrize("mode", ["w:bz2", "w:gz", "w:xz", "w"])
def test_a_publishers_archive_is_taken(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "release.tar.bz2"
    file.write_bytes(tar(FOLDER, CONTENT, mode))
    got = archive.take_in(file, KNOWN, tmp_path / "store")
    assert got.source == "release.tar.bz2"
    assert not (tmp_path / "store" / "small" / "README.md").exists()


def test_an_archive_replaces_an_older_model(tmp_path: Path) -> None:
    store = tmp_path / "store"
    _installed(store)
    (store / "small" / "tokens.txt").write_text("old", encoding="utf-8")
    file = tmp_path / "release.tar"
    file.write_bytes(tar(FOLDER, CONTENT))
    archive.take_in(file, KNOWN, store)
    assert (store / "small" / "tokens.txt").read_bytes() == CONTENT["tokens.txt"]


def _member(name: str, **changes: Any) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(member, key, value)
    return member


def _receipt(**changes: object) -> tuple[tarfile.TarInfo, bytes]:
    data = json.dumps(
        {"name": "small", "engine": "sherpa", "source": "", "files": [], **changes}
    ).encode()
    return _member(f"{FOLDER}/{receipt.FILE}", size=len(data)), data


_OUT = {"path": "../../evil", "size": 1, "sha256": sha(b"x")}
_HOSTILE = {
    "parent": (_member(f"{FOLDER}/../../evil", size=1), b"x"),
    "absolute": (_member("/tmp/callmonitor-evil", size=1), b"x"),
    "drive": (_member("C:\\evil", size=1), b"x"),
    "receipt that leads out": _receipt(files=[_OUT]),
    "name that leads out": _receipt(name="../evil"),
    "engine nobody knows": _receipt(engine="evil"),
    # These stand in for a file of the model, later in the archive than the real one.
    "link": (_member(f"{FOLDER}/tokens.txt", type=tarfile.SYMTYPE, linkname="/etc/passwd"), b""),
    "hard link": (_member(f"{FOLDER}/tokens.txt", type=tarfile.LNKTYPE, linkname="/etc/x"), b""),
    "device": (_member(f"{FOLDER}/tokens.txt", type=tarfile.CHRTYPE), b""),
}


@pytest.mark.parametrize("kind", _HOSTILE)
def test_a_hostile_archive_changes_nothing(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "evil.tar"
    with tarfile.open(file, "w") as packed:
        for path, data in CONTENT.items():
            packed.addfile(_member(f"{FOLDER}/{path}", size=len(data)), io.BytesIO(data))
        member, data = _HOSTILE[kind]
        packed.addfile(member, io.BytesIO(data))
    store = tmp_path / "a" / "b" / "store"
    with pytest.raises(UserError, match=r"evil\.tar"):
        archive.take_in(file, KNOWN, store)
    assert not (store / "small").exists()
    assert not list(tmp_path.rglob("evil"))
    assert not Path("/tmp/callmonitor-evil").exists()


@given(parts=st.lists(st.sampled_from(["..", ".", "a", "", "/", "\\", "C:", "a\0b"]), max_size=5))
def test_a_path_that_is_called_safe_stays_inside(parts: list[str]) -> None:
    path = "/".join(parts)
    if is_safe(path):
        inside = os.path.normpath(f"/root/store/{path}")
        assert inside.startswith("/root/store/")
        assert not set(path) & set("\\:\0")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (tar(FOLDER, {**CONTENT, "tokens.txt": b"other"}), "tokens.txt"),
        (tar(FOLDER, {"tokens.txt": CONTENT["tokens.txt"]}), "model.int8.onnx"),
        (tar(FOLDER, CONTENT)[:-400], "bad.tar"),
        (tar("some-other-model", CONTENT), "some-other-model"),
        (b"no archive at all", "bad.tar"),
        (b"", "bad.tar"),
    ],
    ids=["wrong content", "file missing", "cut off", "unknown", "no archive", "empty"],
)
def test_an_archive_that_will_not_do_is_said_in_one_line(
    tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "bad.tar"
    file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        archive.take_in(file, KNOWN, tmp_path / "store")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "store" / PARTIAL / "import-small").exists()
    assert not (tmp_path / "store" / "small").exists()


def test_a_damaged_export_is_noticed_without_a_published_checksum(tmp_path: Path) -> None:
    packed = _installed(tmp_path / "here")
    stick = tmp_path / "small.tar"
    archive.export(tmp_path / "here" / "small", packed, stick)
    data = bytearray(stick.read_bytes())
    at = data.index(CONTENT["tokens.txt"])
    data[at] ^= 1
    stick.write_bytes(data)
    unsummed = manifest(entry(RELEASE, sums=False))
    with pytest.raises(UserError, match=r"small\.tar"):
        archive.take_in(stick, unsummed, tmp_path / "there")
    assert not (tmp_path / "there" / "small").exists()


def test_an_archive_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.tar"):
        archive.take_in(tmp_path / "none.tar", KNOWN, tmp_path)


def test_an_archive_that_unpacks_to_a_full_disk_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.asr.models.unpack._ALWAYS", 1_000_000)
    file = tmp_path / "release.tar.bz2"
    file.write_bytes(tar(FOLDER, {**CONTENT, next(iter(CONTENT)): bytes(50_000_000)}, "w:bz2"))
    assert file.stat().st_size < 10_000
    with pytest.raises(UserError, match="50 MB"):
        archive.take_in(file, KNOWN, tmp_path / "store")
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []

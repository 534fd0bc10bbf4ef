"""Pulling over a real connection: whole or not at all, whatever the server does."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from monitor.asr.models import find, receipt
from monitor.asr.models.manifest import Entry, Source
from monitor.asr.models.pull import PARTIAL, pull
from monitor.base.errors import UserError
from tests.models.conftest import CONTENT, FOLDER, Site, entry, silent, tar

HUB = Source(hub="some/model", revision="abc123")


@pytest.fixture
def hub(site: Site, store: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The server as a mirror of the hub, with a model on it."""
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    for path, content in CONTENT.items():
        site.files[f"/some/model/resolve/abc123/{path}"] = content
    return site


def _whole(folder: Path) -> bool:
    return all((folder / path).read_bytes() == content for path, content in CONTENT.items())


BIG = "/some/model/resolve/abc123/model.int8.onnx"


def test_a_model_arrives_whole_with_a_receipt(hub: Site, store: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    got = pull(entry(HUB), store, lambda *step: seen.append(step))
    assert _whole(store / "small")
    assert receipt.read(store / "small") == got
    assert {item.path for item in got.files} == set(CONTENT)
    assert ("model.int8.onnx", len(CONTENT["model.int8.onnx"]), 307_200) in seen
    assert not (store / PARTIAL).exists()
    assert find("small", "sherpa") == store / "small"


def test_a_transfer_that_breaks_goes_on_where_it_was(hub: Site, store: Path) -> None:
    hub.break_after[BIG] = [100_000, 50_000]
    pull(entry(HUB), store, silent)
    assert _whole(store / "small")
    assert [span for path, span in hub.asked if path == BIG] == [
        None,
        "bytes=100000-",
        "bytes=150000-",
    ]


def test_a_pull_that_was_interrupted_goes_on_next_time(hub: Site, store: Path) -> None:
    hub.break_after[BIG] = [100_000, 0]  # breaks, and then gives nothing more
    with pytest.raises(UserError, match="small"):
        pull(entry(HUB), store, silent)
    assert not (store / "small").exists()
    hub.asked.clear()
    pull(entry(HUB), store, silent)
    assert _whole(store / "small")
    assert hub.asked[0] == (BIG, "bytes=100000-")


def test_two_at_once_do_not_mix(hub: Site, store: Path) -> None:
    refused = []

    def meanwhile(name: str, have: int, total: int | None) -> None:
        with pytest.raises(UserError, match="另一个进程") as error:
            pull(entry(HUB), store, silent)
        refused.append(str(error.value))
        pull(entry(HUB, name="another"), store, silent)

    pull(entry(HUB), store, meanwhile)
    assert refused
    assert _whole(store / "small")
    assert _whole(store / "another")
    assert not (store / PARTIAL).exists()


def test_control_c_leaves_what_came_and_nothing_half_done(hub: Site, store: Path) -> None:
    def stop(name: str, have: int, total: int | None) -> None:
        if have:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(entry(HUB), store, stop)
    assert not (store / "small").exists()
    part = store / PARTIAL / "small" / "model.int8.onnx.part"
    assert part.stat().st_size > 0
    pull(entry(HUB), store, silent)
    assert _whole(store / "small")


def test_a_server_without_ranges_starts_over(hub: Site, store: Path) -> None:
    hub.ranges = False
    way = store / PARTIAL / "small"
    way.mkdir(parents=True)
    (way / "model.int8.onnx.part").write_bytes(CONTENT["model.int8.onnx"][:1000])
    pull(entry(HUB), store, silent)
    assert _whole(store / "small")


def test_a_beginning_of_another_file_is_noticed(hub: Site, store: Path) -> None:
    way = store / PARTIAL / "small"
    way.mkdir(parents=True)
    (way / "model.int8.onnx.part").write_bytes(b"x" * 1000)
    pull(entry(HUB), store, silent)
    assert _whole(store / "small")


def test_a_whole_file_of_an_older_version_is_fetched_again(hub: Site, store: Path) -> None:
    way = store / PARTIAL / "small"
    way.mkdir(parents=True)
    (way / "tokens.txt").write_bytes(b"<blk> 0\n")
    pull(entry(HUB), store, silent)
    assert _whole(store / "small")


def test_a_part_that_is_already_whole_is_taken(hub: Site, store: Path) -> None:
    way = store / PARTIAL / "small"
    way.mkdir(parents=True)
    (way / "model.int8.onnx.part").write_bytes(CONTENT["model.int8.onnx"])
    pull(entry(HUB), store, silent)
    assert _whole(store / "small")


@pytest.mark.parametrize("sums", [True, False])
def test_a_wrong_file_is_never_put_in_place(hub: Site, store: Path, sums: bool) -> None:
    content = CONTENT["model.int8.onnx"]
    hub.files[BIG] = content[:-1] + b"?" if sums else content + b"?"
    with pytest.raises(UserError, match=r"model\.int8\.onnx"):
        pull(entry(HUB, sums=sums), store, silent)
    assert not (store / "small").exists()
    assert not list(store.rglob("model.int8.onnx*"))


def test_a_missing_file_sends_the_pull_to_the_next_source(hub: Site, store: Path) -> None:
    del hub.files[BIG]
    hub.files["/release.tar.bz2"] = tar(FOLDER, CONTENT)
    archive = Source(archive=f"{hub.url}/release.tar.bz2", folder=FOLDER)
    got = pull(entry(HUB, archive), store, silent)
    assert got.source == f"{hub.url}/release.tar.bz2"
    assert _whole(store / "small")
    assert not (store / "small" / "README.md").exists()


def test_a_missing_file_everywhere_names_the_addresses_and_the_way_out(
    hub: Site, store: Path
) -> None:
    del hub.files[BIG]
    with pytest.raises(UserError) as caught:
        pull(entry(HUB), store, silent)
    text = str(caught.value)
    assert "404" in text
    assert BIG in text
    assert "monitor models import" in text
    assert "\n" not in text


@pytest.mark.parametrize("damage", ["cut", "garbled", "not an archive", "empty"])
def test_a_damaged_archive_is_refused(hub: Site, store: Path, damage: str) -> None:
    packed = tar(FOLDER, CONTENT)
    hub.files["/release.tar.bz2"] = {
        "cut": packed[: len(packed) // 2],
        "garbled": packed[:60] + b"\0" * 60 + packed[120:],
        "not an archive": b"<html>please log in</html>",
        "empty": b"",
    }[damage]
    archive = Source(archive=f"{hub.url}/release.tar.bz2", folder=FOLDER)
    with pytest.raises(UserError, match="small"):
        pull(entry(archive), store, silent)
    assert not (store / "small").exists()


def test_a_mirror_of_ones_own_comes_first(
    hub: Site, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_MODEL_MIRROR", f"{hub.url}/mine/")
    for path, content in CONTENT.items():
        hub.files[f"/mine/small/{path}"] = content
    pull(entry(HUB), store, silent)
    assert {path for path, _ in hub.asked} == {f"/mine/small/{path}" for path in CONTENT}


def test_a_proxy_of_the_environment_is_used(
    hub: Site, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    monkeypatch.setenv("HTTP_PROXY", hub.url)
    for path, content in CONTENT.items():  # a proxy is asked with the whole address
        hub.files[f"http://hub.invalid/some/model/resolve/abc123/{path}"] = content
    pull(entry(HUB), store, silent)
    assert _whole(store / "small")


def test_without_a_network_one_line_says_what_to_do(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(UserError) as caught:
        pull(entry(HUB), store, silent)
    assert "monitor models export small" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(store.rglob("*small*"))


def test_an_address_that_is_none_is_said(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "nonsense://[")
    with pytest.raises(UserError, match="small"):
        pull(entry(HUB), store, silent)


def test_a_new_version_takes_the_place_of_the_old(hub: Site, store: Path) -> None:
    pull(entry(HUB), store, silent)
    (store / "small" / "tokens.txt").write_text("old", encoding="utf-8")
    pull(entry(HUB), store, silent)
    assert _whole(store / "small")
    assert [path.name for path in store.iterdir()] == ["small"]


def test_a_model_without_sources_says_how_to_come_by_it(store: Path) -> None:
    lonely = Entry.model_validate(
        {**entry().model_dump(), "by_hand": {"zh": "自己做", "en": "make it yourself"}}
    )
    with pytest.raises(UserError, match="自己做"):
        pull(lonely, store, silent)


def test_too_little_room_is_said_before_anything_is_fetched(
    hub: Site, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1_000_000

    monkeypatch.setattr("monitor.asr.models.pull.shutil.disk_usage", lambda place: Usage)
    with pytest.raises(UserError, match="--to"):
        pull(entry(HUB), store, silent)
    assert hub.asked == []


_FULL = """
    import resource, sys
    from pathlib import Path
    from monitor.base.errors import UserError
    from monitor.asr.models.manifest import Source
    from monitor.asr.models.pull import pull
    from tests.models.conftest import entry, silent

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        pull(entry(Source(hub="some/model", revision="abc123")), Path(sys.argv[1]), silent)
    except UserError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes there")
def test_a_disk_that_fills_up_is_one_line_and_the_pull_goes_on_later(
    hub: Site, store: Path
) -> None:
    """The system refuses to let a file grow further, as a full disk does."""
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_FULL), str(store)],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "MONITOR_LANG": "zh"},
        check=True,
    )
    assert "磁盘已满" in ran.stdout, ran.stderr
    assert ran.stdout.count("\n") == 1
    assert not (store / "small").exists()
    hub.asked.clear()
    pull(entry(HUB), store, silent)
    assert _whole(store / "small")
    assert hub.asked[0] == (BIG, "bytes=100000-")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_an_archive_that_came_is_kept_while_the_disk_is_full(
    hub: Site, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files["/release.tar.bz2"] = tar(FOLDER, CONTENT)
    archive = Source(archive=f"{hub.url}/release.tar.bz2", folder=FOLDER)

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("monitor.asr.models.unpack.shutil.copyfileobj", full)
        with pytest.raises(UserError, match="--to"):
            pull(entry(archive), store, silent)
    hub.asked.clear()
    pull(entry(archive), store, silent)
    assert hub.asked == []
    assert _whole(store / "small")


def test_a_store_that_cannot_be_made_is_said(hub: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="file"):
        pull(entry(HUB), tmp_path / "file" / "store", silent)

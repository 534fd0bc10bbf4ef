"""`monitor watch` as its users run it: once, with what CSV and file names say, and again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from monitor.store import open_store
from monitor.store.schema import Call
from tests.qa.conftest import FIXTURES
from tests.test_cli import complaint, monitor


def test_a_folder_once_and_again(tmp_path: Path) -> None:
    folder = tmp_path / "录音"
    folder.mkdir()
    shutil.copy(FIXTURES / "compliant.wav", folder / "A01_宽带.wav")
    (folder / "A02_坏.wav").write_text("no sound", "utf-8")
    table = tmp_path / "通话.csv"
    table.write_text("文件,队列,开始时间\nA01_宽带.wav,投诉,2026-11-20 09:30\n", "gb18030")
    args = [
        *("watch", folder, "--store", tmp_path / "store", "--once", "--every", "0.2"),
        *("--metadata", table, "--pattern", "{agent}_{queue}"),
    ]
    first = monitor(*args, lang="zh")
    assert first.returncode == 1  # one of them failed
    assert "Traceback" not in first.stderr
    assert "完成 A01_宽带.wav" in first.stdout
    assert "失败 A02_坏.wav" in first.stderr
    again = monitor(*args, lang="zh")
    assert again.returncode == 0
    assert again.stdout == ""
    retried = monitor(*args, "--retry", lang="zh")
    assert "失败 A02_坏.wav" in retried.stderr
    with open_store(tmp_path / "store") as store, store.reading() as session:
        call = session.scalars(select(Call)).one()
        assert (call.agent, call.queue) == ("A01", "投诉")  # the table comes before the name


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ([], "--uploads"),
        (["gone"], "gone"),
        ([".", "--pattern", "{agent"], "{agent"),
        ([".", "--metadata", "gone.csv"], "gone.csv"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, args: list[str], named: str) -> None:
    done = monitor("watch", *args, "--store", tmp_path / "store", "--once", cwd=tmp_path)
    assert named in complaint(done)

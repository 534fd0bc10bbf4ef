"""`monitor rules labelled`: what people judged, from the command line, into a back-test."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from monitor.quality.review import findings, verdicts
from monitor.quality.rules import labelled
from monitor.store import Store
from monitor.store.schema import Audit, Call, User, now
from tests import verbs
from tests.review.conftest import BAD, GOOD, PACK, Keep

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, store_url: str) -> Run:
    monkeypatch.setenv("MONITOR_LANG", "en")
    monkeypatch.setenv("MONITOR_STORE", store_url)

    return partial(verbs.run, capsys, "rules")


@pytest.fixture
def judged(store: Store, keep: Keep, people: dict[str, User]) -> Store:
    """Two calls with a finding each, one right and one wrong, and a call nobody judged."""
    for verdict in ("right", "wrong"):
        number = keep({"agent": GOOD}, {"agent": BAD})
        with store.session() as session:
            call = session.get_one(Call, number)
            [found] = [f for f in findings.findings(session, call) if f.rule == "who"]
            verdicts.judge(session, call, found, verdict, "", people["qa"].id, now())
    keep({"agent": GOOD}, {"agent": BAD})
    return store


def test_it_is_what_the_page_exports(run: Run, judged: Store, tmp_path: Path) -> None:
    with judged.reading() as session:
        lines, calls = list(labelled.lines(session)), dict(labelled.calls(session))
    assert len(lines) == len(calls) == 2
    code, out, _ = run("labelled")
    assert (code, out.splitlines()) == (0, lines)
    file = tmp_path / "set.jsonl"
    code, out, err = run("labelled", "--out", file)
    assert (code, out) == (0, "")
    assert "2 judgements exported" in err
    assert run("labelled", "--out", file)[0] == 0  # again, over the last one
    assert file.read_text("utf-8").splitlines() == lines
    packed = tmp_path / "set.zip"
    assert run("labelled", "--out", packed)[0] == 0
    with zipfile.ZipFile(io.BytesIO(packed.read_bytes())) as archive:
        assert {name: json.loads(archive.read(name)) for name in archive.namelist()} == calls
    with judged.reading() as session:
        trail = session.scalars(select(Audit).where(Audit.action == "labelled.export")).all()
        assert [row.detail["form"] for row in trail] == ["jsonl", "jsonl", "jsonl", "calls"]


def test_a_back_test_takes_the_folder(run: Run, judged: Store, tmp_path: Path) -> None:
    code, _, err = run("labelled", "--out", tmp_path / "calls")
    assert code == 0
    assert "2 judged calls exported" in err
    pack = tmp_path / "desk.yaml"
    pack.write_text(PACK.format(version="1.1", phrase="你找谁"), "utf-8")
    code, out, _ = run("backtest", pack, "--calls", tmp_path / "calls")
    assert code == 0
    assert "precision 50% (95 %: 9%–91%, 2 reviewed)" in out


def test_a_target_of_the_wrong_kind_is_told(run: Run, store: Store, tmp_path: Path) -> None:
    folder, file = tmp_path / "set.jsonl", tmp_path / "set"
    folder.mkdir()
    file.write_text("", "utf-8")
    wrong = "should be a .jsonl or .zip file"
    for target, complaint in (
        (folder, "is a folder"),
        (file, wrong),
        (tmp_path / "set.csv", wrong),
    ):
        code, _, err = run("labelled", "--out", target)
        assert code == 2
        assert f"{target}: {complaint}" in err

"""A recording is scored once per way of scoring, whichever door it comes through.

Rules, recogniser, facts or second recogniser change between two visits of the same recording:
afterwards the store holds the second result, in the same call. Where nothing changed, nothing is
scored.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, TypeAlias
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from monitor import asr, cli
from monitor.asr.scripted import ScriptedRecognizer
from monitor.base.i18n import language, use_language
from monitor.events import Party, Token
from monitor.language.pinyin import syllables
from monitor.quality.imports import queue as intake
from monitor.quality.imports.metadata import Known
from monitor.quality.scorecards import cards
from monitor.quality.scorecards.form import Answer
from monitor.rules.scorecard import ItemStatus
from monitor.store import Store, open_store
from monitor.store.export import call_json
from monitor.store.schema import Alert, Call, Scorecard, User, Verdict, now
from monitor.web.qa import worker

RECORDING = Path(__file__).parents[2] / "audio_fixtures" / "last-word.wav"
_SAID = "你烦不烦啊"
_SAID_MS = 8_500  # the agent speaks there

_PACK = """
pack: small
title: 小包
version: "{version}"
score: {{full: 100, deduct: {{一般: {points}, 严重: 50}}}}
rules:
  - {{id: rude, title: 不说烦不烦, never: [你烦不烦啊], severity: 一般}}
  - {{id: rude-to-vip, title: 对贵宾不说, never: [你烦不烦啊], severity: 严重,
     when: {{facts: {{queue: [贵宾]}}}}}}
"""


class Heard(ScriptedRecognizer):
    """Hears the forbidden sentence, or ("deaf") nothing."""

    scored: ClassVar[list[str]] = []

    def __init__(self, name: str) -> None:
        said = "" if name == "deaf" else _SAID
        super().__init__(
            Token(Party.AGENT, char, syllable, _SAID_MS + 200 * n, _SAID_MS + 200 * n + 190)
            for n, (char, syllable) in enumerate(zip(said, syllables(said), strict=True))
        )
        self.name = name

    def stream(self, party: Party) -> Any:
        self.scored.append(self.name)
        return super().stream(party)


@dataclass(frozen=True)
class Way:
    """How the recording is to be scored."""

    version: str = "1"
    points: int = 10
    asr: str = "keen"
    queue: str | None = None
    confirm: str | None = None

    def words(self, pack: Path) -> list[str]:
        pack.write_text(_PACK.format(version=self.version, points=self.points), "utf-8")
        more = ["--confirm", self.confirm] if self.confirm else []
        return ["--pack", str(pack), "--asr", self.asr, *more]


Door: TypeAlias = Callable[[Way, Path, Path], None]
"""Brings a recording into the store of a folder, scored that way."""


def _monitor(*words: object) -> None:
    own = language()
    try:
        with pytest.raises(SystemExit) as done:
            cli.main([str(word) for word in words])
    finally:
        use_language(own)
    assert not done.value.code


def score(way: Way, recording: Path, place: Path) -> None:
    fact = ["--fact", f"queue={way.queue}"] if way.queue else []
    words = way.words(place / "small.yaml")
    _monitor("score", recording, "--store", place / "store", "--jobs", 1, *words, *fact)


def watch(way: Way, recording: Path, place: Path) -> None:
    table = place / "calls.csv"
    table.write_text(f"file,queue\n{recording.name},{way.queue or ''}\n", "utf-8")
    words = way.words(place / "small.yaml")
    args = ("--once", "--every", "0.1", "--metadata", table, "--store", place / "store")
    _monitor("watch", recording.parent, *args, *words)


class _HereAndNow:
    """Stands in for the server's process: runs the same command at once, and ends."""

    def __init__(self, command: Sequence[str], env: dict[str, str], **_pipes: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("MONITOR_STORE", "MONITOR_AUDIO"):
                patch.setenv(name, env[name])
            _monitor(*command[3:], "--once", "--every", "0.1")

    def poll(self) -> int:
        return 0


def serve_watch(way: Way, recording: Path, place: Path) -> None:
    more = worker.arguments(way.words(place / "small.yaml")[1:2], way.asr, way.confirm)
    with open_store(place / "store") as store:
        app: Any = SimpleNamespace(state=SimpleNamespace(store=store))
        with worker.watching(app, [recording.parent], more):
            pass


def upload(way: Way, recording: Path, place: Path) -> None:
    more = worker.arguments(way.words(place / "small.yaml")[1:2], way.asr, way.confirm)
    with open_store(place / "store") as store:
        incoming = store.audio_dir / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        shutil.copy(recording, incoming / f"{uuid4().hex}.wav")
        with store.session() as session:
            seen = intake.look(incoming).values()
            known = Known(queue=way.queue)
            intake.add(session, intake.UPLOAD, [(one, recording.name, known) for one in seen])
        worker.Worker(store, ("--uploads", *more)).wake()
        assert not list(incoming.iterdir())  # the store has it


@pytest.fixture(autouse=True)
def _no_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(asr, "load", lambda name, **_wanted: Heard(name))
    monkeypatch.setattr(subprocess, "Popen", _HereAndNow)
    yield
    Heard.scored.clear()


def _call(store: Store) -> tuple[Call, dict[str, Any]]:
    with store.reading() as session:
        call = session.scalars(select(Call)).one()  # the recording is one call, whatever happens
        return call, call_json(session, call.id)


_DOORS = {"score": score, "watch": watch, "serve --watch": serve_watch, "upload": upload}
_CHANGES = {
    "pack": (Way(version="2", points=30), 70.0),
    "recogniser": (Way(asr="deaf"), 100.0),
    "facts": (Way(queue="贵宾"), 50.0),  # one sentence costs once: the graver rule
    "confirm": (Way(confirm="deaf"), 100.0),
}


def _touch(recording: Path) -> None:
    status = recording.stat()
    os.utime(recording, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


@pytest.mark.parametrize(
    ("door", "change"),
    [
        (door, change)
        for door in _DOORS
        for change in _CHANGES
        if (door, change) != ("serve --watch", "facts")  # that one is told no facts
    ],
)
def test_the_store_holds_the_last_way_of_scoring(door: str, change: str, tmp_path: Path) -> None:
    bring: Door = _DOORS[door]
    (tmp_path / "in").mkdir()
    recording = Path(shutil.copy(RECORDING, tmp_path / "in" / "a.wav"))
    bring(Way(), recording, tmp_path)
    with open_store(tmp_path / "store") as store:
        call, data = _call(store)
        assert (call.score, data["score"]["total"]) == (90.0, 90.0)
        assert data["call"]["packs"] == [{"id": "small", "version": "1"}]
    Heard.scored.clear()
    _touch(recording)
    bring(Way(), recording, tmp_path)
    assert Heard.scored == []  # the same audio, judged in the same way
    way, total = _CHANGES[change]
    _touch(recording)
    bring(way, recording, tmp_path)
    with open_store(tmp_path / "store") as store:
        call, data = _call(store)
    assert (call.score, data["score"]["total"]) == (total, total)
    assert data["call"]["packs"] == [{"id": "small", "version": way.version}]
    assert data["call"]["recogniser"] == way.asr
    assert (data["review"] or {}).get("recogniser") == way.confirm


def test_every_door_leads_to_the_same_call_and_the_same_result(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    recording = Path(shutil.copy(RECORDING, tmp_path / "in" / "a.wav"))
    way = Way(confirm="keen too")
    score(way, recording, tmp_path)
    Heard.scored.clear()
    for bring in (watch, serve_watch, upload, score):
        bring(way, recording, tmp_path)
    assert Heard.scored == []
    with open_store(tmp_path / "store") as store:
        assert _call(store)[0].score == 90.0


def test_a_copy_of_which_less_is_known_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    recording = Path(shutil.copy(RECORDING, tmp_path / "in" / "a.wav"))
    watch(Way(queue="贵宾"), recording, tmp_path)
    Heard.scored.clear()
    upload(Way(), recording, tmp_path)
    assert Heard.scored == []
    with open_store(tmp_path / "store") as store:
        assert (_call(store)[0].queue, _call(store)[0].score) == ("贵宾", 50.0)


@pytest.mark.parametrize("door", _DOORS)
def test_what_people_did_outlives_the_machine_s_second_score(door: str, tmp_path: Path) -> None:
    bring: Door = _DOORS[door]
    (tmp_path / "in").mkdir()
    recording = Path(shutil.copy(RECORDING, tmp_path / "in" / "a.wav"))
    bring(Way(), recording, tmp_path)
    with open_store(tmp_path / "store") as store:
        call, _data = _call(store)
        with store.session() as session:
            alert = session.scalars(select(Alert)).one()
            person = User(name="qa", role="qa", created_at=now(), display="")
            session.add(person)
            session.flush()
            verdict = Verdict(
                call_id=call.id, alert_id=alert.id, rule="rude", start_ms=0, end_ms=0,
                verdict="right", reviewer_id=person.id, at=now(),
            )  # fmt: skip
            session.add(verdict)
            answers = [Answer("rude", ItemStatus.CLEAN), Answer("rude-to-vip", ItemStatus.CLEAN)]
            cards.save(
                session, session.get_one(Call, call.id), person, answers, at=now(), final=True
            )
        before = alert.id
    _touch(recording)
    bring(replace(Way(), version="2", points=30), recording, tmp_path)
    with open_store(tmp_path / "store") as store, store.reading() as session:
        call = session.scalars(select(Call)).one()
        assert (call.score, call.final_score) == (70.0, 100.0)
        assert session.scalars(select(Verdict.alert_id)).one() == before
        final = select(func.count()).where(Scorecard.status == "final")
        assert session.scalar(final) == 1

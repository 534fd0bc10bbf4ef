"""The bundled calls: sound and description agree."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from monitor.audio import file
from monitor.base import package_files
from monitor.base.errors import UserError
from monitor.events import Party, ScriptStatus
from monitor.testing import fixtures
from monitor.testing.fixtures import Fixture

ALL = fixtures.load_all()
QUIET_DB = -34  # between the loudest line noise and the softest speech of the fixtures


def level_db(samples: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


@pytest.fixture(params=ALL, ids=[fixture.name for fixture in ALL])
def fixture(request: pytest.FixtureRequest) -> Fixture:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def sound(fixture: Fixture) -> dict[Party, np.ndarray]:
    parts: dict[Party, list[np.ndarray]] = {}
    for chunk in file.read_call(fixture.audio):
        parts.setdefault(chunk.party, []).append(chunk.samples)
    return {party: np.concatenate(samples) for party, samples in parts.items()}


def test_there_is_a_call_for_every_situation() -> None:
    assert {
        "compliant", "customer-says-it", "demo", "forbidden-phrases", "last-word", "late-greeting",
        "long-silence", "missing-closing", "missing-greeting", "noise-only", "noisy-line",
        "overlap", "pause-in-phrase",
    } <= set(fixtures.names())  # fmt: skip
    assert {file.probe(f.audio).rate for f in ALL} >= {8000, 16_000}
    assert sum(f.stat().st_size for f in package_files.fixtures_dir().iterdir()) < 8e6


def test_the_sound_is_as_long_as_described(
    fixture: Fixture, sound: dict[Party, np.ndarray]
) -> None:
    assert set(sound) == {Party.AGENT, Party.CUSTOMER}
    for samples in sound.values():
        assert len(samples) / 16 == pytest.approx(fixture.duration_ms, abs=130)  # codec padding


def test_speech_is_where_it_is_described(fixture: Fixture, sound: dict[Party, np.ndarray]) -> None:
    for party, samples in sound.items():
        spoken = np.zeros(len(samples), bool)
        for line in (line for line in fixture.lines if line.party is party):
            span = slice(line.start_ms * 16, line.end_ms * 16)
            assert level_db(samples[span]) > QUIET_DB, line
            spoken[max(0, span.start - 1600) : span.stop + 1600] = True  # codecs smear the edges
        assert level_db(samples[~spoken]) < QUIET_DB


def test_every_line_is_within_the_call(fixture: Fixture) -> None:
    for line in fixture.lines:
        assert 0 <= line.start_ms < line.end_ms <= fixture.duration_ms + 1


def test_alerts_are_about_words_that_are_said(fixture: Fixture) -> None:
    for alert in fixture.alerts:
        said = "".join(
            line.text
            for line in fixture.lines
            if line.party is alert.party
            and alert.start_ms <= line.start_ms
            and line.end_ms <= alert.end_ms
        )
        assert letters(said) == letters(alert.phrase)


def test_scripts_met_are_said_and_scripts_missed_are_not_said_in_time(fixture: Fixture) -> None:
    for script in fixture.scripts:
        said = [
            line
            for line in fixture.lines
            if line.party is Party.AGENT and letters(script.phrase) in letters(line.text)
        ]
        if script.status is ScriptStatus.MET:
            assert said
        else:
            assert all(line.start_ms > 15_000 for line in said)


def test_the_demo_alerts_within_the_first_minute() -> None:
    demo = fixtures.load("demo")
    assert demo.alerts
    assert all(alert.end_ms < 60_000 for alert in demo.alerts)
    assert demo.duration_ms < 60_000


def test_the_last_word_ends_with_the_last_sample() -> None:
    last = fixtures.load("last-word")
    assert last.lines[-1].end_ms == pytest.approx(last.duration_ms, abs=1)


def test_the_rules_named_are_those_of_the_pack(fixture: Fixture) -> None:
    pack = (package_files.rules_dir() / f"{fixture.pack}.yaml").read_text(encoding="utf-8")
    for rule in (
        *(a.rule for a in fixture.alerts),
        *fixture.quiet,
        *(s.rule for s in fixture.scripts),
    ):
        assert f"- id: {rule}\n" in pack


def test_unknown_calls_are_one_clear_line() -> None:
    with pytest.raises(UserError, match="没有内置通话 nowhere"):
        fixtures.load("nowhere")


@pytest.mark.parametrize("damage", ["title", "title: [", "title: x\nlines: 3", ""])
def test_a_damaged_description_is_one_clear_line(tmp_path: Path, damage: str) -> None:
    (tmp_path / "x.yaml").write_text(damage, encoding="utf-8")
    with pytest.raises(UserError, match=r"x\.yaml：内容有误"):
        fixtures.load("x", tmp_path)


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_generating_again_gives_the_same_call(tmp_path: Path) -> None:
    import runpy
    import sys

    folder = package_files.fixtures_dir()
    for script in ("generate.py", "scenes.py", "natural_scenes.py"):
        shutil.copy(folder / script, tmp_path)
    sys.path.insert(0, str(tmp_path))
    try:
        generate = runpy.run_path(str(tmp_path / "generate.py"))
        generate["main"](["last-word"])
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("scenes", None)
        sys.modules.pop("natural_scenes", None)
    again, kept = fixtures.load("last-word", tmp_path), fixtures.load("last-word")
    assert [line.text for line in again.lines] == [line.text for line in kept.lines]
    # Another version of espeak-ng may speak a little faster or slower.
    for new, old in zip(again.lines, kept.lines, strict=True):
        assert new.end_ms == pytest.approx(old.end_ms, rel=0.1)


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))

"""Two speakers in one channel: told apart by their voices, and by what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monitor.audio.mixed import Listener, Turn, apart
from monitor.audio.vad import SileroVad
from monitor.audio.voices import VoiceModel, model_file
from monitor.base.errors import UserError
from monitor.call.engine import Engine
from monitor.call.facts import CallFacts
from monitor.call.score_recording import Scorer
from monitor.call.sound import open_sound
from monitor.events import Chunk, Party
from monitor.testing import fixtures
from monitor.testing.recordings import encode

from .conftest import samples_of

_NAMES = ("customer-says-it", "forbidden-phrases")

pytestmark = pytest.mark.skipif(
    model_file() is None, reason="no voice model: see docs/parties.md, MONITOR_VOICE_MODEL"
)


@pytest.fixture(scope="module")
def mono(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundled calls mixed down."""
    folder = tmp_path_factory.mktemp("mono")
    found = {}
    for name in _NAMES:
        audio = samples_of(fixtures.load(name).audio)
        sound = sum(audio.values())
        assert isinstance(sound, np.ndarray)
        found[name] = encode(folder / f"{name}.wav", sound[:, None], "pcm_s16le")
    return found


@pytest.mark.parametrize("name", _NAMES)
def test_words_come_to_the_right_party(embedded: Engine, mono: dict[str, Path], name: str) -> None:
    data = Scorer(embedded).score(mono[name], "call", CallFacts())
    fixture = fixtures.load(name)
    assert data["call"]["parties"] == ["agent", "customer"]
    assert data["call"]["facts"]["mixed"] == "told apart"
    right = among = 0
    for turn in data["utterances"]:
        for token in turn["tokens"]:
            middle = (token["start_ms"] + token["end_ms"]) / 2
            by = [line.party for line in fixture.lines if line.start_ms <= middle <= line.end_ms]
            among += bool(by)
            right += turn["party"] in by
    assert right / among > 0.95
    about_words = {alert["rule"] for alert in data["alerts"] if "phrase" in alert["evidence"]}
    assert about_words == {alert.rule for alert in fixture.alerts}


def test_one_voice_alone_is_the_agents(embedded: Engine, tmp_path: Path) -> None:
    agent = samples_of(fixtures.load("forbidden-phrases").audio)[Party.AGENT]
    path = encode(tmp_path / "agent.wav", agent[:, None], "pcm_s16le")
    assert open_sound(path, None, embedded.vad).parties == (Party.AGENT,)


def test_who_says_mono_is_the_agent_is_believed(embedded: Engine, mono: dict[str, Path]) -> None:
    sound = open_sound(mono[_NAMES[0]], (Party.AGENT,), embedded.vad)
    assert sound.parties == (Party.AGENT,)
    assert not sound.mixed


def test_mixed_wants_one_channel(embedded: Engine) -> None:
    with pytest.raises(UserError, match="mixed"):
        open_sound(fixtures.load("compliant").audio, "mixed", embedded.vad)


def test_chunks_do_not_matter_to_the_listener(vad: SileroVad, mono: dict[str, Path]) -> None:
    from monitor.audio import file as audio_file

    model = VoiceModel()
    heard = []
    for block_ms in (100, 700):
        listener = Listener(vad, model)
        for chunk in audio_file.read_call(mono[_NAMES[0]], (Party.AGENT,), block_ms):
            listener.feed(chunk.samples)
        heard.append(listener.turns())
    assert heard[0] is not None
    assert [(t.start_ms, t.end_ms, t.speaker) for t in heard[0]] == [
        (t.start_ms, t.end_ms, t.speaker) for t in heard[1] or ()
    ]


def test_every_sample_is_somebodys() -> None:
    told = [Turn(100, 300, 0, sure=True), Turn(500, 900, 1, sure=True)]
    sound = np.arange(1, 16_001, dtype=np.float32)
    chunks = [Chunk(Party.AGENT, 0, sound[:8000]), Chunk(Party.AGENT, 500, sound[8000:])]
    both = list(apart(chunks, told, (Party.AGENT, Party.CUSTOMER)))
    agent = np.concatenate([c.samples for c in both if c.party is Party.AGENT])
    customer = np.concatenate([c.samples for c in both if c.party is Party.CUSTOMER])
    assert np.array_equal(agent + customer, sound)
    assert int(np.count_nonzero(agent)) == 400 * 16

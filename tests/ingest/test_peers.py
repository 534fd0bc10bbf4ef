"""Clients that nobody here wrote: `funasr-client` and `openai`. And our own recogniser, once."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import time
import wave
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from monitor.call import engine
from monitor.call.engine import Engine
from monitor.events import Party
from monitor.ingest.patience import Patience
from monitor.ingest.sources import Source, Sources
from tests.ingest.conftest import Open, Site, lines, served, telephone

AGENT, CUSTOMER = Party.AGENT, Party.CUSTOMER
Sound = dict[Party, np.ndarray]


def wav(channels: list[np.ndarray], rate: int) -> bytes:
    length = min(map(len, channels))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        both = np.stack([channel[:length] for channel in channels], 1)
        file.writeframes(both.astype("<i2").tobytes())
    return out.getvalue()


async def transcribed(url: str, audio: bytes, **more: Any) -> list[dict[str, Any]]:
    """What funasr-client hears, sending 60 ms at a time as fast as it goes."""
    funasr_client = pytest.importorskip("funasr_client", reason="pip install funasr-client")
    heard: list[dict[str, Any]] = []
    client = funasr_client.async_funasr_client(
        url, mode="2pass", wav_name="peer-1", callback=heard.append, decode=True, **more
    )
    async with client:
        for at in range(0, len(audio), 960):
            await client.send(audio[at : at + 960])
    return heard


def alone(work: Coroutine[Any, Any, list[Any]]) -> list[Any]:
    """On a thread of its own: browser tests leave a running loop on this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_funasr_client_gets_its_text(site: Open, sound: Sound, rate: int) -> None:
    here = site(Source(name="funasr", protocol="funasr"))
    samples = sound[AGENT] if rate == 16_000 else telephone(sound[AGENT])
    audio = samples.astype("<i2").tobytes()
    heard = alone(transcribed(here.ws, audio, audio_fs=rate))
    sentences = [message for message in heard if message["mode"] == "2pass-offline"]
    assert "".join(message["text"] for message in sentences) == lines(AGENT)
    assert [message["is_final"] for message in sentences][-1] is True
    tentative = [message["text"] for message in heard if message["mode"] == "2pass-online"]
    assert "".join(tentative) == lines(AGENT)
    assert str(here.rack.call().info.facts["call_key"]).startswith("peer-1-")


def test_our_own_recogniser_hears_a_call_that_comes_in(sound: Sound) -> None:
    """From the wire to the alert, with the embedded model and the default rules."""
    loaded = engine.load(live=True)
    sources = Sources((Source(name="funasr", protocol="funasr"),))
    with served(loaded, sources, 2, Patience()) as here:
        audio = sound[AGENT].astype("<i2").tobytes()
        heard = alone(transcribed(here.ws, audio, audio_fs=16_000))
        call = here.rack.call()
    text = "".join(m["text"] for m in heard if m["mode"] == "2pass-offline")
    assert text == call.text(AGENT)
    right = sum(char in text for char in set(lines(AGENT)))
    assert right >= len(set(lines(AGENT))) // 2, text


@pytest.fixture
def openai_client(site: Open) -> Iterator[tuple[Any, Site]]:
    openai = pytest.importorskip("openai", reason="pip install openai")
    here = site(Source(name="api", protocol="openai", token="sk-local-key"))
    with openai.OpenAI(
        base_url=f"{here.http}/v1",
        api_key="sk-local-key",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    ) as client:
        yield client, here


def ask(client: Any, audio: bytes, **more: Any) -> Any:
    return client.audio.transcriptions.create(file=("call.wav", audio), model="any", **more)


def test_openai_lists_the_model(openai_client: tuple[Any, Site]) -> None:
    client, _ = openai_client
    assert [model.id for model in client.models.list()] == ["scripted"]


def test_openai_gets_every_format(openai_client: tuple[Any, Site], sound: Sound) -> None:
    client, _ = openai_client
    audio = wav([telephone(sound[AGENT]), telephone(sound[CUSTOMER])], 8_000)
    said = sorted(lines(AGENT) + lines(CUSTOMER))
    assert sorted(ask(client, audio).text.replace("\n", "")) == said
    text = ask(client, audio, response_format="text")
    assert sorted(text.replace("\n", "")) == said
    srt = ask(client, audio, response_format="srt")
    assert srt.startswith("1\n00:00:0")
    assert ask(client, audio, response_format="vtt").startswith("WEBVTT")
    verbose = ask(
        client, audio, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert sorted("".join(segment.text for segment in verbose.segments)) == said
    assert {segment.model_extra["speaker"] for segment in verbose.segments} == {
        "agent",
        "customer",
    }
    assert abs(verbose.duration - len(sound[AGENT]) / 16_000) < 0.1
    assert sorted("".join(word.word for word in verbose.words)) == said
    diarized = ask(client, audio, response_format="diarized_json")
    agent = "".join(part.text for part in diarized.segments if part.speaker == "agent")
    assert agent == lines(AGENT)


def test_openai_streams(openai_client: tuple[Any, Site], sound: Sound) -> None:
    client, _ = openai_client
    events = list(ask(client, wav([telephone(sound[AGENT])], 8_000), stream=True))
    assert "".join(e.delta for e in events[:-1]).replace("\n", "") == lines(AGENT)
    assert events[-1].text.replace("\n", "") == lines(AGENT)


def test_openai_says_what_is_wrong(openai_client: tuple[Any, Site], sound: Sound) -> None:
    import openai

    client, here = openai_client
    with pytest.raises(openai.BadRequestError, match=r"call|audio|音频"):
        ask(client, b"no sound at all")
    with pytest.raises(openai.AuthenticationError):
        ask(client.with_options(api_key="sk-wrong-key"), b"x")
    url = f"{here.http}/v1/audio/transcriptions"
    headers = {"Authorization": "Bearer sk-local-key"}
    answer = httpx2.post(url, headers=headers, files={"other": b"x"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")
    shape = {"response_format": "xml"}
    answer = httpx2.post(url, headers=headers, data=shape, files={"file": ("a.wav", b"x")})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "response_format")


def test_the_pool_takes_turns_and_a_fault_stays_with_its_call(scripted: Engine) -> None:
    from monitor.call.live import LiveSettings
    from monitor.events import CallInfo, Chunk, Event
    from monitor.ingest.live_pool import Line, Pool

    order: list[str] = []
    begun = threading.Semaphore(0)

    class Heard:
        """A call that only says when it was fed; one of them breaks."""

        def __init__(self, name: str) -> None:
            self.name = name

        def start(self) -> list[Event]:
            begun.release()
            return [CallInfo(self.name, self.name, (AGENT,))]

        def feed(self, chunk: Chunk) -> list[Event]:
            for _ in range(0 if order else 3):
                begun.acquire()  # the first to be fed waits until all are there
            order.append(self.name)
            time.sleep(0.005)
            if self.name == "broken":
                raise RuntimeError("a fault of ours")
            return []

        def skip(self, party: Party, until_ms: int, reason: str) -> list[Event]:
            return []

        def finish(self) -> list[Event]:
            return []

    def nothing(_chunk: Chunk) -> None:
        """Not recorded."""

    pool = Pool(workers=1)
    opened = {}
    for name in ("long", "broken", "short"):
        settings = LiveSettings(backlog_ms=10**9, stall_ms=10**9)
        line = Line(name, Heard(name), (AGENT,), [], nothing, lambda: None, pool, settings)
        opened[name] = line
        for second in range(20 if name == "long" else 2):
            line.put([Chunk(AGENT, second * 1000, np.zeros(16_000, np.float32))])
    for line in opened.values():
        pool.open(line)
        line.close()
    for line in opened.values():
        line.done.result(20)
    pool.close()
    assert opened["broken"].failed
    assert not opened["short"].failed
    # Two seconds of the short call did not wait for twenty of the long one.
    last = len(order) - 1 - order[::-1].index("short")
    assert order[last:].count("long") >= 10


def test_the_terminal_says_what_is_wrong_with_the_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.verbs import run

    for words, said in (
        (["--ingest", "8766"], "8766"),
        (["--calls", "3"], "--ingest"),
        (["--ingest", "127.0.0.1:0", "--sources", str(tmp_path / "none.toml")], "none.toml"),
    ):
        code, _, err = run(capsys, "serve", "--store", tmp_path, *words)
        assert code == 2
        assert said in err
        assert "Traceback" not in err


def test_a_refusal_of_a_full_server_reaches_a_funasr_client(site: Open) -> None:
    from websockets.sync.client import connect

    here = site(Source(name="funasr", protocol="funasr"), calls=1)
    with connect(here.ws, proxy=None) as first, connect(here.ws, proxy=None) as second:
        for peer in (first, second):  # every sample names its audio like this
            peer.send(json.dumps({"mode": "2pass", "wav_name": "demo", "is_speaking": True}))
        first.send(b"\0" * 960)
        here.rack.call(over=False)
        second.send(b"\0" * 960)
        assert "1" in json.loads(second.recv(5))["error"]

"""An engine behind an address: a real server on this machine, and its bad habits."""

from __future__ import annotations

import email
import io
import json
import threading
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor import asr
from monitor.asr.remote import answer, client
from monitor.asr.remote.settings import KEYS
from monitor.base.errors import UserError
from monitor.call import batch
from monitor.events import Chunk, Party, Token


@dataclass
class Server:
    """What it says to each request in turn (the last one again and again), and what it was asked.

    An answer is JSON, a status, or bytes that are no JSON.
    """

    url: str = ""
    answers: list[Any] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    server_state: Server

    def do_POST(self) -> None:
        state = self.server_state
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = email.message_from_bytes(
            b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body
        )
        parts: dict[str, Any] = {}
        for part in form.get_payload():  # type: ignore[union-attr]
            name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
            parts.setdefault(str(name), []).append(part.get_payload(decode=True))  # type: ignore[union-attr]
        state.asked.append({"path": self.path, "key": self.headers.get("Authorization"), **parts})
        said = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
        status, content = (said, b"busy") if isinstance(said, int) else (200, said)
        if isinstance(content, dict):
            content = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Silent."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in (*KEYS, "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(client, "_PAUSES_S", (0.0,))
    state = Server()
    handler = type("Handler", (_Handler,), {"server_state": state})
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    running.shutdown()
    thread.join()
    running.server_close()


def _turn(name: str, seconds: float = 2.0, start_ms: int = 5_000) -> list[Token]:
    recognizer = asr.load(name)
    stream = recognizer.stream(Party.AGENT)
    samples = np.full(int(seconds * 16_000), 0.25, np.float32)
    tokens: list[Token] = []
    for at in range(0, len(samples), 4_000):
        tokens += stream.feed(Chunk(Party.AGENT, start_ms + at // 16, samples[at : at + 4_000]))
    tokens += stream.end_turn()
    assert stream.settled_ms == start_ms + round(seconds * 1000)
    recognizer.close()
    return tokens


WORDS = {
    "text": "您好，请打10010。",
    "words": [
        {"word": "您好", "start": 0.2, "end": 0.6},
        {"word": "请", "start": 0.8, "end": 1.0},
        {"word": "打", "start": 1.0, "end": 1.2},
        {"word": "10010", "start": 1.2, "end": 1.8},
    ],
}


def test_a_turn_goes_out_and_words_come_back(server: Server) -> None:
    server.answers = [WORDS]
    tokens = _turn(f"openai:{server.url},model=paraformer-zh")
    assert [(token.text, token.start_ms, token.end_ms) for token in tokens] == [
        ("您", 5_200, 5_400),
        ("好", 5_400, 5_600),
        ("请", 5_800, 6_000),
        ("打", 6_000, 6_200),
        ("10010", 6_200, 6_800),
    ]
    assert tokens[-1].syllable == "yao ling ling yao ling"
    (asked,) = server.asked
    assert asked["path"] == "/v1/audio/transcriptions"
    assert asked["key"] is None
    assert asked["model"] == [b"paraformer-zh"]
    assert asked["response_format"] == [b"verbose_json"]
    assert asked["timestamp_granularities[]"] == [b"word", b"segment"]
    with wave.open(io.BytesIO(asked["file"][0])) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert file.getnframes() == 32_000


def test_segments_serve_where_there_are_no_words(server: Server) -> None:
    believed = {"text": "您好。", "start": 0.0, "end": 1.0, "avg_logprob": -0.1}
    invented = {
        "text": "谢谢观看", "start": 1.0, "end": 2.0, "avg_logprob": -1.5, "no_speech_prob": 0.9,
    }  # fmt: skip
    server.answers = [{"text": "您好。谢谢观看", "segments": [believed, invented]}]
    tokens = _turn(f"openai:{server.url}/v1")
    assert [(token.text, token.start_ms) for token in tokens] == [("您", 5_000), ("好。", 5_500)]
    assert tokens[0].confidence == pytest.approx(0.9048, abs=1e-3)


def test_text_alone_is_spread_over_the_turn(server: Server) -> None:
    server.answers = [{"text": "您好 VIP 客戶"}]
    tokens = _turn(f"openai:{server.url}/v1/audio/transcriptions")
    assert [token.text for token in tokens] == ["您", "好", "VIP", "客", "户"]
    assert (tokens[0].start_ms, tokens[-1].end_ms) == (5_000, 7_000)


def test_a_long_turn_goes_out_in_pieces(server: Server) -> None:
    server.answers = [{"text": "好"}]
    tokens = _turn(f"openai:{server.url}", seconds=65.0)
    assert len(server.asked) == 3
    assert [token.start_ms for token in tokens] == [5_000, 35_000, 65_000]


def test_the_key_comes_from_the_environment_and_is_never_told(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEYS[0], "geheim-123")
    server.answers = [401]
    with pytest.raises(UserError, match=KEYS[0]) as caught:
        _turn(f"openai:{server.url}")
    assert server.asked[0]["key"] == "Bearer geheim-123"
    assert len(server.asked) == 1  # asking again does not help
    told = str(caught.value) + repr(caught.value.__context__) + "".join(capsys.readouterr())
    assert "geheim" not in told


def test_a_server_that_is_busy_is_asked_again(server: Server) -> None:
    server.answers = [503, 429, WORDS]
    assert len(_turn(f"openai:{server.url}")) == 5
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("said", "complaint", "times"),
    [
        (500, "500", 2),
        (404, "404", 1),
        (b"<html>", "verbose_json", 1),
        ({"error": "no"}, "verbose_json", 1),
    ],
)
def test_a_server_with_troubles_is_one_line(
    server: Server, said: object, complaint: str, times: int
) -> None:
    server.answers = [said]
    with pytest.raises(UserError, match=complaint) as caught:
        _turn(f"openai:{server.url},retries=1")
    assert "\n" not in str(caught.value)
    assert server.url in str(caught.value)
    assert len(server.asked) == times


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("openai:somewhere", "http://127.0.0.1:8000"),
        ("openai:ftp://somewhere", "http://127.0.0.1:8000"),
        ("openai:http://me:secret@somewhere", KEYS[0]),
        ("openai:http://somewhere,colour=red", "colour"),
        ("openai:http://somewhere,timeout=soon", "timeout"),
        ("openai", "openai:NAME"),
    ],
)
def test_mistakes_in_addresses(name: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        asr.load(name)
    assert "secret" not in str(caught.value)


def test_live_calls_are_refused() -> None:
    with pytest.raises(UserError, match="openai"):
        asr.load("openai:http://127.0.0.1:1", live=True)


def test_the_batch_goes_on_when_the_server_is_down(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One recording meets a server that is down, the next one that is up again."""
    from monitor.base.package_files import fixtures_dir

    for name in ("a", "b"):
        link = tmp_path / f"{name}.wav"
        link.write_bytes((fixtures_dir() / "last-word.wav").read_bytes())
    server.answers = [500, {"text": "您好"}]
    settings = batch.BatchSettings(
        packs=("unicom-10010",), asr=f"openai:{server.url},retries=0", out=tmp_path / "out"
    )
    done: list[batch.Done] = []
    batch.score_all(batch.find_jobs([str(tmp_path)]), settings, 1, done.append)
    failed = [one for one in done if one.failed]
    assert len(done) == 2
    assert len(failed) == 1
    assert "HTTP 500" in str(failed[0].row)


@pytest.mark.parametrize(
    "made",
    [
        {"text": None},
        {"text": "好", "words": "no"},
        {"text": "好", "words": [{"word": 3}, 4, {"word": "好", "start": "x", "end": None}]},
        {"text": "", "segments": []},
        {"text": "3.5元，30%！"},
    ],
)
def test_odd_answers_do_no_harm(made: dict[str, Any]) -> None:
    found = answer.pieces(made, 0, 1_000)
    assert all(piece.text and piece.start_ms <= piece.end_ms for piece in found)


def test_numbers_stay_whole() -> None:
    found = answer.pieces({"text": "共3.5元，涨30%。"}, 0, 800)
    assert [piece.text + piece.marks for piece in found] == ["共", "3.5", "元，", "涨", "30%。"]

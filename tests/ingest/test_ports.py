"""Telephone systems connect, over real sockets; the recogniser hears what it is told."""

from __future__ import annotations

import base64
import json
import socket
import uuid
from contextlib import ExitStack
from typing import Any

import httpx2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from monitor.events import Party
from monitor.ingest.patience import Patience
from monitor.ingest.sources import Source, Sources
from tests.ingest.conftest import Open, lines, served, telephone

AGENT, CUSTOMER = Party.AGENT, Party.CUSTOMER
Sound = dict[Party, np.ndarray]
LOCAL: dict[str, Any] = {"proxy": None, "close_timeout": 2}


def source(protocol: str, **more: Any) -> Source:
    return Source(name=protocol, protocol=protocol, **more)


def blocks(data: bytes, size: int = 32_000) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def stereo(sound: Sound, left: Party = CUSTOMER, right: Party = AGENT) -> bytes:
    length = min(len(samples) for samples in sound.values())
    both = [telephone(sound[party][:length]) for party in (left, right)]
    return np.stack(both, 1).astype("<i2").tobytes()


def test_a_freeswitch_call_is_heard_on_both_sides(site: Open, sound: Sound) -> None:
    here = site(source("stream", path="/fs", mix="stereo", paced=False, agents={"8001": "1001"}))
    metadata = {"call_id": "fs-1", "agent": "8001", "direction": "inbound", "queue": "宽带"}
    # mod_audio_stream offers permessage-deflate, and so does this client.
    with connect(f"{here.ws}/fs", **LOCAL) as peer:
        peer.send(json.dumps(metadata))
        for block in blocks(stereo(sound)):
            peer.send(block)
    call = here.rack.call()
    assert (call.text(AGENT), call.text(CUSTOMER)) == (lines(AGENT), lines(CUSTOMER))
    assert call.agent == "1001"
    assert call.info.direction == "inbound"
    facts = {"agent": "1001", "queue": "宽带", "source": "stream", "call_key": "fs-1"}
    assert call.info.facts == facts
    assert call.gaps == []
    assert abs(call.end.duration_ms - len(sound[AGENT]) // 16) < 40


@pytest.mark.parametrize(
    "name", ["audio.drachtio.org", "audio.jambonz.org", "audiostream.drachtio.org"]
)
def test_a_subprotocol_is_echoed(site: Open, name: str) -> None:
    here = site(source("stream"))
    with connect(here.ws, subprotocols=[name], **LOCAL) as peer:  # type: ignore[list-item]
        assert peer.subprotocol == name


def test_twilio_sends_each_track_by_itself_and_out_of_order(site: Open, sound: Sound) -> None:
    here = site(source("twilio", paced=False))
    start = {"callSid": "CA1", "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 8000}}
    with connect(here.ws, **LOCAL) as peer:
        peer.send(json.dumps({"event": "connected"}))
        peer.send(json.dumps({"event": "start", "start": start}))
        tracks = {"inbound": CUSTOMER, "outbound": AGENT}
        said = {track: blocks(telephone(sound[p]).tobytes(), 4_000) for track, p in tracks.items()}
        for number in range(max(map(len, said.values()))):
            swapped = number ^ 1  # every two packets change places
            for track, packets in said.items():
                if swapped < len(packets):
                    media = {
                        "track": track,
                        "chunk": str(swapped),
                        "timestamp": str(swapped * 250),
                        "payload": base64.b64encode(packets[swapped]).decode(),
                    }
                    peer.send(json.dumps({"event": "media", "media": media}))
        peer.send(json.dumps({"event": "stop"}))
        with pytest.raises(ConnectionClosed):
            peer.recv(5)
    call = here.rack.call()
    assert call.text(CUSTOMER)[-20:] == lines(CUSTOMER)[-20:]
    assert call.text(AGENT)[-20:] == lines(AGENT)[-20:]


def frame(kind: int, payload: bytes) -> bytes:
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


def test_asterisk_brings_one_party_per_connection(site: Open, sound: Sound) -> None:
    here = site(source("audiosocket", port=0, paced=False, token="announcer-1"))
    headers = {"Authorization": "Bearer announcer-1"}
    peers = []
    for party in Party:
        name = uuid.uuid4()
        about = {"call": "ast-1", "party": party.value, "agent": "1001"}
        url = f"{here.http}/api/media/{name}"
        assert httpx2.put(url, json=about, headers=headers).status_code == 200
        peer = socket.create_connection(("127.0.0.1", here.audiosocket))
        peer.sendall(frame(1, name.bytes))
        peers.append((peer, blocks(sound[party].astype("<i2").tobytes(), 6_400)))
    for place in range(max(len(said) for _, said in peers)):
        for peer, said in peers:
            peer.sendall(frame(0x12, said[place]) if place < len(said) else b"")
    for peer, _ in peers:
        peer.close()  # a bare end, as Asterisk does it
    call = here.rack.call()
    assert (call.text(AGENT), call.text(CUSTOMER)) == (lines(AGENT), lines(CUSTOMER))
    assert len(here.rack.calls) == 1


def test_a_uuid_must_be_announced_by_somebody_who_may(site: Open) -> None:
    here = site(source("audiosocket", port=0, token="announcer-1"))
    url = f"{here.http}/api/media/{uuid.uuid4()}"
    about = {"call": "x", "party": "agent"}
    assert httpx2.put(url, json=about).status_code == 403
    right = {"Authorization": "Bearer announcer-1"}
    assert httpx2.put(url, json={"call": "x"}, headers=right).status_code == 422
    assert httpx2.put(f"{here.http}/api/media/x", json=about, headers=right).status_code == 422
    with socket.create_connection(("127.0.0.1", here.audiosocket)) as peer:
        peer.sendall(frame(1, uuid.uuid4().bytes))
        assert peer.recv(10) == b"\0\0\0"
        assert peer.recv(10) == b""
    assert here.rack.calls == []


def test_vosk_clients_lock_step(site: Open, sound: Sound) -> None:
    """As websocket/test.py of vosk-server does it: send, receive, send, receive, eof."""
    here = site(source("vosk"))
    answers = []
    with connect(here.ws, **LOCAL) as peer:
        peer.send('{ "config" : { "sample_rate" : 8000 } }')
        for block in blocks(telephone(sound[AGENT]).tobytes(), 16_000):
            peer.send(block)
            answers.append(json.loads(peer.recv(10)))
        peer.send('{"eof" : 1}')
        answers.append(json.loads(peer.recv(10)))
    assert any(answer.get("partial") for answer in answers)
    said = "".join(answer.get("text", "") for answer in answers).replace(" ", "")
    assert said == lines(AGENT)


def test_genesys_hears_back_what_was_said(site: Open, sound: Sound) -> None:
    here = site(source("audiohook", paced=False, token="audiohook-key"))
    hello = {
        "conversationId": "e160e428-53e2-487c-977d-96989bf5c99d",
        "media": [
            {"type": "audio", "format": "L16", "channels": ["external", "internal"], "rate": 8000}
        ],
    }

    def message(kind: str, seq: int, parameters: Any) -> str:
        head = {"version": "2", "id": "s", "type": kind, "seq": seq, "position": "PT0S"}
        return json.dumps({**head, "parameters": parameters})

    headers = {"X-API-KEY": "audiohook-key"}
    with connect(here.ws, additional_headers=headers, **LOCAL) as peer:
        peer.send(message("open", 1, hello))
        assert json.loads(peer.recv(5))["type"] == "opened"
        for block in blocks(stereo(sound)):
            peer.send(block)
        peer.send(message("close", 2, {"reason": "end"}))
        heard = []
        while (answer := json.loads(peer.recv(10)))["type"] != "closed":
            heard += answer["parameters"]["entities"]
    agents = [entity["data"] for entity in heard if entity["data"]["channelId"] == 1]
    words = "".join(d["alternatives"][0]["interpretations"][0]["transcript"] for d in agents)
    assert words == lines(AGENT)


def test_a_call_too_many_is_refused_with_the_reason_and_harms_no_other(
    site: Open, sound: Sound
) -> None:
    here = site(source("stream", mix="stereo", paced=False), calls=1)
    with connect(here.ws, **LOCAL) as first:
        first.send(json.dumps({"call": "one"}))
        here.rack.call(0, over=False)
        with connect(here.ws, **LOCAL) as second:
            second.send(json.dumps({"call": "two"}))
            with pytest.raises(ConnectionClosed) as closed:
                second.recv(5)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1013
            assert "1" in closed.value.rcvd.reason
        for block in blocks(stereo(sound)):
            first.send(block)
    assert here.rack.call().text(AGENT) == lines(AGENT)
    assert here.board.refused == 1
    assert len(here.rack.calls) == 1


PAIR = base64.b64encode(b"fs:long-enough").decode()


@pytest.mark.parametrize(
    ("more", "headers", "query"),
    [
        ({"token": "long-enough"}, {"Authorization": "Bearer long-enough"}, ""),
        ({"token": "long-enough"}, {"X-API-KEY": "long-enough"}, ""),
        ({"token": "long-enough"}, {}, "?token=long-enough"),
        (
            {"user": "fs", "password": "long-enough"},
            {"Authorization": f"Basic {PAIR}"},
            "",
        ),
        ({"header": ("X-PBX", "long-enough")}, {"X-PBX": "long-enough"}, ""),
    ],
)
def test_who_knows_the_secret_comes_in(
    site: Open, more: dict[str, Any], headers: dict[str, str], query: str
) -> None:
    here = site(source("stream", **more))
    with connect(here.ws + query, additional_headers=headers, **LOCAL):
        pass
    for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !"}):
        with pytest.raises(InvalidStatus), connect(here.ws, additional_headers=wrong, **LOCAL):
            pass


def test_an_address_that_is_not_trusted_and_a_path_that_is_not_there(site: Open) -> None:
    here = site(source("stream", path="/fs", allow=["10.0.0.0/8"]))
    for path in ("/fs", "/other"):
        with pytest.raises(InvalidStatus), connect(here.ws + path, **LOCAL):
            pass


def test_guessing_a_secret_is_slowed_down(site: Open) -> None:
    here = site(source("stream", token="long-enough"))
    for _ in range(20):
        with pytest.raises(InvalidStatus), connect(f"{here.ws}?token=wrong-wrong", **LOCAL):
            pass
    with pytest.raises(InvalidStatus), connect(f"{here.ws}?token=long-enough", **LOCAL):
        pass


def test_rogue_peers_harm_no_other_call(site: Open, sound: Sound) -> None:
    """Garbage, floods, huge frames, half-open connections, while a call goes on."""
    here = site(
        source("stream", path="/good", mix="stereo", paced=False),
        Source(name="bad", protocol="stream", path="/bad", message_bytes=65_536),
        Source(name="fun", protocol="funasr", path="/fun"),
        Source(name="tw", protocol="twilio", path="/tw"),
        Source(name="as", protocol="audiosocket", port=0),
    )
    audio = blocks(stereo(sound))
    idle = [socket.create_connection(("127.0.0.1", here.port)) for _ in range(50)]
    with connect(f"{here.ws}/good", **LOCAL) as good:
        good.send(json.dumps({"call": "good"}))
        for place, block in enumerate(audio):
            good.send(block)
            if place < 6:
                rogue(here.ws, here.audiosocket, place)
    for peer in idle:
        peer.close()
    call = here.rack.call(0)
    assert call.info.facts["call_key"] == "good"
    assert (call.text(AGENT), call.text(CUSTOMER)) == (lines(AGENT), lines(CUSTOMER))
    assert call.gaps == []


def rogue(ws: str, audiosocket: int, kind: int) -> None:
    if kind == 0:
        with connect(f"{ws}/fun", **LOCAL) as peer:
            peer.send("{{{{")
            closed(peer)
    elif kind == 1:
        with connect(f"{ws}/bad", **LOCAL) as peer:
            peer.send(b"\0" * 70_000)
            closed(peer)
    elif kind == 2:  # much more audio than time has passed
        with connect(f"{ws}/bad", **LOCAL) as peer, pytest.raises(ConnectionClosed):
            flood(peer)
    elif kind == 3:
        with connect(f"{ws}/tw", **LOCAL) as peer:
            peer.send(json.dumps({"event": "media", "media": {"payload": "%%%"}}))
            closed(peer)
    elif kind == 4:
        with socket.create_connection(("127.0.0.1", audiosocket)) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while peer.recv(100):
                pass
    else:
        with connect(f"{ws}/fun", max_size=None, **LOCAL) as peer:
            peer.send(json.dumps({"mode": "2pass", "audio_fs": 10**9}))
            peer.send(b"\0\0")
            closed(peer)


def flood(peer: Any) -> None:
    for _ in range(200):
        peer.send(b"\0" * 64_000)
    peer.recv(5)


def closed(peer: Any) -> None:
    """It is told why, and the line is closed."""
    with pytest.raises(ConnectionClosed) as ended:
        peer.recv(5)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code in (1003, 1009)


def test_a_peer_that_vanishes_leaves_a_call_that_ends(site: Open, sound: Sound) -> None:
    here = site(source("stream", mix="stereo", paced=False), idle_ms=700)
    with connect(here.ws, **LOCAL) as peer:
        peer.send(json.dumps({"call": "gone"}))
        for block in blocks(stereo(sound)):
            peer.send(block)
        call = here.rack.call()  # nothing more comes, and the line stays open
    assert call.text(AGENT) == lines(AGENT)


def test_when_the_server_ends_its_calls_are_whole(scripted: Any, sound: Sound) -> None:
    sources = Sources((source("stream", mix="stereo", paced=False),))
    with ExitStack() as stack:
        here = stack.enter_context(served(scripted, sources, 3, Patience()))
        peer = stack.enter_context(connect(here.ws, **LOCAL))
        for block in blocks(stereo(sound)):
            peer.send(block)
        peer.ping().wait(5)
        here.rack.call(over=False)
    assert here.rack.calls[0].over.is_set()
    assert here.rack.calls[0].end.duration_ms > 0

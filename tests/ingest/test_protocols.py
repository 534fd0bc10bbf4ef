"""What each wire makes of what its peers say, without any socket."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.events import Alert, Party, Severity, Token, Utterance
from monitor.ingest.formats import Format
from monitor.ingest.protocols import SOCKETS, audiohook, audiosocket, twilio
from monitor.ingest.sources import Source, opening
from monitor.ingest.steps import (
    Audio,
    Begin,
    Close,
    End,
    Finish,
    Hold,
    Resume,
    Send,
    Settle,
    Step,
    WireError,
)

AGENT, CUSTOMER = Party.AGENT, Party.CUSTOMER


def source(protocol: str, **more: Any) -> Source:
    return Source(name="test", protocol=protocol, **more)


def wire(protocol: str, query: dict[str, str] | None = None, **more: Any) -> Any:
    return SOCKETS[protocol](source(protocol, **more), {"query": query or {}, "header": {}})


def say(made: Any, *messages: Any) -> list[Step]:
    """The steps of several messages: bytes are audio, anything else is JSON."""
    return [
        step
        for message in messages
        for step in (
            made.binary(message) if isinstance(message, bytes) else made.text(json.dumps(message))
        )
    ]


def told(steps: Any) -> list[dict[str, Any]]:
    return [json.loads(step.data) for step in steps if isinstance(step, Send)]


def turn(text: str, start_ms: int = 0, party: Party = AGENT) -> Utterance:
    tokens = tuple(
        Token(party, char, "x", start_ms + 200 * place, start_ms + 200 * place + 200, 0.5)
        for place, char in enumerate(text)
    )
    return Utterance(party, start_ms, start_ms + 200 * len(text), tokens)


# FunASR


def test_funasr_begins_with_the_first_audio_and_ends_when_nobody_speaks() -> None:
    made = wire("funasr")
    hello = {"mode": "2pass", "wav_name": "call-7", "audio_fs": 8000, "is_speaking": True}
    assert say(made, hello) == []
    begin, audio = say(made, b"\1\2" * 480)
    assert begin.format == Format("s16le", 8_000)
    assert opening(source("funasr"), begin).key == "call-7"
    assert audio == Audio(b"\1\2" * 480)
    assert say(made, {"is_speaking": False}) == [Finish()]


def test_funasr_answers_as_its_own_server_does() -> None:
    made = wire("funasr")
    say(made, {"mode": "2pass", "wav_name": "w", "is_speaking": True}, b"\0\0")
    first = turn("您好")
    online = told(made.heard(first.tokens))
    assert [(m["mode"], m["text"], m["is_final"]) for m in online] == [
        ("2pass-online", "您", False),
        ("2pass-online", "好", False),
    ]
    [sentence] = told(made.heard([first]))
    assert (sentence["mode"], sentence["text"]) == ("2pass-offline", "您好")
    assert json.loads(sentence["timestamp"]) == [[0, 200], [200, 400]]
    assert sentence["stamp_sents"][0]["ts_list"] == [[0, 200], [200, 400]]
    say(made, {"is_speaking": False, "is_end": True})
    assert told(made.heard([turn("再", 500), turn("见", 900)])) == []
    rest = told(made.finished())
    assert [(m["text"], m["is_final"]) for m in rest] == [("再", False), ("见", True)]
    assert rest[-1]["is_end"] is True
    assert "is_end" not in rest[0]


def test_funasr_offline_is_one_message_and_online_has_no_sentences() -> None:
    made = wire("funasr")
    say(made, {"mode": "offline", "is_speaking": True}, b"\0\0", {"is_speaking": False})
    assert told(made.heard([*turn("您好").tokens, turn("您好"), turn("再见", 900)])) == []
    [message] = told(made.finished())
    assert (message["mode"], message["text"], message["is_final"]) == ("offline", "您好再见", True)
    made = wire("funasr")
    say(made, {"mode": "online", "is_speaking": True}, b"\0\0")
    events = [*turn("您好").tokens, turn("您好")]
    assert [m["mode"] for m in told(made.heard(events))] == ["online", "online"]


def test_funasr_without_a_word_still_says_that_it_is_over() -> None:
    made = wire("funasr")
    say(made, {"mode": "2pass", "is_speaking": True})
    [message] = told(say(made, {"is_speaking": False, "is_end": True}))
    assert (message["text"], message["is_final"], message["is_end"]) == ("", True, True)


def test_funasr_takes_one_call_after_another() -> None:
    made = wire("funasr")
    hello = {"mode": "2pass", "is_speaking": True}
    for _ in range(2):
        steps = say(made, hello, b"\0\0", {"is_speaking": False})
        assert [type(step) for step in steps] == [Begin, Audio, Finish]
        list(made.finished())


# FreeSWITCH, jambonz


def test_metadata_names_the_call_the_agent_and_the_direction() -> None:
    metadata = {"call_id": "c-1", "agent": "8001", "queue": "宽带", "direction": "outbound"}
    settings_ = source(
        "stream",
        mix="stereo",
        agents={"8001": "1001"},
        outbound={"left": "agent", "right": "customer"},
    )
    made = SOCKETS["stream"](settings_, {"query": {}})
    [begin] = say(made, metadata)
    found = opening(settings_, begin)
    assert found.key == "c-1"
    assert found.facts == {"source": "test", "agent": "1001", "queue": "宽带"}
    assert found.direction == "outbound"
    assert found.leg.parties == (AGENT, CUSTOMER)
    assert found.leg.format == Format("s16le", 8_000, 2)


def test_an_inbound_call_has_the_customer_on_the_left() -> None:
    made = wire("stream", mix="stereo", rate=16_000)
    begin, audio = say(made, b"\0" * 1_280)
    assert opening(source("stream"), begin).leg.parties == (CUSTOMER, AGENT)
    assert audio == Audio(b"\0" * 1_280)


def test_jambonz_says_rate_and_mix_itself_and_an_address_may_too() -> None:
    [begin] = say(wire("stream"), {"callSid": "s", "sampleRate": 16000, "mixType": "stereo"})
    assert begin.format == Format("s16le", 16_000, 2)
    query = {"rate": "24000", "mix": "mixed", "call": "q"}
    [begin] = say(wire("stream", query), {"metadata": 1})
    assert (begin.tracks, begin.format.rate) == (("mixed",), 24_000)
    assert opening(source("stream"), begin).key == "q"


def test_vonage_says_the_rate_in_a_content_type() -> None:
    [begin] = say(wire("stream"), {"content-type": "audio/l16;rate=16000", "agent": "1"})
    assert begin.format == Format("s16le", 16_000)


def test_text_that_is_no_json_is_metadata_too_and_dtmf_is_passed_over() -> None:
    made = wire("stream")
    [begin] = list(made.text("plain words"))
    assert begin.about["metadata"] == {"text": "plain words"}
    assert list(made.text('{"event":"dtmf","digit":"1"}')) == []


def test_an_alert_goes_back_as_json() -> None:
    made = wire("stream")
    alert = Alert("r#0", "r", "t", "f", Severity.MAJOR, AGENT, 0, 1, 2, "不知道", 1.0, "我查一下")
    [message] = told(made.heard([alert, turn("不知道")]))
    assert message["type"] == "json"
    assert (message["data"]["event"], message["data"]["advice"]) == ("alert", "我查一下")


# vosk


def test_vosk_gives_one_answer_to_every_chunk() -> None:
    made = wire("vosk")
    assert say(made, {"config": {"sample_rate": 16000}}) == []
    begin, audio, settle = say(made, b"\0\0")
    assert begin.format.rate == 16_000
    assert (audio, settle) == (Audio(b"\0\0"), Settle())
    assert told(made.settled()) == [{"partial": ""}]
    list(made.heard(turn("您好").tokens))
    assert told(made.settled()) == [{"partial": "您好"}]
    list(made.heard([turn("您好")]))
    [result] = told(made.settled())
    assert result["text"] == "您好"
    assert result["result"][1] == {"conf": 0.5, "start": 0.2, "end": 0.4, "word": "好"}
    assert told(made.settled()) == [{"partial": ""}]
    assert say(made, {"eof": 1}) == [Finish()]
    assert told(made.finished()) == [{"text": ""}]


# Twilio and Telnyx


def test_twilio_writes_numbers_as_strings_and_each_track_is_a_leg() -> None:
    made = wire("twilio")
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    start = {"callSid": "CA1", "mediaFormat": form, "customParameters": {"agent": "1001"}}
    payload = base64.b64encode(b"\xff" * 160).decode()
    steps = say(
        made,
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        {"event": "start", "sequenceNumber": "1", "start": start},
        {
            "event": "media",
            "media": {"track": "inbound", "chunk": "1", "timestamp": "20", "payload": payload},
        },
        {
            "event": "media",
            "media": {"track": "outbound", "chunk": "1", "timestamp": "40", "payload": payload},
        },
        {"event": "dtmf", "dtmf": {"digit": "1"}},
        {"event": "stop"},
    )
    first, heard, second, *_ = steps
    assert [type(s) for s in steps] == [Begin, Audio, Begin, Audio, End, End, Close]
    assert heard == Audio(b"\xff" * 160, "inbound", 160, 1)
    found = opening(source("twilio"), first)
    assert (found.key, found.leg.parties, found.facts["agent"]) == ("CA1", (CUSTOMER,), "1001")
    assert opening(source("twilio"), second).leg.parties == (AGENT,)


def test_telnyx_writes_snake_case() -> None:
    made = wire("twilio")
    form = {"encoding": "PCMA", "sample_rate": 8000, "channels": 1}
    start = {
        "call_control_id": "v3:x",
        "media_format": form,
        "custom_parameters": {"queue": "账单"},
    }
    payload = base64.b64encode(b"\xd5" * 160).decode()
    begin, audio = say(
        made,
        {"event": "start", "stream_id": "s", "start": start},
        {
            "event": "media",
            "media": {"track": "inbound", "chunk": 4, "timestamp": 60, "payload": payload},
        },
    )
    assert begin.format == Format("alaw", 8_000)
    assert opening(source("twilio"), begin).facts["queue"] == "账单"
    assert (audio.number, audio.stamp) == (4, 480)


def test_a_codec_that_is_not_decoded_is_named() -> None:
    start = {"mediaFormat": {"encoding": "OPUS", "sampleRate": 16000}}
    with pytest.raises(WireError, match="OPUS"):
        say(wire("twilio"), {"event": "start", "start": start})


def test_the_signature_of_twilio() -> None:
    """The example of Twilio's documentation on security, made with its own arithmetic."""
    url, token = "wss://qa.example.cn/twilio", "12345"
    right = base64.b64encode(hmac.new(token.encode(), url.encode(), hashlib.sha1).digest()).decode()
    assert twilio.signed(url, token, right)
    assert twilio.signed(url + "/", token, right)
    assert not twilio.signed(url, "other", right)
    assert not twilio.signed(url, token, "")


# Genesys AudioHook


def hook(kind: str, seq: int, **parameters: Any) -> dict[str, Any]:
    return {"version": "2", "id": "s1", "type": kind, "seq": seq, "serverseq": 0,
            "position": "PT0S", "parameters": parameters}  # fmt: skip


def test_audiohook_chooses_one_of_the_offers_unchanged() -> None:
    made = wire("audiohook")
    offers = [
        {"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000},
        {"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000},
    ]
    [answer] = told(say(made, hook("open", 1, conversationId="e1", media=offers)))
    assert (answer["type"], answer["seq"], answer["clientseq"]) == ("opened", 1, 1)
    assert answer["parameters"] == {"startPaused": False, "media": offers[:1]}
    begin, _ = say(made, b"\xff" * 3_200)
    found = opening(source("audiohook"), begin)
    assert (found.key, found.leg.parties) == ("e1", (CUSTOMER, AGENT))
    assert say(made, hook("paused", 2), hook("resumed", 3)) == [Hold(), Resume()]
    [pong] = told(say(made, hook("ping", 4)))
    assert (pong["type"], pong["seq"], pong["clientseq"]) == ("pong", 2, 4)
    [event] = told(made.heard([turn("您好", 1_500)]))
    [entity] = event["parameters"]["entities"]
    assert entity["data"]["offset"] == "PT1.5S"
    assert entity["data"]["channelId"] == 1
    assert say(made, hook("close", 5, reason="end")) == [Finish()]
    assert told(made.finished())[0]["type"] == "closed"


def test_audiohook_answers_a_probe_without_a_call() -> None:
    made = wire("audiohook")
    zeros = "00000000-0000-0000-0000-000000000000"
    steps = say(made, hook("open", 1, conversationId=zeros, media=[]), hook("close", 2))
    assert [answer["type"] for answer in told(steps)] == ["opened", "closed"]
    assert not any(isinstance(step, Begin) for step in steps)


def test_the_signature_of_the_vendors_own_example() -> None:
    """developer.genesys.cloud/devapps/audiohook/security: a signature that we did not make."""
    key = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
    names = " ".join(f'"{name}"' for name in audiohook._SIGNED)
    parameters = (
        f'({names});keyid="{key}";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256"'
        ";created=1641013200;expires=3282026430"
    )
    headers = {
        "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
        "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
        "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
        "x-api-key": key,
        "signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
        "signature-input": f"sig1={parameters}",
    }
    right = ("/api/v1/voicebiometrics/ws", "audiohook.example.com")
    secret = "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU="
    assert audiohook.signed(headers, *right, secret, 1_641_013_205) == "VGhpc0lzQVVuaXF1ZU5vbmNl"
    assert audiohook.signed(headers, *right, secret, 1_641_013_300) is None  # too old
    assert audiohook.signed(headers, *right, "c2VjcmV0", 1_641_013_205) is None
    assert audiohook.signed(headers, *right, "no base64", 1_641_013_205) is None
    assert audiohook.signed(headers, "/other", right[1], secret, 1_641_013_205) is None
    assert audiohook.signed({}, *right, secret, 1_641_013_205) is None
    fewer = {**headers, "signature-input": headers["signature-input"].replace('"@authority" ', "")}
    assert audiohook.signed(fewer, *right, secret, 1_641_013_205) is None


# Asterisk chan_websocket


@pytest.mark.parametrize(
    "hello",
    [
        '{"event":"MEDIA_START","connection_id":"m","format":"slin16","channel_variables":{}}',
        "MEDIA_START connection_id:m channel:WebSocket/x format:slin16 ptime:20",
    ],
)
def test_chan_websocket_says_its_codec_in_json_or_in_words(hello: str) -> None:
    made = wire("asterisk", {"call": "c", "party": "customer", "agent": "1001"})
    assert list(made.text('{"event":"STATUS"}')) == []
    [begin] = list(made.text(hello))
    found = opening(source("asterisk"), begin)
    assert found.leg.format == Format("s16le", 16_000)
    assert (found.key, found.leg.parties, found.parties) == ("c", (CUSTOMER,), (AGENT, CUSTOMER))
    assert found.facts["agent"] == "1001"
    assert list(made.text("DTMF_END digit:5")) == []
    assert list(made.binary(b"\0\0")) == [Audio(b"\0\0")]


def test_a_codec_that_chan_websocket_must_not_send() -> None:
    with pytest.raises(WireError, match="opus"):
        list(wire("asterisk").text("MEDIA_START format:opus"))


# Asterisk AudioSocket


def frame(kind: int, payload: bytes) -> bytes:
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


ID = uuid.UUID(int=7)
ANNOUNCED = {str(ID): {"call": "c-9", "party": "customer", "agent": "1001"}}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_audiosocket_reads_frames_however_tcp_cuts_them(cuts: list[int]) -> None:
    data = frame(1, ID.bytes) + frame(3, b"5") + frame(0x12, b"\1\2" * 320) * 3 + frame(0, b"")
    made = audiosocket.AudioSocket(ANNOUNCED)
    steps: list[Step] = []
    at = place = 0
    while at < len(data):
        size = cuts[place % len(cuts)]
        place += 1
        steps += made.feed(data[at : at + size])
        at += size
    assert [type(step) for step in steps] == [Begin, Audio, Audio, Audio, Close]
    found = opening(source("audiosocket", port=0), steps[0])
    assert (found.key, found.leg.parties, found.parties) == ("c-9", (CUSTOMER,), (AGENT, CUSTOMER))
    assert found.leg.format.rate == 16_000
    assert found.facts["agent"] == "1001"


@pytest.mark.parametrize(("kind", "rate"), audiosocket.RATES.items())
def test_audiosocket_knows_every_sample_rate(kind: int, rate: int) -> None:
    made = audiosocket.AudioSocket(ANNOUNCED)
    begin, _ = made.feed(frame(1, ID.bytes) + frame(kind, b"\0" * 640))
    assert begin.format.rate == rate


def test_audiosocket_refuses_a_uuid_that_nobody_announced() -> None:
    with pytest.raises(WireError, match="not announced"):
        list(audiosocket.AudioSocket({}).feed(frame(1, ID.bytes)))
    with pytest.raises(WireError, match="first frame"):
        list(audiosocket.AudioSocket(ANNOUNCED).feed(frame(0x10, b"\0\0")))


# Garbage

WORDS = (
    *("event", "type", "mode", "media", "start", "payload", "chunk", "seq", "parameters"),
    *("channels", "rate", "eof", "config", "is_speaking", "audio_fs", "sampleRate", "mixType"),
    *("track", "timestamp", "mediaFormat", "encoding"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(WORDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@pytest.mark.parametrize("protocol", SOCKETS)
@settings(max_examples=150, deadline=None)
@given(st.lists(JSON | st.binary(max_size=50) | st.text(max_size=30), max_size=6))
def test_garbage_is_refused_in_words_and_breaks_nothing(protocol: str, messages: list) -> None:
    made = wire(protocol)
    for message in messages:
        try:
            if isinstance(message, bytes):
                steps = list(made.binary(message))
            else:
                text = message if isinstance(message, str) else json.dumps(message)
                steps = list(made.text(text))
            for step in steps:
                if isinstance(step, Begin):
                    opening(source(protocol), step)
        except WireError:
            return  # the connection ends


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=6))
def test_garbage_on_the_audiosocket(blocks: list[bytes]) -> None:
    made = audiosocket.AudioSocket(ANNOUNCED)
    with suppress(WireError):
        for block in blocks:
            list(made.feed(block))

"""The file that describes the telephone systems."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from monitor.base.errors import UserError
from monitor.events import Party
from monitor.ingest.formats import Format
from monitor.ingest.sources import ProtocolName, Source, local_sources, opening, read
from monitor.ingest.steps import Begin, WireError

GOOD = """
tls_certificate = "qa.pem"
tls_key = "qa.key"

[[source]]
name = "pbx"
protocol = "stream"
path = "/pbx"
token = "a-long-secret"
mix = "stereo"
tracks = {left = "agent", right = "customer"}
call = ["metadata.uuid"]
facts = {skill = "metadata.group"}
agents = {8001 = "1001"}

[[source]]
name = "asterisk"
protocol = "audiosocket"
port = 9092
allow = ["10.1.0.0/16"]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sources.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_file_says_who_may_send_what(tmp_path: Path) -> None:
    found = read(written(tmp_path, GOOD))
    pbx, asterisk = found
    assert found.certificate == tmp_path / "qa.pem"
    assert pbx.secret
    assert not asterisk.secret
    assert asterisk.admits("10.1.2.3")
    assert asterisk.admits("::ffff:10.1.2.3")
    assert not asterisk.admits("10.2.0.1")
    assert not asterisk.admits("nonsense")
    begin = Begin(
        ("left", "right"),
        Format("s16le", 8_000, 2),
        {"metadata": {"uuid": "u-1", "group": "vip", "agent": 8001}},
    )
    made = opening(pbx, begin)
    assert made.key == "u-1"
    assert made.leg.parties == (Party.AGENT, Party.CUSTOMER)
    assert made.facts == {"source": "pbx", "agent": "1001", "skill": "vip"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "source"),
        ("[[source]", "TOML"),
        ("port = 1\n[[source]]\nname='a'\nprotocol='vosk'", "port"),
        ("[[source]]\nname='a'\nprotocol='sip'", "protocol"),
        ("[[source]]\nname='a'\nprotocol='vosk'\ncolour='red'", "colour"),
        ("[[source]]\nname='a b'\nprotocol='vosk'", "name"),
        ("[[source]]\nname='a'\nprotocol='vosk'\n[[source]]\nname='a'\nprotocol='vosk'", "a"),
        ("[[source]]\nname='a'\nprotocol='audiosocket'", "port"),
        ("[[source]]\nname='a'\nprotocol='vosk'\nport=1", "port"),
        ("[[source]]\nname='a'\nprotocol='vosk'\ntoken='short'", "token"),
        ("[[source]]\nname='a'\nprotocol='vosk'\nuser='me'", "password"),
        ("[[source]]\nname='a'\nprotocol='vosk'\npattern='('", "pattern"),
        ("[[source]]\nname='a'\nprotocol='vosk'\npattern='.*'", "pattern"),
        ("[[source]]\nname='a'\nprotocol='vosk'\nallow=['10.0.0.0/99']", "allow"),
        ("tls_key='x'\n[[source]]\nname='a'\nprotocol='vosk'", "tls_certificate"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(tmp_path: Path, text: str, named: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError) as raised:
        read(path)
    line = str(raised.value)
    assert str(path) in line
    assert named in line
    assert "\n" not in line


def test_without_a_file_only_this_machine_may_send() -> None:
    for source in local_sources():
        assert source.admits("127.0.0.1")
        assert source.admits("::1")
        assert not source.admits("192.168.1.5")


def test_a_key_is_taken_apart_into_call_and_party() -> None:
    source = Source(
        name="x",
        protocol="funasr",
        pattern=r"(?P<call>.+)-(?P<party>agent|customer)-(?P<agent>\d+)",
    )
    mono = Format("s16le", 8_000)
    made = opening(source, Begin(("mono",), mono, {"wav_name": "abc-customer-8002"}))
    assert (made.key, made.leg.parties, made.facts["agent"]) == ("abc", (Party.CUSTOMER,), "8002")
    assert made.parties == (Party.AGENT, Party.CUSTOMER)
    other = opening(source, Begin(("mono",), mono, {"wav_name": "something else"}))
    assert (other.key, other.parties) == ("something else", (Party.AGENT,))


def test_two_channels_of_one_party_are_refused() -> None:
    source = Source(name="x", protocol="stream", tracks={"left": "agent"})
    with pytest.raises(WireError, match="tracks"):
        opening(source, Begin(("left", "right"), Format("s16le", 8_000, 2)))


def test_every_key_and_every_protocol_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs/telephony.md").read_text("utf-8")
    names = set(Source.model_fields) | set(get_args(ProtocolName)) | {"tls_certificate", "tls_key"}
    assert [name for name in sorted(names - {"name"}) if f"`{name}`" not in text] == []

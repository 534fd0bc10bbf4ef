"""What the administrator says of each telephone system: `sources.toml` (docs/telephony.md)."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import Detail, Direction, Party
from monitor.ingest.assembler import LegSettings
from monitor.ingest.steps import Begin, WireError

ProtocolName: TypeAlias = Literal[
    "funasr", "stream", "vosk", "twilio", "audiohook", "asterisk", "audiosocket", "openai"
]

AGENT, CUSTOMER = Party.AGENT, Party.CUSTOMER
_TRACKS: Mapping[str, Mapping[str, Party]] = {
    "funasr": {"mono": AGENT},
    "vosk": {"mono": AGENT},
    "stream": {"mono": AGENT, "mixed": AGENT, "left": CUSTOMER, "right": AGENT},
    "twilio": {"inbound": CUSTOMER, "outbound": AGENT},
    "audiohook": {"external": CUSTOMER, "internal": AGENT},
    "asterisk": {"mono": AGENT},
    "audiosocket": {"agent": AGENT, "customer": CUSTOMER},
    "openai": {"mono": AGENT, "left": AGENT, "right": CUSTOMER},
}
"""Who is on which track when the source says nothing (docs/telephony.md says why)."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "funasr": ("query.call", "wav_name"),
    "vosk": ("query.call",),
    "stream": (
        "query.call",
        "metadata.call",
        "metadata.call_id",
        "metadata.callSid",
        "metadata.uuid",
    ),
    "twilio": ("start.callSid", "start.call_control_id", "start.call_sid"),
    "audiohook": ("conversationId",),
    "asterisk": ("query.call", "metadata.call"),
    "audiosocket": ("call",),
}
"""Where the key of a call is found."""

_FACTS = ("agent", "queue", "tier")
_PLACES = ("", "query.", "metadata.", "metadata.metadata.", "start.customParameters.")
_MAX_TEXT = 200

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Source(BaseModel):
    """One telephone system, or one way in which it sends.

    `path` is where WebSockets arrive, `port` where AudioSocket does. Somebody without
    a secret is taken from the networks in `allow` alone. `tracks` says who is on which track,
    `outbound` the same for outbound calls. `call`, `facts` and `direction` name the place of a
    value in what the peer says (`metadata.user`). `pattern` takes a key apart: its groups
    `call`, `party` and `agent` count. `agents` turns an extension into an agent's name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[\w-]{1,40}$")
    protocol: ProtocolName
    path: str = Field(default="/", pattern=r"^/[\w./-]*$")
    port: int | None = Field(default=None, ge=0, le=65535)
    token: str | None = Field(default=None, min_length=8)
    user: str | None = None
    password: str | None = Field(default=None, min_length=8)
    header: tuple[str, str] | None = None
    signing_key: str | None = None
    url: str | None = None
    allow: tuple[Network, ...] = (
        ipaddress.IPv4Network("127.0.0.0/8"),
        ipaddress.IPv6Network("::1/128"),
    )
    rate: int = Field(default=8_000, ge=8_000, le=192_000)
    mix: Literal["mono", "mixed", "stereo"] = "mono"
    tracks: dict[str, Party] = {}
    outbound: dict[str, Party] = {}
    parties: tuple[Party, ...] = Field(default=(), max_length=2)
    call: tuple[str, ...] = ()
    pattern: str | None = None
    facts: dict[str, str] = {}
    direction: str = "direction"
    agents: dict[str, str] = {}
    paced: bool | None = None
    silence_suppression: bool = False
    record: bool = False
    calls: int = Field(default=200, ge=1)
    message_bytes: int = Field(default=1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    idle_s: float = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _whole(self) -> Source:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together")
        if self.protocol == "audiohook" and self.signing_key and not self.token:
            raise ValueError("signing_key (the client secret) goes with token (the API key)")
        if self.protocol == "twilio" and self.signing_key and not self.url:
            raise ValueError("a signature is over the address that Twilio was given: say it in url")
        if self.protocol == "audiosocket" and self.port is None:
            raise ValueError("an audiosocket source needs a port")
        if self.protocol != "audiosocket" and self.port is not None:
            raise ValueError("only an audiosocket source has a port of its own")
        if self.pattern is not None:
            try:
                groups = set(re.compile(self.pattern).groupindex)
            except re.error as error:
                raise ValueError(f"pattern: {error}") from error
            if "call" not in groups or groups - {"call", "party", "agent"}:
                raise ValueError("pattern: needs a group (?P<call>…), may have party and agent")
        return self

    @property
    def secret(self) -> bool:
        """Whether a peer has to know something."""
        return any((self.token, self.password, self.header, self.signing_key))

    @property
    def sends_as_it_happens(self) -> bool:
        """Whether audio comes as time passes; a FunASR client may send a file in one go."""
        return self.paced if self.paced is not None else self.protocol not in ("funasr", "vosk")

    def admits(self, address: str) -> bool:
        """Whether somebody without a secret may come from this address."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None)
        return any((mapped or found) in network for network in self.allow)


@dataclass(frozen=True, slots=True)
class Opening:
    """A leg as the call knows it: its call, who is on it, what is known.

    `shared`: legs of this key are one call. Where it is not, the key is only a name: every
    client of FunASR's samples calls its audio "demo" or "microphone".
    """

    key: str | None
    shared: bool
    leg: LegSettings
    parties: tuple[Party, ...]
    direction: Direction | None
    facts: Mapping[str, Detail]


def opening(source: Source, begin: Begin) -> Opening:
    """What a source's settings make of a leg that begins.

    Raises:
        WireError: a track that nobody is said to be on.
    """
    about = begin.about
    key = _first(about, source.call or _KEYS.get(source.protocol, ()))
    found = re.fullmatch(source.pattern, key) if source.pattern and key else None
    parts = found.groupdict() if found else {}
    direction = _direction(_first(about, _places(source.direction)))
    mapping = dict(_TRACKS[source.protocol]) | source.tracks
    if direction == "outbound":
        mapping |= source.outbound
    try:
        parties = tuple(mapping[track] for track in begin.tracks)
        said = parts.get("party") or _first(about, ("party", "query.party", "metadata.party"))
        if len(parties) == 1 and said:
            parties = (Party(said),)
    except (KeyError, ValueError) as error:
        raise WireError(f"who is on the track {error}? say it in `tracks`") from None
    if len(set(parties)) < len(parties):
        raise WireError("two channels of one party: say in `tracks` who is on which")
    facts: dict[str, Detail] = {"source": source.name}
    for name in (*_FACTS, *source.facts):
        places = (source.facts[name],) if name in source.facts else _places(name)
        value = _first(about, places)
        if value is not None:
            facts[name] = value
    agent = parts.get("agent") or facts.get("agent")
    if isinstance(agent, str):
        facts["agent"] = source.agents.get(agent, agent)
    settings = LegSettings(
        parties, begin.format, source.sends_as_it_happens, source.silence_suppression
    )
    paired = len(parties) == 1 and said is not None
    expected = tuple(dict.fromkeys(mapping[name] for name in begin.expected if name in mapping))
    whole = source.parties or ((AGENT, CUSTOMER) if paired else expected or parties)
    if set(parties) - set(whole):
        raise WireError(f"{source.name}: `parties` does not name {sorted(parties)}")
    name_only = key is not None and key == _first(about, ("wav_name",))
    shared = bool(parts) or bool(source.call) or not name_only
    return Opening(parts.get("call") or key, shared, settings, whole, direction, facts)


@dataclass(frozen=True, slots=True)
class Sources:
    """What a file says: the sources, and the certificate (PEM) they are served with, if any."""

    all: tuple[Source, ...]
    certificate: Path | None = None
    key: Path | None = None

    def __iter__(self) -> Iterator[Source]:
        return iter(self.all)


def read(path: Path) -> Sources:
    """The sources of a file.

    Raises:
        UserError: not TOML, an unknown key, a value that does not fit, a name twice.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(
            tr(f"{path}：无法读取：{error.strerror}", f"{path}: cannot be read: {error.strerror}")
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(tr(f"{path}：不是 TOML：{error}", f"{path}: not TOML: {error}")) from error
    listed = data.pop("source", [])
    pems = [data.pop(name, None) for name in ("tls_certificate", "tls_key")]
    if any(pems) and not all(isinstance(pem, str) and pem for pem in pems):
        raise UserError(
            tr(
                f"{path}：tls_certificate 与 tls_key 要同时给出，各为一个文件",
                f"{path}: tls_certificate and tls_key belong together, a file each",
            )
        )
    if data or not isinstance(listed, list) or not listed:
        extra = f" ({', '.join(data)})" if data else ""
        raise UserError(
            tr(
                f"{path}：只能有 [[source]] 表，至少一个{extra}",
                f"{path}: [[source]] tables are expected, one at least, and nothing else{extra}",
            )
        )
    sources = tuple(_source(path, number, item) for number, item in enumerate(listed, 1))
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                tr(f"{path}：来源 {name} 重复", f"{path}: the source {name} is there twice")
            )
    certificate, key = (path.parent / pem if pem else None for pem in pems)
    return Sources(sources, certificate, key)


def _source(path: Path, number: int, item: Any) -> Source:
    try:
        return Source.model_validate(item)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        name = item.get("name", number) if isinstance(item, dict) else number
        raise UserError(
            tr(
                f"{path}：来源 {name}：{place}：{first['msg']}",
                f"{path}: source {name}: {place}: {first['msg']}",
            )
        ) from error


def local_sources() -> Sources:
    """What a server takes from its own machine when no file is given."""
    local = (
        Source(name="funasr", protocol="funasr", path="/"),
        Source(name="freeswitch", protocol="stream", path="/stream"),
        Source(name="vosk", protocol="vosk", path="/vosk"),
        Source(name="twilio", protocol="twilio", path="/twilio"),
        Source(name="openai", protocol="openai"),
    )
    return Sources(local)


def _places(name: str) -> tuple[str, ...]:
    return tuple(place + name for place in _PLACES)


def _first(about: Mapping[str, Any], places: tuple[str, ...]) -> str | None:
    for place in places:
        value: Any = about
        for part in place.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str | int | float) and str(value).strip():
            text = "".join(char for char in str(value) if char.isprintable())
            return text.strip()[:_MAX_TEXT]
    return None


def _direction(value: str | None) -> Direction | None:
    found: Mapping[str, Direction] = {
        "inbound": "inbound",
        "in": "inbound",
        "outbound": "outbound",
        "out": "outbound",
    }
    return found.get((value or "").lower())

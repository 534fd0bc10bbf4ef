"""Where a server is and how it is asked: one value, read once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.asr import names
from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from monitor.asr.names import Wanted

KEYS = ("MONITOR_OPENAI_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the key, the first that is set."""

_OPTIONS = ("language", "model", "retries", "timeout")
_PATH = "/audio/transcriptions"


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """`url` is the full address asked; `timeout_s` is waited for one answer; `retries` follow a
    failure that may pass. The key is not shown when the value is printed."""

    url: str
    model: str = "whisper-1"
    language: str = "zh"
    timeout_s: int = 60
    retries: int = 2
    key: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """Short name for reports: host and model."""
        return f"openai:{urlsplit(self.url).netloc} {self.model}"

    @classmethod
    def of(cls, url: str, wanted: Wanted) -> RemoteSettings:
        """The settings for an address and these options.

        Raises:
            UserError: not an address, an unknown option or value, or a call that is going on.
        """
        if wanted.live:
            raise UserError(
                tr(
                    f"--asr openai:{_shown(url)}：只用于录音和复核（--confirm），不用于实时通话",
                    f"--asr openai:{_shown(url)}: for recordings and second hearings (--confirm), "
                    "not for live calls",
                )
            )
        options = wanted.options
        names.refuse_unknown(options, _OPTIONS, "openai")
        return cls(
            url=_address(url),
            model=options.get("model", "whisper-1"),
            language=options.get("language", "zh"),
            timeout_s=names.number(options, "timeout", 60),
            retries=names.number(options, "retries", 2, least=0),
            key=next((os.environ[name] for name in KEYS if os.environ.get(name)), ""),
        )


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UserError(
            tr(
                f"--asr openai:{_shown(url)}：要写服务的地址，例如 openai:http://127.0.0.1:8000",
                f"--asr openai:{_shown(url)}: give a server's address, as in "
                "openai:http://127.0.0.1:8000",
            )
        )
    if parts.username is not None or parts.password is not None:
        raise UserError(
            tr(
                f"--asr openai:{_shown(url)}：地址里不要写密钥，请用环境变量 {KEYS[0]}",
                f"--asr openai:{_shown(url)}: keep keys out of the address; use {KEYS[0]} "
                "in the environment",
            )
        )
    base = url.rstrip("/")
    if base.endswith(_PATH):
        return base
    return base + (_PATH if base.endswith("/v1") else "/v1" + _PATH)


def _shown(url: str) -> str:
    """The address without what may be a secret."""
    head, at, tail = url.rpartition("@")
    scheme, slashes, _ = head.partition("://")
    return f"{scheme}{slashes}…@{tail}" if at else url

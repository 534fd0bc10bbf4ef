"""What a server is started with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.store import Store

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Settings of one server.

    `secret` signs the session cookies. `hosts` are the names it answers to
    (the Host header); with `any_address` also every numeric address, which
    cannot be rebound by DNS. `public_url` is where users reach it through a
    proxy; when that is https, cookies are sent over TLS alone. `setup_token`
    opens the page on which the first administrator is created. `body_bytes`
    bounds an ordinary request, `upload_bytes` a recording sent to one of
    `upload_paths`. A call whose sender has not come back after `lost_after_s`
    has broken off. With `local_agent` (`monitor listen --serve`, localhost
    only) whoever comes is that user.
    """

    store: Store
    secret: str
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    any_address: bool = False
    public_url: str | None = None
    setup_token: str | None = None
    demo: bool = False
    session_s: int = 12 * 3600
    body_bytes: int = 2 * MEGABYTE
    upload_bytes: int = 1024 * MEGABYTE
    upload_paths: tuple[str, ...] = ("/imports", "/api/imports")
    lost_after_s: float = 600.0
    local_agent: int | None = None

    @property
    def https(self) -> bool:
        return (self.public_url or "").startswith("https://")

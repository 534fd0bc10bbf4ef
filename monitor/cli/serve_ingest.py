"""`monitor serve --ingest`: the ports of telephone systems beside the server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.ingest.sources import Sources
    from monitor.web.app import Beside
    from monitor.web.telephony.server import Ports

CALLS_PER_CORE = 12
"""The most calls at once, per core, unless told otherwise: half of what
`benchmarks/ingest.py` measured, since pages and the store want their share."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say."""

    host: str
    ports: Ports
    sources: Sources
    calls: int


def asked(ingest: str | None, sources: Path | None, calls: int | None) -> Asked | None:
    """The ports, already open: what is wrong with them is told before anything is loaded.

    Raises:
        UserError: no HOST:PORT, a file that cannot be used, or a port in use.
    """
    if ingest is None:
        if sources is not None or calls is not None:
            raise UserError(
                tr(
                    "--sources 和 --calls 只与 --ingest 一起使用",
                    "--sources and --calls go with --ingest",
                )
            )
        return None
    from monitor.ingest import sources as known
    from monitor.web.telephony import server

    host, colon, port = ingest.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise UserError(
            tr(
                f"--ingest {ingest}：应写作 地址:端口，如 0.0.0.0:8766",
                f"--ingest {ingest}: write HOST:PORT, such as 0.0.0.0:8766",
            )
        )
    host = host.strip("[]") or "127.0.0.1"
    found = known.local_sources() if sources is None else known.read(sources)
    most = calls or CALLS_PER_CORE * (os.cpu_count() or 1)
    return Asked(host, server.bind(host, int(port), found), found, most)


def beside(asked: Asked, packs: Sequence[str], asr: str | None, confirm: str | None) -> Beside:
    """What runs beside the server."""
    from monitor.ingest.live_board import Limits
    from monitor.web.telephony import server

    limits = Limits(asked.calls)
    server.log_to_terminal()
    wanted = server.Ingest(asked.sources, asked.ports, limits, packs, asr, confirm)
    return server.beside(wanted)


def tell(asked: Asked) -> None:
    """Print where each telephone system sends to."""
    from monitor.web.telephony.server import described

    port = asked.ports.common.getsockname()[1]
    scheme = "wss" if asked.sources.certificate else "ws"
    where = f"{scheme}://{asked.host}:{port}"
    click.echo(tr(f"接收电话系统的通话：{where}", f"taking calls of telephone systems at {where}"))
    for source in asked.sources:
        open_ = "" if source.secret else tr("（无密钥，仅限 allow）", " (no secret: `allow` only)")
        click.echo(f"  {source.name:<16}{source.protocol:<14}{described(source)}{open_}")

"""Where else a live call goes: into the store, to a panel on this machine, to a server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from monitor.base import arguments
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import to_dict

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from monitor.call.engine import Engine
    from monitor.call.live import Sink
    from monitor.rules.scorecard import Scorecard
    from monitor.store import Store
    from monitor.store.live import LiveWriter
    from monitor.store.schema import User
    from monitor.web.feed import LocalFeed

LOCAL_USER = "local"
"""Who looks at the panel of `--serve`: whoever sits at this machine."""


class Destination(Protocol):
    """Somewhere a call is sent to while it runs."""

    @property
    def sink(self) -> Sink: ...

    def finish(self, card: Scorecard, audio: Path | None) -> list[str]:
        """The call is over, its recording closed; returns what went wrong, a line each."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options of `monitor listen` say. `store` is "" for the usual place; with `to`
    there is a `token`."""

    store: str | None
    serve: bool
    port: int
    to: str | None
    token: str | None
    agent: str | None


def check(wanted: Wanted) -> None:
    """Find out before anything is loaded whether the server will take the call.

    One that cannot be reached just now is told of; the call begins all the same.

    Raises:
        UserError: the address or the token is wrong.
    """
    if wanted.to is None:
        return
    from monitor.call.uplink import address

    away = address.check(wanted.to, wanted.token or "")
    if away is not None:
        click.echo(
            tr(
                f"提醒：{wanted.to} 暂时连接不上({away})；通话照常监测，连上后自动补发",
                f"note: {wanted.to} cannot be reached just now ({away}); the call is monitored"
                " all the same, and sent when the server is back",
            ),
            err=True,
        )


@contextmanager
def destinations(wanted: Wanted, loaded: Engine) -> Iterator[list[Destination]]:
    """The destinations that the options name, open until the block ends.

    Raises:
        UserError: one of them cannot be opened.
    """
    with ExitStack() as stack:
        found: list[Destination] = []
        if wanted.to is not None:
            found.append(_Server(wanted.to, wanted.token or ""))
        if wanted.serve:
            found.append(stack.enter_context(_panel(wanted)))  # writes to the store, too
        elif wanted.store is not None:
            found.append(stack.enter_context(_stored(wanted, loaded)))
        yield found


class _Server:
    def __init__(self, url: str, token: str) -> None:
        from monitor.base.user_folders import user_folder
        from monitor.call.uplink.sender import Uplink

        folder = os.environ.get("MONITOR_SPOOL")
        self._url = url
        self._uplink = Uplink(url, token, Path(folder) if folder else user_folder() / "spool")

    @property
    def sink(self) -> Sink:
        return self._uplink

    def finish(self, card: Scorecard, _audio: Path | None) -> list[str]:
        delivered = self._uplink.finish(card)
        problems = list(self._uplink.problems)
        if not delivered and not problems:
            problems.append(
                tr(
                    f"{self._url}：还有 {self._uplink.waiting} 个事件没有送达；"
                    "已保存在本机，下次 monitor listen --to 会自动补发",
                    f"{self._url}: {self._uplink.waiting} events are not delivered yet; they are"
                    " kept, and sent by the next monitor listen --to",
                )
            )
        return problems


class _Panel:
    def __init__(self, feed: LocalFeed, store: Store) -> None:
        self._feed = feed
        self._store = store

    @property
    def sink(self) -> Sink:
        return self._feed

    def finish(self, card: Scorecard, audio: Path | None) -> list[str]:
        from monitor.store import write
        from monitor.store.schema import Call

        problems = self._feed.finish(card)
        if audio is not None and self._feed.call_id is not None and not problems:
            try:
                with self._store.session() as session:
                    write.keep_audio(session, session.get_one(Call, self._feed.call_id), audio)
            except UserError as error:
                problems.append(str(error))
        return problems


class _Stored:
    def __init__(self, writer: LiveWriter) -> None:
        self._writer = writer

    @property
    def sink(self) -> Sink:
        return self._writer

    def finish(self, card: Scorecard, audio: Path | None) -> list[str]:
        self._writer.finish(to_dict(card), audio)
        return self._writer.problems


@contextmanager
def _stored(wanted: Wanted, loaded: Engine) -> Iterator[_Stored]:
    from monitor.store import open_store
    from monitor.store.live import LiveWriter
    from monitor.store.packs import texts_of

    with open_store(wanted.store or None) as opened:
        texts = texts_of(loaded.rulebook)
        with LiveWriter(opened, _key(), agent=wanted.agent, packs=texts) as writer:
            yield _Stored(writer)


@contextmanager
def _panel(wanted: Wanted) -> Iterator[_Panel]:
    from monitor.store import open_store
    from monitor.web.app import create_app
    from monitor.web.feed import LocalFeed
    from monitor.web.server import in_thread, listening
    from monitor.web.settings import WebSettings

    with open_store(wanted.store or None) as opened:
        with opened.session() as session:
            user = _local_user(session, wanted.agent)
        settings = WebSettings(opened, secrets.token_urlsafe(48), local_agent=user.id)
        app = create_app(settings)
        with listening("127.0.0.1", wanted.port) as bound, in_thread(app, bound):
            url = f"http://localhost:{bound.getsockname()[1]}/panel"
            click.echo(tr(f"实时面板：{url}", f"live panel: {url}"), err=True)
            feed = LocalFeed(app.state.intake, app.state.loop, _key(), user.id, user.agent)
            yield _Panel(feed, opened)


def _key() -> str:
    return f"live-{secrets.token_hex(16)}"


def _local_user(session: Session, agent: str | None) -> User:
    """A user who cannot sign in; the panel on this machine is theirs without."""
    from sqlalchemy import select

    from monitor.store.schema import User
    from monitor.web import users
    from monitor.web.roles import Role

    user = session.scalar(select(User).where(User.name == LOCAL_USER))
    if user is None:
        display = tr("本机坐席", "this machine's agent")
        user = users.add_hashed(session, LOCAL_USER, Role.AGENT, "", display)
    user.agent = agent or user.agent
    return user


def token(url: str, given: str | None, file: Path | None) -> str:
    """The API token for a server: given, from a file, or from the environment.

    One on the command line is hidden from the other users of this machine, who could read it in
    the list of processes; the shell's history keeps it all the same.

    Raises:
        UserError: there is none, or its file cannot be read.
    """
    if given:
        arguments.hide(given)
        return given
    named = os.environ.get("MONITOR_TOKEN_FILE")
    file = file or (Path(named) if named else None)
    if file is not None:
        try:
            found = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                tr(f"{file}：读不了令牌：{error}", f"{file}: the token cannot be read: {error}")
            ) from error
    else:
        found = os.environ.get("MONITOR_TOKEN", "")
    if not found:
        raise UserError(
            tr(
                f"--to {url}：缺少令牌，请用 --token-file、环境变量 MONITOR_TOKEN 或 --token 给出"
                "（在服务器的“我的账号”页创建）",
                f"--to {url}: a token is needed: --token-file, the environment variable"
                " MONITOR_TOKEN, or --token (made on the server's page “My account”)",
            )
        )
    return found

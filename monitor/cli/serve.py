"""`monitor serve`: the server for agents, QA and trainers."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from monitor import cli
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.call.facts import DEFAULT_PACKS
from monitor.cli import options

if TYPE_CHECKING:
    from monitor.store import Store
    from monitor.web.settings import WebSettings

DEFAULT_PORT = 8765


@click.command(
    "serve",
    help=tr(
        """启动服务器：坐席实时面板、监控墙、质检与培训页面、JSON API。Ctrl-C 结束。

        默认只在本机提供服务；首次启动时，终端会给出创建管理员的网址。

        \b
        示例：
          monitor serve                        本机,http://localhost:8765
          monitor serve --demo                 演示：演示用户、演示通话和一通现场通话
          monitor serve --host 0.0.0.0         供其他电脑使用（须先有管理员）
          monitor serve --public-url https://qa.example.cn   在反向代理之后
          monitor serve --ingest 0.0.0.0:8766 --sources 来源.toml   接收电话系统送来的通话""",
        """Run the server: the agents' live panel, the wall, the pages of QA and
        trainers, the JSON API. Ctrl-C ends it.

        It answers this machine only, unless told otherwise. At the first start the
        terminal shows where to create the administrator.

        \b
        Examples:
          monitor serve                        this machine, http://localhost:8765
          monitor serve --demo                 demo users, demo calls and a live call
          monitor serve --host 0.0.0.0         for other machines (needs an administrator)
          monitor serve --public-url https://qa.example.cn   behind a reverse proxy
          monitor serve --ingest 0.0.0.0:8766 --sources sources.toml   calls of a PBX""",
    ),
)
@options.store
@cli.option(
    "--host",
    default="127.0.0.1",
    metavar="ADDRESS",
    zh="在哪个地址上提供服务（默认仅本机）",
    en="the address to listen on (default: this machine only)",
)
@cli.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    zh="端口（默认 8765;0 为任意空闲端口）",
    en="port (default 8765; 0: any free one)",
)
@cli.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    zh="用户访问本服务器所用的主机名，可多次使用",
    en="a host name that users reach this server by; repeatable",
)
@cli.option(
    "--public-url",
    metavar="URL",
    zh="经反向代理访问时的网址，如 https://qa.example.cn",
    en="where users reach it through a reverse proxy, e.g. https://qa.example.cn",
)
@cli.option(
    "--demo",
    is_flag=True,
    zh="在空库里放入演示用户和演示通话，并循环播放现场通话",
    en="fill an empty store with demo users and calls, and play live calls over and over",
)
@cli.option(
    "--watch",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    zh="同时监视这个文件夹，新录音自动评分入库，可多次使用",
    en="also watch this folder and score the recordings that arrive there; repeatable",
)
@cli.option(
    "--ingest",
    metavar="HOST:PORT",
    zh="在此地址接收电话系统送来的通话并识别(docs/telephony.md)",
    en="take calls of telephone systems here and recognise them (docs/telephony.md)",
)
@cli.option(
    "--sources",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    zh="各电话系统的设置与密钥(TOML)；不写则只接收本机的",
    en="what each telephone system sends, and its secret (TOML); without it: this machine's only",
)
@cli.option(
    "--calls",
    type=click.IntRange(1),
    zh="同时识别的通话上限（默认每个 CPU 核 12 通）",
    en="the most calls recognised at once (default: 12 per CPU core)",
)
@options.packs
@options.recogniser
@options.second
def command(
    store: str | None,
    host: str,
    port: int,
    names: tuple[str, ...],
    public_url: str | None,
    demo: bool,
    folders: tuple[Path, ...],
    ingest: str | None,
    sources: Path | None,
    calls: int | None,
    packs: tuple[str, ...],
    asr: str | None,
    confirm: str | None,
) -> None:
    from monitor.cli import serve_ingest
    from monitor.store import open_store
    from monitor.web.app import Beside, create_app
    from monitor.web.qa import worker
    from monitor.web.review import warm
    from monitor.web.server import listening, server

    _check_url(public_url)
    asked = serve_ingest.asked(ingest, sources, calls)
    if demo and store is None:
        store = str(_demo_folder())
    with open_store(store) as opened:
        beside: list[Beside] = []
        if demo:
            from monitor.web.demo import people, play

            shown = people.prepare(opened)
            beside.append(play.beside(packs or DEFAULT_PACKS, asr))
        beside.append(warm.packs_in_use)
        scoring = worker.arguments(packs, asr, confirm)
        if folders:
            beside.append(partial(worker.watching, folders=folders, more=scoring))
        if asked is not None:
            beside.append(serve_ingest.beside(asked, packs or DEFAULT_PACKS, asr, confirm))
        settings = _settings(opened, host, names, public_url, demo)
        app = create_app(settings, beside=beside)
        app.state.scoring = scoring
        with listening(host, port) as bound:
            _greet(settings, opened, bound)
            if asked is not None:
                serve_ingest.tell(asked)
            if demo:
                people.tell(shown)
            server(app, behind_proxy=public_url is not None).run([bound])


def _settings(
    store: Store, host: str, names: tuple[str, ...], public_url: str | None, demo: bool
) -> WebSettings:
    from monitor.web import users
    from monitor.web.server import secret
    from monitor.web.settings import WebSettings

    with store.reading() as session:
        administered = users.administrators(session) > 0
        anybody = users.anybody(session)
    local = _is_loopback(host)
    if not local and not administered:
        raise UserError(
            tr(
                f"--host {host}：还没有管理员，只能在本机提供服务；"
                "请先运行 monitor users add 名称 --role admin",
                f"--host {host}: there is no administrator yet, so only this machine is served;"
                " first run: monitor users add NAME --role admin",
            )
        )
    hosts = ["localhost", "127.0.0.1", "[::1]", *(name.lower() for name in names)]
    if not local:
        hosts += [socket.gethostname().lower(), socket.getfqdn().lower()]
        hosts.append(f"[{host}]" if ":" in host else host.lower())
    if public_url is not None:
        hosts.append((urlsplit(public_url).hostname or "").lower())
    return WebSettings(
        store=store,
        secret=secret(store.audio_dir.parent),
        hosts=tuple(hosts),
        any_address=not local,
        public_url=public_url,
        setup_token=None if anybody else secrets.token_urlsafe(16),
        demo=demo,
    )


def _greet(settings: WebSettings, store: Store, bound: socket.socket) -> None:
    address, port = bound.getsockname()[:2]
    wildcard = ipaddress.ip_address(address).is_unspecified
    local = wildcard or ipaddress.ip_address(address).is_loopback
    name = "localhost" if local else f"[{address}]" if ":" in address else address
    url = settings.public_url or f"http://{name}:{port}"
    click.echo(tr(f"服务器已启动：{url}（Ctrl-C 结束）", f"serving at {url} (Ctrl-C ends it)"))
    click.echo(tr(f"数据：{store.url_shown}", f"store: {store.url_shown}"))
    if settings.setup_token is not None:
        setup = f"http://localhost:{port}/setup?token={settings.setup_token}"
        click.echo(
            tr(
                f"首次使用，请在本机打开此网址创建管理员：\n  {setup}",
                f"first run: create the administrator, on this machine, at\n  {setup}",
            )
        )
    if wildcard or not local:
        click.echo(
            tr(
                "提醒：未加密的 HTTP 只适合可信的内网；请在前面放置 TLS 反向代理(docs/server.md)",
                "note: plain HTTP is for a trusted network only; put a TLS proxy in front"
                " (docs/server.md)",
            ),
            err=True,
        )


def _check_url(url: str | None) -> None:
    from monitor.call.uplink.address import is_server

    if url is not None and not is_server(url):
        raise UserError(
            tr(
                f"--public-url {url}：应为完整网址，如 https://qa.example.cn（不支持子路径）",
                f"--public-url {url}: a whole address such as https://qa.example.cn"
                " (no path below it)",
            )
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _demo_folder() -> Path:
    from monitor.base.user_folders import user_folder

    return user_folder() / "demo"

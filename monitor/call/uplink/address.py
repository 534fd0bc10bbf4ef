"""The server that calls are sent to: its address, and whether it takes them."""

from __future__ import annotations

import ssl
from http import HTTPStatus
from urllib.parse import urlsplit

from monitor.base.errors import UserError
from monitor.base.i18n import tr

PATIENCE_S = 5.0
"""How long the beginning of a call waits for the server to answer."""

_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def is_server(url: str) -> bool:
    """Whether this can be a server's address: http or https, a host, no path below it."""
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, a port beyond all ports
        return False
    return named and parts.path in ("", "/")


def socket_url(url: str) -> str:
    """The address of a server's ingest, from the one its pages have.

    Raises:
        UserError: not an http or https address.
    """
    if not is_server(url):
        raise UserError(
            tr(
                f"--to {url}：应为服务器网址，如 https://qa.example.cn",
                f"--to {url}: the server's address is needed, such as https://qa.example.cn",
            )
        )
    parts = urlsplit(url)
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}/ws/ingest"


def not_accepted() -> str:
    """Why a server that knows the protocol does not let somebody send."""
    return tr(
        "令牌无效或无权发送，或者服务器不以这个名称提供服务",
        "the token is not valid or may not send, or the server does not answer to that name",
    )


def check(url: str, token: str, patience_s: float = PATIENCE_S) -> str | None:
    """Ask the server, before the call begins, whether it will take it.

    Returns why it cannot be reached just now, or None: a server that is away may come
    back during the call, so that is no reason not to begin.

    Raises:
        UserError: trying again would not help: the address, the token or the
            certificate is wrong.
    """
    from websockets.exceptions import InvalidStatus, WebSocketException
    from websockets.sync.client import connect

    try:
        with connect(
            socket_url(url),
            additional_headers={"Authorization": f"Bearer {token}"},
            open_timeout=patience_s,
            close_timeout=1,
            proxy=None,
        ):
            return None
    except InvalidStatus as error:
        status = error.response.status_code
        if status in _REFUSED:
            raise UserError(f"--to {url}: {not_accepted()}") from error
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise UserError(
                tr(
                    f"--to {url}：这个网址上没有监测服务器(HTTP {status})",
                    f"--to {url}: no monitor server at this address (HTTP {status})",
                )
            ) from error
        return f"HTTP {status}"
    except ssl.SSLCertVerificationError as error:
        raise UserError(
            tr(
                f"--to {url}：不信任服务器的证书({error.verify_message});"
                "内部证书请用环境变量 SSL_CERT_FILE 指定",
                f"--to {url}: the server's certificate is not trusted ({error.verify_message});"
                " name a certificate authority of your own in SSL_CERT_FILE",
            )
        ) from error
    except TimeoutError:
        return tr("没有应答", "no answer")
    except (OSError, WebSocketException) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__

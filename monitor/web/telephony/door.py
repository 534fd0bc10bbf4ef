"""Who may send: a secret that the source knows, or an address that it trusts."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams

from monitor.ingest.protocols import audiohook, twilio
from monitor.ingest.sources import Source
from monitor.web.limits import RateLimit

_log = logging.getLogger("monitor.ingest")


class Door:
    """Lets peers in. Whoever tries wrong secrets is turned away for a while, right or wrong."""

    def __init__(self, times: int = 20, window_s: float = 60.0) -> None:
        self._limit = RateLimit(times, window_s)
        self._nonces: dict[str, float] = {}  # used, and until when they are kept

    def admits(
        self,
        source: Source,
        address: str,
        headers: Headers,
        query: QueryParams,
        target: str = "",
    ) -> bool:
        """Whether this peer may come in; a refusal is in the log.

        `target` is the path and the query that were asked for, as they came.
        """
        if not source.secret:
            if source.admits(address):
                return True
            _log.warning("%s: %s may not send without a secret", source.name, address)
            return False
        if self._limit.attempt(address) > 0:
            return False
        if knows(source, headers, query) and self._signed(source, headers, target):
            self._limit.forgive(address)
            return True
        _log.warning("%s: %s does not know the secret", source.name, address)
        return False

    def _signed(self, source: Source, headers: Headers, target: str) -> bool:
        """Whether an AudioHook request is signed, where the source knows the client secret."""
        if source.protocol != "audiohook" or source.signing_key is None:
            return True
        host = urlsplit(source.url).netloc if source.url else headers.get("host", "")
        nonce = audiohook.signed(headers, target, host, source.signing_key, time.time())
        now = time.monotonic()
        self._nonces = {name: until for name, until in self._nonces.items() if until > now}
        if nonce is None or nonce in self._nonces:
            return False
        self._nonces[nonce] = now + 60
        return True


def knows(source: Source, headers: Headers, query: QueryParams) -> bool:
    """Whether a request carries a secret of the source."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    given = given.strip()
    if source.token is not None:
        found = given if scheme.lower() == "bearer" else ""
        if _same(found or headers.get("x-api-key") or query.get("token", ""), source.token):
            return True
    if source.password is not None and scheme.lower() == "basic":
        try:
            pair = base64.b64decode(given, validate=True).decode()
        except (binascii.Error, ValueError):
            pair = ""
        if _same(pair, f"{source.user}:{source.password}"):
            return True
    if source.header is not None and _same(headers.get(source.header[0], ""), source.header[1]):
        return True
    if source.protocol == "twilio" and source.signing_key and source.url:
        return twilio.signed(source.url, source.signing_key, headers.get("x-twilio-signature", ""))
    return False


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())

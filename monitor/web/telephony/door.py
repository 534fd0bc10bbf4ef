"""Who may send: a secret that the source knows, or an address that it trusts."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging

from starlette.datastructures import Headers, QueryParams

from monitor.ingest.protocols import twilio
from monitor.ingest.sources import Source
from monitor.web.limits import RateLimit

_log = logging.getLogger("monitor.ingest")


class Door:
    """Lets peers in. Whoever tries wrong secrets is turned away for a while, right or wrong."""

    def __init__(self, times: int = 20, window_s: float = 60.0) -> None:
        self._limit = RateLimit(times, window_s)

    def admits(self, source: Source, address: str, headers: Headers, query: QueryParams) -> bool:
        """Whether this peer may come in; a refusal is in the log."""
        if not source.secret:
            if source.admits(address):
                return True
            _log.warning("%s: %s may not send without a secret", source.name, address)
            return False
        if self._limit.attempt(address) > 0:
            return False
        if knows(source, headers, query):
            self._limit.forgive(address)
            return True
        _log.warning("%s: %s does not know the secret", source.name, address)
        return False


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
    if source.signing_key is not None and source.url is not None:
        return twilio.signed(source.url, source.signing_key, headers.get("x-twilio-signature", ""))
    return False


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())

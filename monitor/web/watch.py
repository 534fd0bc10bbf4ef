"""What one watcher of a call is sent next. Knows no socket.

A watcher is a place in the call. It is sent whatever lies behind that place;
when it was away or too slow for that, the whole picture, with a mark that says
what it missed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from monitor.web.hub import LiveCall

TICK_MS = 1_000
"""How far the call's clock runs before a watcher is told, while nothing is said."""


class Watcher:
    """Follows one call for a user.

    `last_seq` is the last event it has applied, None when it has none.
    """

    def __init__(self, call: LiveCall, user_id: int, last_seq: int | None = None) -> None:
        self.call = call
        self._user_id = user_id
        self._next = None if last_seq is None else last_seq + 1
        # Whether the first events it gets happened while it was away.
        self._replay = self._next is not None and self._next < call.next_seq
        self._now_ms = 0
        self._tails = 0
        self._connected = True
        self._ended = False

    @property
    def done(self) -> bool:
        """Whether the end has been told."""
        return self._ended

    def messages(self) -> Iterator[str]:
        """Everything that is new, as JSON texts; nothing when nothing is."""
        call = self.call
        if self._next != call.next_seq:
            yield from self._events()
        if self._tails != call.tail_count:
            self._tails = call.tail_count
            for tail in list(call.tails.values()):
                yield self._text("partial", **tail)
        if call.now_ms - self._now_ms >= TICK_MS:
            self._now_ms = call.now_ms
            yield self._text("tick", now_ms=call.now_ms)
        if self._connected != call.connected:
            self._connected = call.connected
            yield self._text("source", connected=call.connected)
        if call.status != "live" and not self._ended:
            self._ended = True
            yield self._text("end", status=call.status)

    def _events(self) -> Iterator[str]:
        call = self.call
        first, until = self._next, call.next_seq
        self._next, self._now_ms = until, call.now_ms
        away = self._replay and first is not None and first < until
        self._replay = False
        if first is None or first > until:
            # Nothing applied yet; or more than the server knows, which has been restarted and
            # is still being told. Either way the picture is what holds.
            yield self._picture()
        elif first < call.oldest:
            yield self._text("missed", **{"from": first, "to": until})
            yield self._picture()
        else:
            if away:
                yield self._text("missed", **{"from": first, "to": until})
            head = self._text("events", seq=first, now_ms=call.now_ms, replay=away)
            yield f'{head[:-1]}, "events": {call.since(first)}}}'

    def _picture(self) -> str:
        call = self.call
        begun = call.begun
        self._connected = call.connected
        return self._text(
            "snapshot",
            key=begun.key,
            name=begun.name,
            agent=begun.agent,
            queue=begun.queue,
            status=call.status,
            connected=call.connected,
            seq=call.next_seq,
            now_ms=call.now_ms,
            earlier=call.picture.earlier,
            thumbs=call.thumbs.get(self._user_id, {}),
            events=call.picture.events(),
        )

    def _text(self, kind: str, **fields: Any) -> str:
        return json.dumps({"type": kind, "call": self.call.begun.id, **fields}, ensure_ascii=False)

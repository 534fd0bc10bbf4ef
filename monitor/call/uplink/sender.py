"""The thread that sends a call, and the sink in front of it that never waits.

The server says which events are in its store; the others are sent again after
every break, from where the server says. The protocol: docs/server.md.
"""

from __future__ import annotations

import itertools
import json
import random
import secrets
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.base.i18n import tr
from monitor.call.uplink.address import not_accepted, socket_url
from monitor.call.uplink.spool import (
    Closing,
    DamagedError,
    Head,
    Item,
    Spool,
    damaged,
    left_behind,
)
from monitor.events import CallInfo, Event, Partial, to_dict, to_json
from monitor.rules.scorecard import Scorecard

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PROTOCOL = 1
BATCH = 200
"""Events in one message, at most."""

_TICK_S = 1.0
_PATIENCE_S = 10.0
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""How long to wait before the next attempt; the last holds from there on."""


class RefusedError(Exception):
    """The server will not have this call; trying again does not help.

    `for_good`: it is the call itself that is refused, not who sends it.
    """

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good


class Parcel:
    """A call on its way: what has been written and not yet acknowledged. Used by two threads."""

    def __init__(self, spool: Spool, items: Sequence[Item] = ()) -> None:
        self.spool = spool
        self.changed = threading.Condition()
        self.first = 0  # the number of the first event that is still held
        self.items: deque[Item] = deque(items)
        self.tails: dict[str, str] = {}  # per party: the newest tentative tail, as JSON
        self.now_ms = 0
        self.closing: Closing | None = None
        self.delivered = False

    def put(self, items: Sequence[Item], tails: dict[str, str], now_ms: int) -> None:
        with self.changed:
            self.items.extend(items)
            self.tails.update(tails)
            self.now_ms = max(self.now_ms, now_ms)
            self.changed.notify_all()

    def close(self, closing: Closing) -> None:
        with self.changed:
            self.closing = closing
            self.changed.notify_all()

    def acknowledge(self, next_seq: int) -> None:
        """The server has the events before `next_seq` in its store."""
        with self.changed:
            while self.items and self.first < next_seq:
                self.items.popleft()
                self.first += 1

    def rewind(self, seq: int) -> None:
        """The server lacks events that it had acknowledged: hold those from `seq` on again."""
        with self.changed:
            if seq < self.first:
                end = self.first + len(self.items)
                self.items = deque(self.spool.items()[seq:end])
                self.first = end - len(self.items)

    def batch(self, seq: int) -> tuple[int, list[str]]:
        """Events from `seq` on that came at one time: that time, and their texts."""
        with self.changed:
            waiting = list(itertools.islice(self.items, seq - self.first, seq - self.first + BATCH))
        if not waiting:
            return 0, []
        now_ms = waiting[0].now_ms
        same = itertools.takewhile(lambda item: item.now_ms == now_ms, waiting)
        return now_ms, [item.text for item in same]

    @property
    def end(self) -> int:
        """The number of the event that comes next."""
        return self.first + len(self.items)


class Uplink:
    """A sink (`monitor.call.live.Sink`) whose events go to a server.

    It writes to the spool's file and returns; a thread sends. `problems` are
    lines for the user, once the call is over.
    """

    def __init__(self, url: str, token: str, folder: Path) -> None:
        self.problems: list[str] = []
        self._url = socket_url(url)
        self._token = token
        self._folder = folder
        self._key = secrets.token_hex(16)
        self._parcel: Parcel | None = None
        self._refusal: RefusedError | None = None
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __call__(self, events: Sequence[Event], now_ms: int) -> None:
        if self._parcel is None:
            self._parcel = self._begin(events)
        items = [Item(now_ms, to_json(e)) for e in events if not isinstance(e, Partial)]
        tails = {e.party.value: to_json(e) for e in events if isinstance(e, Partial)}
        parcel = self._parcel
        with parcel.changed:  # who rewinds sees an event in both places, or in neither
            try:
                parcel.spool.add(items)
            except OSError as error:
                # The call goes on, and so does sending what memory holds.
                self._complain(
                    tr(
                        f"{parcel.spool.path}：无法写入：{error.strerror}；断线时可能丢失事件",
                        f"{parcel.spool.path}: cannot be written: {error.strerror};"
                        " events may be lost if the connection breaks",
                    )
                )
            parcel.put(items, tails, now_ms)

    def finish(self, card: Scorecard | None, wait_s: float = 10.0) -> bool:
        """The call is over; waits a while until the server has it all. Says whether it has."""
        parcel = self._parcel
        if parcel is None:
            return True
        closing = Closing(None if card is None else to_dict(card))
        with parcel.changed:
            try:
                parcel.spool.close(closing)
            except OSError as error:
                self._complain(f"{parcel.spool.path}: {error.strerror}")
        parcel.close(closing)
        with parcel.changed:
            parcel.changed.wait_for(lambda: parcel.delivered or self._refusal, wait_s)
        self._stop.set()
        with parcel.changed:
            parcel.changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._let_go(parcel)
        return parcel.delivered

    def _let_go(self, parcel: Parcel) -> None:
        """The end of this run's own file: sent, or kept for another run, or set aside."""
        lacks = parcel.spool.lacks
        if parcel.delivered or not lacks:
            pass
        elif not parcel.spool.give_up(parcel.now_ms):
            self._complain(
                tr(
                    f"{parcel.spool.path}：磁盘已满，最后 {lacks} 行没有保存",
                    f"{parcel.spool.path}: the disk is full; the last {lacks} lines are lost",
                )
            )
        refusal, path = self._refusal, parcel.spool.path
        if refusal is not None and refusal.for_good:
            path = parcel.spool.set_aside()
        if refusal is not None:
            self._complain(
                tr(
                    f"服务器拒绝接收这通电话：{refusal}；事件保存在 {path}",
                    f"the server refuses this call: {refusal}; its events are in {path}",
                )
            )
        parcel.spool.release(parcel.delivered)

    @property
    def waiting(self) -> int:
        """Events that the server has not acknowledged."""
        return len(self._parcel.items) if self._parcel else 0

    def _begin(self, events: Sequence[Event]) -> Parcel:
        info = next((event for event in events if isinstance(event, CallInfo)), None)
        if info is None:
            raise ValueError("a call begins with its CallInfo")
        head = Head(self._url, self._key, json.loads(to_json(info)))
        parcel = Parcel(Spool.create(self._folder, head))
        self._threads = [
            threading.Thread(target=self._send_one, args=(parcel,), name="uplink", daemon=True),
            threading.Thread(target=self._send_old, name="uplink-old", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return parcel

    def _send_one(self, parcel: Parcel) -> None:
        try:
            deliver(parcel, self._token, self._stop)
        except RefusedError as error:
            # The call is heard and recorded to its end all the same, and so its file goes on.
            self._refusal = error
        with parcel.changed:
            parcel.changed.notify_all()

    def _send_old(self) -> None:
        """What earlier runs could not send, one call after the other."""
        waiting = [*damaged(self._folder), *left_behind(self._folder, self._url)]
        for path in waiting:
            if self._stop.is_set():
                return
            try:
                taken = Spool.take_over(path)
            except (DamagedError, OSError) as error:  # the others do not wait for it
                self._complain(
                    tr(
                        f"以前的一通电话已损坏，无法发送：{error}",
                        f"an earlier call is damaged and cannot be sent: {error}",
                    )
                )
                continue
            if taken is None:
                continue
            spool, items, closing = taken
            parcel = Parcel(spool, items)
            parcel.closing = closing or Closing(None)
            try:
                deliver(parcel, self._token, self._stop)
            except RefusedError as error:
                kept = spool.set_aside() if error.for_good else path
                self._complain(
                    tr(
                        f"服务器拒绝接收以前的一通电话：{error}；事件保存在 {kept}",
                        f"the server refuses an earlier call: {error}; its events are in {kept}",
                    )
                )
            finally:
                spool.release(parcel.delivered)

    def _complain(self, text: str) -> None:
        if text not in self.problems:
            self.problems.append(text)


def deliver(parcel: Parcel, token: str, stop: threading.Event) -> None:
    """Send a call until the server has all of it or `stop` is set, over as many connections as
    it takes.

    Raises:
        RefusedError: the token is not accepted, or the call is somebody else's.
    """
    from websockets.exceptions import InvalidStatus, WebSocketException
    from websockets.sync.client import connect

    attempts = 0
    while not parcel.delivered and not stop.is_set():
        try:
            with connect(
                parcel.spool.head.to,
                additional_headers={"Authorization": f"Bearer {token}"},
                open_timeout=_PATIENCE_S,
                close_timeout=1,
                ping_interval=5,
                ping_timeout=_PATIENCE_S,
                proxy=None,  # on the premises; what the system says is for the web
            ) as connection:
                talk = _Talk(parcel, connection, stop)
                try:
                    talk.run()
                finally:
                    # A line that worked and broke is tried anew at once, as if for the first time.
                    attempts = 0 if talk.greeted else attempts
        except InvalidStatus as error:
            if error.response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                raise RefusedError(not_accepted()) from error
        except (OSError, WebSocketException, ValueError, KeyError, TypeError):
            pass  # the line, the server or a proxy between; nothing is lost, so try again
        if not parcel.delivered:
            longest = _BACKOFF_S[min(attempts, len(_BACKOFF_S) - 1)]
            attempts += 1
            # Not all machines at once when the server comes back.
            stop.wait(random.uniform(longest / 2, longest))


class _Talk:
    """One connection."""

    def __init__(self, parcel: Parcel, connection: ClientConnection, stop: threading.Event) -> None:
        self._parcel = parcel
        self._connection = connection
        self._stop = stop
        self._next = 0
        self._closing = False
        self.greeted = False  # whether the server has taken the call

    def run(self) -> None:
        head = self._parcel.spool.head
        self._say("hello", protocol=PROTOCOL, key=head.key, info=head.info)
        ready = self._hear(_PATIENCE_S)
        self.greeted = True
        self._parcel.rewind(ready["next"])  # its store has gone back, as after a power cut
        self._parcel.acknowledge(ready["durable"])
        self._next = max(ready["next"], self._parcel.first)
        while not self._parcel.delivered:
            self._send_events()
            self._send_tails()
            if self._parcel.closing is not None and self._next >= self._parcel.end:
                self._close()
            self._take_acknowledgements()
            if self._stop.is_set():
                return
            self._wait()

    def _send_events(self) -> None:
        while True:
            now_ms, texts = self._parcel.batch(self._next)
            if not texts:
                return
            head = json.dumps({"type": "events", "seq": self._next, "now_ms": now_ms})
            self._connection.send(f'{head[:-1]}, "events": [{",".join(texts)}]}}')
            self._next += len(texts)
            self._take_acknowledgements()

    def _send_tails(self) -> None:
        with self._parcel.changed:
            tails, self._parcel.tails = self._parcel.tails, {}
        for tail in tails.values():
            self._connection.send(f'{{"type": "partial", "partial": {tail}}}')

    def _close(self) -> None:
        if not self._closing:
            self._closing = True
            closing = self._parcel.closing
            self._say("close", score=closing.score if closing else None)

    def _take_acknowledgements(self) -> None:
        for message in self._heard():
            self._parcel.acknowledge(message["next"])
            if message["type"] == "closed":
                with self._parcel.changed:
                    self._parcel.delivered = True
                    self._parcel.changed.notify_all()

    def _heard(self) -> Iterator[dict[str, Any]]:
        while True:
            try:
                yield self._hear(0)
            except TimeoutError:
                return

    def _hear(self, timeout_s: float) -> dict[str, Any]:
        message = json.loads(self._connection.recv(timeout=timeout_s))
        if not isinstance(message, dict):
            raise ValueError("not a message")
        if message.get("type") == "refused":
            raise RefusedError(str(message.get("reason", "")), for_good=True)
        return message

    def _wait(self) -> None:
        """Until there is something to send; the server's clock goes on meanwhile."""
        parcel = self._parcel
        # What the server says arrives on a thread of the library's: once the call is over
        # there is nothing else to wait for.
        patience = 0.02 if self._closing else _TICK_S
        with parcel.changed:
            came = parcel.changed.wait_for(self._something, patience)
        if not came and not self._closing:
            self._say("tick", now_ms=parcel.now_ms)

    def _something(self) -> bool:
        parcel = self._parcel
        closing = parcel.closing is not None and not self._closing
        return self._next < parcel.end or bool(parcel.tails) or closing or self._stop.is_set()

    def _say(self, kind: str, **fields: Any) -> None:
        self._connection.send(json.dumps({"type": kind, **fields}, ensure_ascii=False))

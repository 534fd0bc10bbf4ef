"""How often something may be tried: failures within a sliding window of time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable


class RateLimit:
    """At most `times` failures per key within `window_s` seconds; forgets what is older.

    Held in memory, for one process. `clock` is in seconds and never goes back.
    """

    def __init__(
        self, times: int, window_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._times = times
        self._window_s = window_s
        self._clock = clock
        self._failures: dict[Hashable, deque[float]] = {}
        self._lock = threading.Lock()

    def attempt(self, key: Hashable) -> float:
        """Count an attempt; returns the seconds until the key may try again, 0: it may now.

        It counts before it is known how it ends, so that many at once get no further than
        one after the other; `succeeded` or `forgive` it then.
        """
        with self._lock:
            failures = self._recent(key)
            if failures is not None and len(failures) >= self._times:
                return failures[0] + self._window_s - self._clock()
            self._failures.setdefault(key, deque()).append(self._clock())
            if len(self._failures) > 10_000:
                for other in list(self._failures):
                    self._recent(other)
            return 0.0

    def forgive(self, key: Hashable) -> None:
        """One attempt was no failure; the others stand."""
        with self._lock:
            if failures := self._failures.get(key):
                failures.pop()

    def succeeded(self, key: Hashable) -> None:
        """It is the right one: its failures are forgotten."""
        with self._lock:
            self._failures.pop(key, None)

    def _recent(self, key: Hashable) -> deque[float] | None:
        failures = self._failures.get(key)
        if failures is None:
            return None
        while failures and failures[0] <= self._clock() - self._window_s:
            failures.popleft()
        if not failures:
            del self._failures[key]
            return None
        return failures


class Recent:
    """What was done within the last `window_s` seconds, at most `most` things of it."""

    def __init__(
        self, window_s: float, most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._window_s = window_s
        self._most = most
        self._clock = clock
        self._done: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = threading.Lock()

    def is_new(self, key: Hashable) -> bool:
        """Whether this was not done lately; it is from now on."""
        now = self._clock()
        with self._lock:
            before = self._done.get(key)
            if before is not None and now - before < self._window_s:
                return False
            self._done[key] = now
            self._done.move_to_end(key)
            while len(self._done) > self._most:
                self._done.popitem(last=False)
            return True

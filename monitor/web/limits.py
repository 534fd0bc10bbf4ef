"""How often something may be tried: failures within a sliding window of time."""

from __future__ import annotations

import threading
import time
from collections import deque
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

    def wait_s(self, key: Hashable) -> float:
        """Seconds until the key may try again; 0: now."""
        with self._lock:
            failures = self._recent(key)
            if failures is None or len(failures) < self._times:
                return 0.0
            return failures[0] + self._window_s - self._clock()

    def failed(self, key: Hashable) -> None:
        with self._lock:
            self._failures.setdefault(key, deque(maxlen=self._times)).append(self._clock())
            if len(self._failures) > 10_000:
                for other in list(self._failures):
                    self._recent(other)

    def succeeded(self, key: Hashable) -> None:
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

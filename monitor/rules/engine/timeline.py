"""When each situation happened, and which moments lie inside a window between them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from monitor.rules.compiler.compiled import Span


class Timeline:
    """Moments in ms by situation key. Windows are open on the left, closed on the right."""

    def __init__(self) -> None:
        self._times: dict[str, list[int]] = {"call.start": [0]}

    def add(self, key: str, at_ms: int) -> None:
        insort(self._times.setdefault(key, []), at_ms)

    def moments(self, key: str) -> tuple[int, ...]:
        """All moments of a situation."""
        return tuple(self._times.get(key, ()))

    def last_before(self, keys: Iterable[str], at_ms: int) -> int | None:
        """The latest moment of any of the situations before `at_ms`."""
        found = []
        for key in keys:
            times = self._times.get(key, ())
            place = bisect_left(times, at_ms)
            if place:
                found.append(times[place - 1])
        return max(found, default=None)

    def any_between(self, keys: Iterable[str], after_ms: int, before_ms: int) -> bool:
        """Whether one of the situations happened strictly between the two moments."""
        for key in keys:
            times = self._times.get(key, ())
            if bisect_right(times, after_ms) < bisect_left(times, before_ms):
                return True
        return False

    def inside(self, span: Span, at_ms: int) -> bool:
        """Whether `at_ms` lies in the window.

        `after`: the latest of its moments opens it. `until` closes it at its
        first moment after that, `within` after so many ms. Without `after` it
        opens with the call. (A window of `until` + `within` alone looks back
        from the future; `Findings` defers those.)
        """
        opened = 0
        if span.after:
            last = self.last_before(span.after, at_ms)
            if last is None:
                return False
            opened = last
        if span.within is not None and at_ms > opened + span.within:
            return False
        return not self.any_between(span.until, opened if span.after else -1, at_ms)


def looks_back(span: Span) -> bool:
    """Whether the window is measured back from a moment still to come."""
    return bool(span.until) and span.within is not None and not span.after

"""Which name in a table means which recording: paths of other machines, other case, other suffix.

A table that the telephone system exported names recordings as they lay there
(`D:\\rec\\20260217\\a.wav`); here they lie in other folders, may have been
converted, and case and accents may be written otherwise. Where more than one
answer is possible there is none.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePath, PurePosixPath

from monitor.base.i18n import tr
from monitor.base.names import readable

_FOREIGN = re.compile(r"[A-Za-z]:/|/|[A-Za-z][A-Za-z0-9+.-]*://")
_SHOWN = 5  # names in one line
_COMPARED = 20_000  # names that are looked through for near ones


class Finder:
    """Finds the rows of recordings among the names that a table has."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = frozenset(keys)
        self._by_name: Mapping[str, list[str]] = defaultdict(list)
        self._by_stem: Mapping[str, list[str]] = defaultdict(list)
        for key in keys:
            last = _parts(key)[-1]
            self._by_name[last].append(key)
            self._by_stem[PurePosixPath(last).stem].append(key)

    def find(self, paths: Iterable[PurePath]) -> dict[PurePath, str]:
        """Recording → row, for those that have one without doubt."""
        found: dict[PurePath, str] = {}
        claims: dict[str, list[tuple[int, PurePath]]] = defaultdict(list)
        for path in dict.fromkeys(paths):
            key = self._exact(path)
            if key is not None:
                found[path] = key
                continue
            nearest = self._folded(path)
            if nearest is None:
                continue
            key, shared, whole = nearest
            if whole:
                found[path] = key
            else:
                claims[key].append((shared, path))
        taken = set(found.values())
        for key, claimants in claims.items():
            best = max(shared for shared, _ in claimants)
            first = [path for shared, path in claimants if shared == best]
            # A path of another machine means one recording.
            if len(first) == 1 and key not in taken:
                found[first[0]] = key
        return found

    def _exact(self, path: PurePath) -> str | None:
        parts = PurePath(readable(path)).parts
        for start in range(len(parts)):
            tail = PurePath(*parts[start:])
            for name in (tail.as_posix(), tail.with_suffix("").as_posix() if tail.name else ""):
                if name in self._keys:
                    return name
        return None

    def _folded(self, path: PurePath) -> tuple[str, int, bool] | None:
        """The row, how many parts of the names agree, and whether the row's is used up."""
        parts = _parts(readable(path.as_posix()))
        name = parts[-1]
        for keys in (self._by_name.get(name), self._by_stem.get(PurePosixPath(name).stem)):
            ranked = [ranks for key in keys or () if (ranks := _agree(key, parts))]
            best = max((shared for _, shared, _ in ranked), default=0)
            first = [found for found in ranked if found[1] == best]
            if len(first) == 1:
                return first[0]
            if first:
                return None
        return None


def _agree(key: str, parts: Sequence[str]) -> tuple[str, int, bool] | None:
    """How far the end of a row's name is that of a recording (whose last part fits already)."""
    own = _parts(key)
    shared = 1
    while shared < min(len(own), len(parts)) and own[-1 - shared] == parts[-1 - shared]:
        shared += 1
    whole = shared == len(own)
    if not whole and not _FOREIGN.match(key):
        return None  # it names other folders, of ours
    return key, shared, whole


def _parts(name: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()
    return tuple(part.strip() for part in folded.split("/") if part.strip()) or ("",)


def named_with_nearest(names: Sequence[str], others: Sequence[str]) -> str:
    """Some of the names, each with the nearest of the others where one is near."""
    last = {PurePosixPath(other).name: other for other in others[:_COMPARED]}
    told = []
    for name in names[:_SHOWN]:
        near = get_close_matches(PurePosixPath(name).name, last, n=1)
        hint = tr(f"（最接近：{last[near[0]]}）", f" (nearest: {last[near[0]]})") if near else ""
        told.append(readable(f"{name}{hint}"))
    if len(names) > _SHOWN:
        told.append("…")
    return tr("、", ", ").join(told)

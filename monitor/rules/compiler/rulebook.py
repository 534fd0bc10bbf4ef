"""`Rulebook`: the rules of all loaded packs, compiled once and shared by every call."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from monitor.events import Party
from monitor.language.phrases.keywords import Keyword, sought
from monitor.rules.compiler.canonical import canonical
from monitor.rules.compiler.compiled import (
    CompiledRule,
    CompiledSituation,
    CompiledSlot,
    Listeners,
    PackName,
)

if TYPE_CHECKING:
    from monitor.language.phrases import Matcher
    from monitor.rules.compiler.likes import CompiledLike
    from monitor.rules.language.resolve import ResolvedPack


@dataclass(frozen=True)
class Rulebook:
    """Immutable. `rules`, `situations` and `slots` are keyed by id or `pack/name`.

    `phrases` are the plain texts a recogniser should know.
    """

    packs: tuple[PackName, ...]
    resolved: tuple[ResolvedPack, ...]
    rules: Mapping[str, CompiledRule]
    situations: Mapping[str, CompiledSituation]
    slots: Mapping[str, CompiledSlot]
    matchers: Mapping[Party, Matcher]
    spots: Mapping[Party, Mapping[str, str]]
    listeners: Listeners
    phrases: tuple[str, ...]
    likes: Mapping[Party, tuple[CompiledLike, ...]] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """A fingerprint of everything the packs say: equal rulebooks judge alike."""
        parts = [
            canonical((pack.id, pack.version, pack.timezone, pack.when, pack.policy, pack.score))
            for pack in self.resolved
        ]
        for group in (self.rules, self.situations, self.slots):
            parts += [canonical(group[key]) for key in sorted(group)]
        parts += sorted({like.key for likes in self.likes.values() for like in likes})
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    @cached_property
    def scripts(self) -> tuple[str, ...]:
        """The plain texts of what must be said."""
        from monitor.rules.compiler.phrase_table import plain_texts

        steps = [s for r in self.rules.values() for q in r.requirements for s in q.texts]
        return tuple(sorted({text for step in steps for p in step for text in plain_texts(p)}))

    @cached_property
    def sought(self) -> Mapping[Party, tuple[Keyword, ...]]:
        """What a recogniser that hears more than it writes is to spot, by party."""
        return {party: sought(matcher) for party, matcher in self.matchers.items()}

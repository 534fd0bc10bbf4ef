"""The workbench of the compiler: phrases made once for all who listen to them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import replace

from monitor.events import Party
from monitor.language.phrases import Phrase, Role, parse
from monitor.rules.compiler.compiled import CompiledRule, CompiledSituation, CompiledSlot, Listener
from monitor.rules.compiler.likes import CompiledLike
from monitor.rules.compiler.lone_slots import slot_alone
from monitor.rules.language.problems import Problem
from monitor.rules.language.resolve import Written

PARTIES = (Party.AGENT, Party.CUSTOMER)


class PhraseTable:
    """What all packs add up to."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.rules: dict[str, CompiledRule] = {}
        self.written: dict[str, Written] = {}
        self.situations: dict[str, CompiledSituation] = {}
        self.slots: dict[str, CompiledSlot] = {}
        self.phrases: dict[str, Phrase] = {}
        self.parties: dict[str, set[Party]] = defaultdict(set)
        self.listeners: dict[str, list[Listener]] = defaultdict(list)
        self.likes: dict[str, CompiledLike] = {}

    def listen(self, phrase: Phrase, party: Party | None, listener: Listener | None) -> str:
        """Register a phrase for a party; the same phrase is matched once for all who listen."""
        self.phrases.setdefault(phrase.key, phrase)
        self.parties[phrase.key] |= {party} if party else set(PARTIES)
        if listener is not None:
            listener = replace(listener, party=party)
            if listener not in self.listeners[phrase.key]:
                self.listeners[phrase.key].append(listener)
        return phrase.key

    def listen_to_meaning(self, like: CompiledLike, party: Party | None, listener: Listener) -> str:
        """Register a family for a party; it is judged once for all who listen."""
        self.likes.setdefault(like.key, like)
        self.parties[like.key] |= {party} if party else set(PARTIES)
        listener = replace(listener, party=party)
        if listener not in self.listeners[like.key]:
            self.listeners[like.key].append(listener)
        return like.key

    def likes_of(self, party: Party) -> tuple[CompiledLike, ...]:
        return tuple(self.likes[k] for k in sorted(self.likes) if party in self.parties[k])

    def phrases_of(self, party: Party) -> list[Phrase]:
        return [
            self.phrases[key]
            for key in sorted(self.phrases)
            if party in self.parties[key] and not slot_alone(self.phrases[key].text)
        ]

    def spots_of(self, party: Party) -> dict[str, str]:
        """Phrases that are nothing but a slot: key → name of the slot."""
        named = {key: slot_alone(phrase.text) for key, phrase in self.phrases.items()}
        return {key: name for key, name in named.items() if name and party in self.parties[key]}


def make_phrase(
    text: str, role: Role, likeness: float | None, exact: bool, shields: tuple[str, ...]
) -> Phrase:
    """A phrase whose key follows from its contents, so that it is the same in every rulebook."""
    contents = "\0".join([role, text, str(likeness), str(exact), *shields])
    key = f"{text}#{hashlib.sha1(contents.encode(), usedforsecurity=False).hexdigest()[:12]}"
    return Phrase(key, text, likeness, exact, shields, role)


def faithful(text: str) -> float | None:
    """The likeness at which near sounds are forgiven, but no wrong or missing syllable.

    What protects from an alert must really have been said: `不是您的问题` must
    not protect from `明明是你的问题`.
    """
    if text.startswith("/"):
        return None
    syllables = max(sum(isinstance(piece, str) for piece in variant) for variant in parse(text))
    return round(1.0 - 0.5 / syllables, 4)


def plain_texts(pattern: str) -> set[str]:
    """The stretches of words in a pattern, without its syntax."""
    if pattern.startswith("/") or slot_alone(pattern):
        return set()
    found: set[str] = set()
    for variant in parse(pattern):
        run = ""
        for piece in (*variant, None):
            if isinstance(piece, str):
                run += piece
            elif len(run) > 1:
                found.add(run)
                run = ""
            else:
                run = ""
    return found

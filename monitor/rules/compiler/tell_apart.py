"""What each phrase must be told from, by the packs themselves and by ordinary speech.

A forbidden phrase is tried on sentences that nobody objects to: those of
`rules/ordinary`, the quiet examples of its own rules, and what the packs ask
agents to say. A script (or what a situation listens for) is tried on the
phrases of other purposes: thanks for waiting are not thanks for the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from monitor.base import package_files
from monitor.language.phrases import Phrase
from monitor.language.phrases.cells import Line
from monitor.language.phrases.contrast import Contrasts, Near, told_apart
from monitor.language.phrases.matcher import lines_of
from monitor.rules.compiler.compiled import Listener
from monitor.rules.compiler.lone_slots import slot_alone
from monitor.rules.compiler.phrase_table import PhraseTable
from monitor.rules.language.resolve import Written

SAID = 2
"""Texts taken of each phrase: its first and last variant, which are its longest and shortest."""


@lru_cache(maxsize=1)
def ordinary() -> Contrasts:
    """The sentences of `rules/ordinary/*.txt`: one a line, `#` begins a remark."""
    sentences: dict[str, None] = {}
    for file in sorted((package_files.rules_dir() / "ordinary").glob("*.txt")):
        for line in file.read_text(encoding="utf-8").splitlines():
            text = line.partition("#")[0].strip()
            if text:
                sentences[text] = None
    return Contrasts(tuple(sentences))


class TellApart:
    """Sharpens the lines of phrases by what the packs of one rulebook say."""

    def __init__(self, bench: PhraseTable) -> None:
        self._listeners = bench.listeners
        self._rules = bench.written
        self._homes: dict[str, frozenset[str]] = {
            key: frozenset(_purpose(bench.written, who) for who in bench.listeners.get(key, ()))
            for key in bench.phrases
        }
        spoken: dict[str, set[str]] = {}
        for key, phrase in bench.phrases.items():
            if phrase.role == "script":
                for text in _texts(phrase):
                    spoken.setdefault(text, set()).update(self._homes[key])
        self._purposes = tuple(frozenset(spoken[text]) for text in spoken)
        self._scripts = Contrasts(tuple(spoken))
        self._quiet: dict[str, Contrasts] = {}

    def lines(self, phrase: Phrase, lines: Sequence[Line]) -> list[Line]:
        """The lines of a phrase with the syllables keen that carry the difference."""
        if phrase.role == "alert":
            return [told_apart(line, self._innocent(phrase, line)) for line in lines]
        if phrase.role == "script":
            tried = [(line, self._scripts.near(line)) for line in lines]
            foreign = self._foreign(phrase.key, [near for _, found in tried for near in found])
            return [
                told_apart(line, [n for n in found if n.sentence in foreign])
                for line, found in tried
            ]
        return list(lines)

    def _innocent(self, phrase: Phrase, line: Line) -> list[Near]:
        """Where the line would take what nobody objects to."""
        found = list(ordinary().near(line))
        for who in self._listeners.get(phrase.key, ()):
            if who.kind == "rule":
                found += self._examples(who.key).near(line)
        return found

    def _examples(self, rule: str) -> Contrasts:
        if rule not in self._quiet:
            self._quiet[rule] = Contrasts(tuple(_quiet(self._rules[rule])))
        return self._quiet[rule]

    def _foreign(self, key: str, nears: Iterable[Near]) -> set[int]:
        """The sentences that come near a script and mean something else.

        Not those of its own purpose, and none that it says itself, sound for sound.
        """
        own = self._homes[key]
        found = {near.sentence for near in nears if not own & self._purposes[near.sentence]}
        return found - {near.sentence for near in nears if not near.differs}


def _purpose(rules: Mapping[str, Written], who: Listener) -> str:
    """What a phrase is listened for: the family of its rule, or the situation's name."""
    if who.kind == "rule" and who.key in rules:
        return rules[who.key].rule.family or who.key
    return who.key.rpartition("/")[2]


def _texts(phrase: Phrase) -> list[str]:
    if slot_alone(phrase.text):
        return []
    lines = [line for line in lines_of(phrase) if not line.loose]
    return list(dict.fromkeys(line.text for line in (*lines[:1], *lines[-1:])))[:SAID]


def _quiet(written: Written) -> list[str]:
    """What the rule's own party says in its quiet examples."""
    said: list[str] = []
    party = written.rule.party
    for example in written.rule.examples.quiet:
        if example.text is not None:
            said.append(example.text)
        for turn in example.turns:
            text = turn.agent if turn.agent is not None else turn.customer
            speaker = "agent" if turn.agent is not None else "customer"
            if turn.say is not None and turn.party is not None:
                text, speaker = turn.say, turn.party.value
            if text and (party is None or party.value == speaker):
                said.append(text)
    return said

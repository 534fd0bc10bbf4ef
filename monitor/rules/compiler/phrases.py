"""The phrases of a pack: words put in, patterns checked, shields attached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from monitor.base.i18n import tr
from monitor.events import Party
from monitor.language.phrases import Matcher, PatternError, Phrase, Role, parse
from monitor.rules.compiler.compiled import Listener
from monitor.rules.compiler.lone_slots import slot_alone
from monitor.rules.compiler.phrase_table import PhraseTable, faithful, make_phrase
from monitor.rules.language.pack import Phrase as PhraseText
from monitor.rules.language.resolve import Origin
from monitor.rules.language.word_lists import WordsError, expand


class Phrasing:
    """Puts phrases on the bench; what is wrong with them becomes a problem at its column."""

    def __init__(self, words: Mapping[str, tuple[str, ...]], bench: PhraseTable) -> None:
        self._words = words
        self._bench = bench

    def text(self, text: str) -> str:
        """The phrase with its words put in, where they are known."""
        try:
            return expand(text, self._words)
        except WordsError:
            return text

    def register(
        self,
        origin: Origin,
        where: str | tuple[str | int, ...],
        phrases: Sequence[PhraseText],
        party: Party | None,
        listener: Listener,
        *,
        unless: Sequence[PhraseText] = (),
        likeness: float | None = None,
        exact: bool = False,
        role: Role,
        protecting: bool = False,
    ) -> list[str]:
        """Register phrases and their shields; returns their keys.

        `protecting` phrases must really have been said (see `faithful`). A
        single phrase may be given with its own place in the file.
        """
        path = (where,) if isinstance(where, str) else where
        common = self._shields(origin, ("unless",), unless, party)
        keys = []
        for number, phrase in enumerate(phrases):
            at = path if isinstance(path[-1], int) else (*path, number)
            own = self._shields(origin, (*at, "unless"), phrase.unless, party)
            text = self._checked(origin, at, phrase.say)
            if text is None:
                continue
            made = make_phrase(
                text,
                role,
                self._likeness(phrase, likeness, text if protecting else None),
                phrase.exact or exact,
                tuple(sorted({*common, *own})),
            )
            keys.append(self._bench.listen(made, party, listener))
        return keys

    @staticmethod
    def _likeness(phrase: PhraseText, common: float | None, protecting: str | None) -> float | None:
        if phrase.likeness is not None:
            return phrase.likeness
        return common if protecting is None else faithful(protecting)

    def _shields(
        self,
        origin: Origin,
        path: tuple[str | int, ...],
        phrases: Sequence[PhraseText],
        party: Party | None,
    ) -> list[str]:
        keys = []
        for number, phrase in enumerate(phrases):
            text = self._checked(origin, (*path, number), phrase.say)
            if text is not None:
                likeness = self._likeness(phrase, None, text)
                made = make_phrase(text, "shield", likeness, phrase.exact, ())
                keys.append(self._bench.listen(made, party, None))
        return keys

    def _checked(self, origin: Origin, path: tuple[str | int, ...], text: str) -> str | None:
        """The phrase with its words put in, or None and a problem at its column."""
        try:
            expanded = expand(text, self._words)
            if slot_alone(expanded):
                pass
            elif expanded.startswith("/"):
                Matcher([Phrase("check", expanded)])
            else:
                parse(expanded)
        except WordsError as error:
            column, message = error.column, error.message
        except PatternError as error:
            column = error.column if error.text == text else 1
            message = tr(f"短语 “{text}”：{error.message}", f"phrase {text!r}: {error.message}")
        else:
            return expanded
        place = origin.place(*path)
        shift = column - 1 + _quoted(origin, path)
        self._bench.problems.append(replace(place, column=place.column + shift).problem(message))
        return None


def _quoted(origin: Origin, path: tuple[str | int, ...]) -> int:
    """1 when the phrase stands in quotation marks in the file."""
    place = origin.place(*path)
    line = place.file.read_text(encoding="utf-8-sig").splitlines()[place.line - 1 : place.line]
    return int(bool(line) and line[0][place.column - 1 : place.column] in ('"', "'"))

"""`like` of a rule or situation → the sentences it is judged by, under a key of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.base.i18n import tr
from monitor.language.meaning.library import Sentences
from monitor.language.normalise import normalise
from monitor.rules.language.like import LikeExamples
from monitor.rules.language.like_file import family_names, find_family, read_family
from monitor.rules.language.problems import PackErrors, Problem
from monitor.rules.language.resolve import Origin
from monitor.rules.language.yaml_source import suggest

PREFIX = "like:"
"""Keys of what is judged by meaning begin so, those of phrases never do."""


@dataclass(frozen=True, slots=True)
class CompiledLike:
    """A family in use. `name` is its own, or the rule's whose examples these are."""

    key: str
    name: str
    sentences: Sentences


def compiled_likes(
    origin: Origin, likes: Sequence[str | LikeExamples], owner: str, *, counts: bool
) -> Iterator[CompiledLike | Problem]:
    """What a rule's or situation's `like` stands for; `counts`: nobody should say it."""
    for number, like in enumerate(likes):
        if isinstance(like, LikeExamples):
            yield _compiled(owner, like, counts=counts)
            continue
        place = origin.place("like") if len(likes) == 1 else origin.place("like", number)
        file = find_family(like, origin.source.file)
        if file is None:
            known = family_names(origin.source.file)
            message = tr(f"没有 like/{like}.yaml", f"there is no like/{like}.yaml") + suggest(
                like, known
            )
            yield place.problem(message)
            continue
        try:
            yield _compiled(like, read_family(file), counts=counts)
        except PackErrors as error:
            yield from error.problems


def _compiled(name: str, given: LikeExamples, *, counts: bool) -> CompiledLike:
    sentences = Sentences(_plain(given.examples), _plain(given.not_), counts)
    text = "\0".join([name, str(counts), *sentences.examples, "\1", *sentences.counter])
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:12]
    return CompiledLike(f"{PREFIX}{name}#{digest}", name, sentences)


def _plain(texts: Sequence[str]) -> tuple[str, ...]:
    """As a recogniser writes them, each once."""
    return tuple(dict.fromkeys(filter(None, (normalise(text).text for text in texts))))

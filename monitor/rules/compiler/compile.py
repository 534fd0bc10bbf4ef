"""Resolved packs → a `Rulebook`: words expanded, names resolved, phrases handed to the matcher.

Everything that can be wrong across keys (a situation that does not exist, a
pattern that cannot be read) is found here and reported at its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from monitor.base.i18n import tr
from monitor.events import Party
from monitor.language.phrases import Matcher
from monitor.rules.compiler.compiled import (
    BUILT_IN,
    CompiledRule,
    CompiledSituation,
    CompiledSlot,
    Listener,
    PackName,
    Requirement,
    Span,
)
from monitor.rules.compiler.likes import compiled_likes
from monitor.rules.compiler.phrase_table import PARTIES, PhraseTable, plain_texts
from monitor.rules.compiler.phrases import Phrasing
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.compiler.tell_apart import TellApart
from monitor.rules.language.pack import Case, Policy, Rule, Situation, Slot, Window
from monitor.rules.language.pack import Phrase as PhraseText
from monitor.rules.language.problems import PackErrors, Problem
from monitor.rules.language.resolve import Origin, ResolvedPack, Written
from monitor.rules.language.yaml_source import suggest

DEFAULT_GAP_MS = 5000


def compile_packs(packs: Sequence[ResolvedPack], problems: Iterable[Problem] = ()) -> Rulebook:
    """One rulebook of all packs; their order makes no difference.

    Raises:
        PackErrors: every problem of every pack, and those already found.
    """
    bench = PhraseTable()
    bench.problems += problems
    for pack in sorted(packs, key=lambda p: p.id):
        _PackCompiler(pack, bench).run()
    if bench.problems:
        raise PackErrors(bench.problems)
    apart = TellApart(bench)
    matchers = {party: Matcher(bench.phrases_of(party), apart.lines) for party in PARTIES}
    rules = {name: bench.rules[name] for name in sorted(bench.rules)}
    return Rulebook(
        packs=tuple(PackName(p.id, p.version, p.title) for p in sorted(packs, key=lambda p: p.id)),
        resolved=tuple(sorted(packs, key=lambda p: p.id)),
        rules=rules,
        situations=bench.situations,
        slots=bench.slots,
        matchers=matchers,
        spots={party: bench.spots_of(party) for party in PARTIES},
        likes={party: bench.likes_of(party) for party in PARTIES},
        listeners={key: tuple(found) for key, found in bench.listeners.items()},
        phrases=tuple(sorted({t for p in bench.phrases.values() for t in plain_texts(p.text)})),
    )


class _PackCompiler:
    def __init__(self, pack: ResolvedPack, bench: PhraseTable) -> None:
        self.pack = pack
        self.bench = bench

    @property
    def _phrasing(self) -> Phrasing:
        return Phrasing(self.pack.words, self.bench)

    def run(self) -> None:
        for name, situation in self.pack.situations.items():
            self._situation(name, situation)
        self._circles()
        for name, slot in self.pack.slots.items():
            self._slot(name, slot)
        for written in self.pack.rules.values():
            if written.rule.enabled:
                self._rule(written)
            else:
                self._try_phrases(written)

    # -- situations and slots -------------------------------------------------

    def _situation(self, name: str, situation: Situation) -> None:
        origin = self.pack.origins["situations", name]
        key = f"{self.pack.id}/{name}"
        if name in BUILT_IN:
            self._problem(
                origin,
                (),
                tr(f"{name} 是现成的，换个名字", f"{name} is built in; choose another name"),
            )
            return
        listens = self._said(origin, key, situation)
        span = self._span(origin, situation.after, situation.until, situation.within)
        if span.until and span.within and not span.after:
            self._problem(
                origin,
                ("until",),
                tr(
                    "情况里的 until + within 要有 after",
                    "in a situation, until + within needs after",
                ),
            )
        members = tuple(self._names(origin, "any", situation.any_))
        self.bench.situations[key] = CompiledSituation(
            key, name, situation, span, members, tuple(listens)
        )

    def _said(self, origin: Origin, key: str, situation: Situation) -> list[str]:
        """What a situation listens for: its phrases, and those that protect from them.

        The situation weighs them itself: a phrase of some other rule, however
        long, must not hide that it happened.
        """

        def listen(
            path: tuple[str | int, ...], phrases: Sequence[PhraseText], tag: tuple[int, int]
        ) -> list[str]:
            return self._phrasing.register(
                origin, path, phrases, situation.party, Listener("situation", key, tag),
                likeness=situation.likeness if not tag[1] else None,
                exact=situation.exact and not tag[1], role="script", protecting=bool(tag[1]),
            )  # fmt: skip

        listens: list[str] = []
        for number, phrase in enumerate(situation.said):
            plain = phrase.model_copy(update={"unless": ()})
            listens += listen(("said", number), [plain], (number + 1, 0))
            listens += listen(("said", number, "unless"), phrase.unless, (number + 1, 1))
        listener = Listener("situation", key, (0, 0))
        listens += self._likes(origin, situation, situation.party, key, listener)
        return listens + listen(("unless",), situation.unless, (0, 1))

    def _likes(
        self, origin: Origin, given: Rule | Situation, party: Party | None, owner: str,
        listener: Listener, *, counts: bool = False,
    ) -> list[str]:  # fmt: skip
        """What is listened for by meaning; returns its keys."""
        keys: list[str] = []
        for found in compiled_likes(origin, given.like, owner, counts=counts):
            if isinstance(found, Problem):
                self.bench.problems.append(found)
            else:
                keys.append(self.bench.listen_to_meaning(found, party, listener))
        return keys

    def _circles(self) -> None:
        """Situations may hang on each other, but not in a circle."""
        own = {k: s for k, s in self.bench.situations.items() if k.startswith(self.pack.id + "/")}
        for key, ready in own.items():
            seen: set[str] = set()
            waiting = [*ready.members, *ready.span.after, *ready.span.until]
            while waiting:
                other = waiting.pop()
                if other == key:
                    origin = self.pack.origins["situations", ready.name]
                    self._problem(
                        origin,
                        (),
                        tr(
                            f"情况 “{ready.name}” 绕回到自己",
                            f"situation {ready.name!r} depends on itself",
                        ),
                    )
                    break
                if other in own and other not in seen:
                    seen.add(other)
                    span = own[other].span
                    waiting += [*own[other].members, *span.after, *span.until]

    def _slot(self, name: str, slot: Slot) -> None:
        origin = self.pack.origins["slots", name]
        key = f"{self.pack.id}/{name}"
        listens = self._phrasing.register(
            origin, "said", slot.said, slot.party, Listener("slot", key), role="script"
        )
        for number, phrase in enumerate(slot.said):
            if "{" not in phrase.say and "(?P<" not in phrase.say:
                self._problem(
                    origin,
                    ("said", number),
                    tr("槽的短语里要有 {…}", "a slot's phrase must contain a {…}"),
                )
        self.bench.slots[key] = CompiledSlot(
            key,
            name,
            slot.party,
            tuple(listens),
            self._span(origin, slot.after, (), slot.within),
        )

    # -- rules ----------------------------------------------------------------

    def _rule(self, written: Written) -> None:
        rule, origin = written.rule, written.origin
        known = self.bench.written.get(rule.id)
        if known is not None:
            if known.rule != rule:
                before = known.origin.place("id")
                self._problem(
                    origin,
                    ("id",),
                    tr(
                        f"规则 {rule.id} 在 {before.file.name}:{before.line} 也有，"
                        "内容不同；换个 id",
                        f"rule {rule.id} is also in {before.file.name}:{before.line}, with other "
                        "contents; choose another id",
                    ),
                )
            return
        self.bench.written[rule.id] = written
        span = self._span(origin, rule.after, rule.until, rule.within)
        self._check_window(rule, span, origin)
        self._check_group(rule, origin)
        requirements, listens = self._requirements(rule, origin)
        slot = self._slot_key(rule, origin)
        ready = CompiledRule(
            rule=rule,
            pack=self.pack.id,
            timezone=self.pack.timezone,
            conditions=(*self.pack.when, *((rule.when,) if rule.when else ())),
            policy=_merged(self.pack.policy, rule.policy),
            gap_ms=self.pack.policy.gap or DEFAULT_GAP_MS,
            span=span,
            excepts=tuple(self._excepts(origin, rule.except_)),
            requirements=requirements,
            avoids=tuple(self._names(origin, "avoid", rule.avoid)),
            slot=slot,
            listens=listens,
            depends=frozenset(),
            slot_span=self.bench.slots[slot].span if slot in self.bench.slots else Span(),
        )
        self.bench.rules[rule.id] = replace(ready, depends=self._depends(ready))

    def _check_window(self, rule: Rule, span: Span, origin: Origin) -> None:
        if rule.as_of == "call.end" and "call.end" not in span.until:
            self._problem(
                origin,
                ("as_of",),
                tr(
                    "as_of: call.end 要和 until: call.end 一起用",
                    "as_of: call.end goes with until: call.end",
                ),
            )
        if "call.end" in span.after:
            self._problem(
                origin,
                ("after",),
                tr("after 不能是 call.end：那以后没有话了", "nothing is said after call.end"),
            )
        if rule.lead is not None and not rule.after:
            self._problem(origin, ("lead",), tr("lead 要和 after 一起用", "lead goes with after"))

    def _check_group(self, rule: Rule, origin: Origin) -> None:
        groups = getattr(self.pack.score, "groups", {})
        if rule.score.group is not None and rule.score.group not in groups:
            self._problem(
                origin,
                ("score", "group"),
                tr(
                    f"score.groups 里没有组 “{rule.score.group}”",
                    f"score.groups has no group {rule.score.group!r}",
                )
                + suggest(rule.score.group, groups),
            )

    def _requirements(
        self, rule: Rule, origin: Origin
    ) -> tuple[tuple[Requirement, ...], tuple[tuple[str, tuple[int, int]], ...]]:
        found: list[tuple[str, tuple[int, int]]] = []
        requirements: list[Requirement] = []
        if rule.never:
            keys = self._phrasing.register(
                origin, "never", rule.never, rule.party, Listener("rule", rule.id),
                unless=rule.unless, likeness=rule.likeness, exact=rule.exact, role="alert",
            )  # fmt: skip
            found += [(key, (0, 0)) for key in keys]
        for number in range(max(1, len(rule.cases))) if rule.like else ():
            keys = self._likes(
                origin, rule, rule.party, rule.id, Listener("rule", rule.id, (number, 0)),
                counts=rule.forbids,
            )  # fmt: skip
            found += [(key, (number, 0)) for key in keys]
        branches: list[tuple[Rule | Case, tuple[str | int, ...]]] = []
        if rule.cases:
            branches = [(case, ("cases", n)) for n, case in enumerate(rule.cases)]
        elif rule.must or rule.all_of or rule.in_order:
            branches = [(rule, ())]
        for number, (branch, path) in enumerate(branches):
            kind: Literal["any", "all", "order"] = (
                "any" if branch.must else "all" if branch.all_of else "order"
            )
            key = {"any": "must", "all": "all_of", "order": "in_order"}[kind]
            steps = {"": branch.must} if branch.must else dict(branch.all_of or branch.in_order)
            for step, (name, phrases) in enumerate(steps.items()):
                where = (*path, key, name) if name else (*path, key)
                keys = self._phrasing.register(
                    origin, where, phrases, rule.party, Listener("rule", rule.id, (number, step)),
                    likeness=rule.likeness, exact=rule.exact, role="script",
                )  # fmt: skip
                found += [(k, (number, step)) for k in keys]
            requirements.append(
                Requirement(
                    kind,
                    tuple(steps),
                    tuple(tuple(self._phrasing.text(p.say) for p in ps) for ps in steps.values()),
                    branch.when if isinstance(branch, Case) else None,
                    branch.say_instead or rule.say_instead,
                )
            )
        return tuple(requirements), tuple(found)

    def _slot_key(self, rule: Rule, origin: Origin) -> str:
        if rule.repeat is None:
            return ""
        if rule.repeat not in self.pack.slots:
            self._problem(
                origin,
                ("repeat",),
                tr(f"slots 里没有 “{rule.repeat}”", f"slots has no {rule.repeat!r}")
                + suggest(rule.repeat, self.pack.slots),
            )
        return f"{self.pack.id}/{rule.repeat}"

    def _depends(self, ready: CompiledRule) -> frozenset[str]:
        waiting = [*ready.avoids, *_names_of(ready.span), *_names_of(ready.slot_span)]
        for span in ready.excepts:
            waiting += _names_of(span)
        found: set[str] = set()
        while waiting:
            key = waiting.pop()
            if key in found:
                continue
            found.add(key)
            situation = self.bench.situations.get(key)
            if situation is not None:
                waiting += [*situation.members, *_names_of(situation.span)]
        return frozenset(found)

    def _try_phrases(self, written: Written) -> None:
        """A rule that is off must be right all the same, so that it can be switched on."""
        bench, self.bench = self.bench, PhraseTable()
        self.bench.situations, self.bench.slots = dict(bench.situations), dict(bench.slots)
        self._rule(written)
        bench.problems += self.bench.problems
        self.bench = bench

    # -- names and phrases ----------------------------------------------------

    def _excepts(self, origin: Origin, windows: Iterable[Window]) -> Iterator[Span]:
        for number, window in enumerate(windows):
            at = ("except", number)
            span = self._span(origin, window.after, window.until, window.within, at)
            if not span.after and (span.within or not span.until):
                self._problem(origin, at, tr("except 的时段要有 after", "an exception needs after"))
            yield span

    def _span(
        self,
        origin: Origin,
        after: Sequence[str],
        until: Sequence[str],
        within: int | None,
        at: tuple[str | int, ...] = (),
    ) -> Span:
        return Span(
            tuple(self._names(origin, "after", after, at)),
            tuple(self._names(origin, "until", until, at)),
            within,
        )

    def _names(
        self, origin: Origin, key: str, names: Sequence[str], at: tuple[str | int, ...] = ()
    ) -> Iterator[str]:
        for number, name in enumerate(names):
            if name in BUILT_IN:
                yield name
            elif name in self.pack.situations:
                yield f"{self.pack.id}/{name}"
            else:
                path = (*at, key) if len(names) == 1 else (*at, key, number)
                self._problem(
                    origin,
                    path,
                    tr(f"没有情况 “{name}”", f"there is no situation {name!r}")
                    + suggest(name, [*self.pack.situations, *BUILT_IN]),
                )

    def _problem(self, origin: Origin, path: tuple[str | int, ...], message: str) -> None:
        self.bench.problems.append(origin.place(*path).problem(message))


def _names_of(span: Span) -> list[str]:
    return [*span.after, *span.until]


def _merged(pack: Policy, rule: Policy) -> Policy:
    settings: Mapping[str, object] = {
        name: getattr(layer, name)
        for layer in (pack, rule)
        for name in Policy.model_fields
        if name in layer.model_fields_set
    }
    return Policy.model_construct(_fields_set=set(settings), **settings)

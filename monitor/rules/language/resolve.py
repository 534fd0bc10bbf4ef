"""Pack files → resolved packs: found by name or path, built on what they extend.

Inheritance works on the text as written, so that an override is validated with
its own places, and ends in one flat `ResolvedPack` per pack asked for.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from monitor.base import package_files
from monitor.base.i18n import tr
from monitor.rules.language.pack import Pack, PackPolicy, PackScore, Rule, Situation, Slot, When
from monitor.rules.language.problems import PackErrors, Place, Problem
from monitor.rules.language.yaml_source import Loc, Source, read, suggest, validate

DEFAULT_TIMEZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was written: a file and the way to it."""

    source: Source
    loc: Loc

    def place(self, *more: str | int, key: bool = False) -> Place:
        return self.source.place(self.loc + more, key=key)


@dataclass(frozen=True, slots=True)
class Written:
    """A rule as the packs say it: validated, with its raw form and its origin."""

    rule: Rule
    raw: Mapping[str, Any]
    origin: Origin
    home: str  # the pack that first wrote it


@dataclass(frozen=True)
class ResolvedPack:
    """A pack with everything it inherits."""

    id: str
    version: str
    title: str
    file: Path
    timezone: str
    when: tuple[When, ...]  # every pack of the chain; all must hold
    policy: PackPolicy
    score: PackScore
    words: Mapping[str, tuple[str, ...]]
    situations: Mapping[str, Situation]
    slots: Mapping[str, Slot]
    rules: Mapping[str, Written]
    not_covered: Mapping[str, str]
    ancestors: frozenset[str]  # ids of the packs it builds on
    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict)
    """Where each ("words" | "situations" | "slots", name) was written."""


def shipped() -> list[Path]:
    """The rule packs that come with the product."""
    return sorted(package_files.rules_dir().glob("*.yaml"))


def find(name: str | Path, beside: Path | None = None) -> Path | None:
    """The file of a pack: a path (first from `beside`'s folder), or the name of a shipped one."""
    text = str(name)
    path = Path(name).expanduser()
    folders = [beside.parent] if beside else []
    if path.suffix in (".yaml", ".yml") or "/" in text or "\\" in text:
        candidates = [folder / path for folder in folders] + [path]
    else:
        candidates = [folder / f"{text}.yaml" for folder in folders]
        candidates += [package_files.rules_dir() / f"{text}.yaml", path.with_suffix(".yaml"), path]
    return next((c for c in candidates if c.is_file()), None)


def resolve(names: Sequence[str | Path]) -> list[ResolvedPack]:
    """Read and resolve packs, sorted by id; a pack that another one builds on is left out.

    Raises:
        PackErrors: every problem in every file that was read.
    """
    packs, problems = survey(names)
    if problems:
        raise PackErrors(problems)
    return packs


def survey(names: Sequence[str | Path]) -> tuple[list[ResolvedPack], list[Problem]]:
    """The packs that could be resolved, and every problem on the way."""
    reader = _Reader()
    packs: dict[str, ResolvedPack] = {}
    for name in names:
        file = find(name)
        if file is None:
            known = [path.stem for path in shipped()]
            reader.problems.append(Problem(str(name), 1, 1, _missing(str(name), known)))
            continue
        pack = reader.pack(file)
        if pack is None:
            continue
        other = packs.setdefault(pack.id, pack)
        if other.file != pack.file:
            reader.problems.append(
                Place(pack.file).problem(
                    tr(
                        f"{other.file.name} 也叫 {pack.id}；给其中一个换个名字",
                        f"{other.file.name} is also called {pack.id}; rename one of them",
                    )
                )
            )
    absorbed = frozenset().union(*(pack.ancestors for pack in packs.values()))
    return [packs[key] for key in sorted(packs) if key not in absorbed], reader.problems


def _missing(name: str, known: Iterable[str]) -> str:
    return tr(f"没有规则包 “{name}”", f"there is no rule pack {name!r}") + suggest(name, known)


class _Reader:
    """Reads each file once and collects every problem."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._done: dict[Path, ResolvedPack | None] = {}
        self._open: list[Path] = []

    def pack(self, file: Path) -> ResolvedPack | None:
        file = file.resolve()
        if file not in self._done:
            self._open.append(file)
            try:
                source = read(file)
                self._done[file] = self._resolve(source)
            except PackErrors as error:
                self.problems += error.problems
                self._done[file] = None
            finally:
                self._open.pop()
        return self._done[file]

    def _resolve(self, source: Source) -> ResolvedPack | None:
        pack: Pack = validate(source)
        parents: list[ResolvedPack] = []
        for number, name in enumerate(pack.extends):
            parent = self._parent(source, number, name)
            if parent is not None:
                parents.append(parent)
        if len(parents) < len(pack.extends):
            return None
        return self._merge(source, pack, parents)

    def _parent(self, source: Source, number: int, name: str) -> ResolvedPack | None:
        place = source.place(("extends", number))
        file = find(name, source.file)
        if file is None:
            self.problems.append(place.problem(_missing(name, [p.stem for p in shipped()])))
            return None
        if file.resolve() in self._open:
            chain = " → ".join(p.stem for p in [*self._open, file])
            self.problems.append(
                place.problem(
                    tr(
                        f"extends 绕成了圈：{chain}；去掉其中一个",
                        f"extends goes in a circle: {chain}; remove one",
                    )
                )
            )
            return None
        return self.pack(file)

    def _merge(self, source: Source, pack: Pack, parents: list[ResolvedPack]) -> ResolvedPack:
        rules = self._inherited(source, parents)
        self._override(source, pack, rules)
        for name in pack.off:
            if rules.pop(name, None) is None:
                where = source.place(("off", pack.off.index(name)))
                self.problems.append(where.problem(_no_rule(name, rules)))
        for number, rule in enumerate(pack.rules):
            origin = Origin(source, ("rules", number))
            if rule.id in rules:
                before = rules[rule.id].origin.place("id")
                self.problems.append(origin.place("id").problem(_twice(rule.id, before, source)))
                continue
            raw = source.data["rules"][number]
            rules[rule.id] = Written(rule, raw, origin, pack.pack)
        origins = {key: value for parent in parents for key, value in parent.origins.items()}
        for part in ("words", "situations", "slots"):
            for name in getattr(pack, part):
                origins[part, name] = Origin(source, (part, name))
        timezone = pack.timezone or next((p.timezone for p in parents), DEFAULT_TIMEZONE)
        self._check_timezone(source, timezone)
        conditions = [when for parent in parents for when in parent.when]
        return ResolvedPack(
            id=pack.pack,
            version=pack.version,
            title=pack.title,
            file=source.file,
            timezone=timezone,
            when=(*_unique(conditions), *((pack.when,) if pack.when else ())),
            policy=_layer(PackPolicy, [p.policy for p in parents], pack.policy),
            score=_layer(PackScore, [p.score for p in parents], pack.score),
            words=_union((p.words for p in parents), pack.words),
            situations=_union((p.situations for p in parents), pack.situations),
            slots=_union((p.slots for p in parents), pack.slots),
            rules=rules,
            not_covered=_union((p.not_covered for p in parents), pack.not_covered),
            ancestors=frozenset(
                name for parent in parents for name in (parent.id, *parent.ancestors)
            ),
            origins=origins,
        )

    def _inherited(self, source: Source, parents: list[ResolvedPack]) -> dict[str, Written]:
        rules: dict[str, Written] = {}
        for number, parent in enumerate(parents):
            for name, written in parent.rules.items():
                other = rules.setdefault(name, written)
                if other.rule != written.rule:
                    self.problems.append(
                        source.place(("extends", number)).problem(
                            tr(
                                f"规则 {name} 从两个底包来，内容不同；用 off 关掉它并另写一条",
                                f"rule {name} comes from two packs in two versions; "
                                "switch it off and write your own",
                            )
                        )
                    )
        return rules

    def _override(self, source: Source, pack: Pack, rules: dict[str, Written]) -> None:
        for name, changes in pack.override.items():
            loc: Loc = ("override", name)
            if name not in rules:
                place = source.place(loc, key=True)
                self.problems.append(place.problem(_no_rule(name, rules)))
                continue
            if "id" in changes:
                place = source.place((*loc, "id"), key=True)
                self.problems.append(
                    place.problem(
                        tr(
                            "id 不能改；用 off 关掉原规则，另写一条",
                            "an id cannot change; switch the rule off and write a new one",
                        )
                    )
                )
                continue
            raw = copy.deepcopy(dict(rules[name].raw))
            raw.update(source.data["override"][name])
            try:
                rule = validate(source, raw, Rule, loc)
            except PackErrors as error:
                self.problems += error.problems
                continue
            rules[name] = replace(rules[name], rule=rule, raw=raw, origin=Origin(source, loc))

    def _check_timezone(self, source: Source, name: str) -> None:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            self.problems.append(
                source.place(("timezone",)).problem(
                    tr(
                        f"没有时区 “{name}”；写成 Asia/Shanghai 这样",
                        f"there is no time zone {name!r}; write one like Asia/Shanghai",
                    )
                )
            )


def _no_rule(name: str, rules: Mapping[str, Written]) -> str:
    return tr(f"底包里没有规则 “{name}”", f"no inherited rule is called {name!r}") + suggest(
        name, rules
    )


def _twice(name: str, before: Place, source: Source) -> str:
    if before.file == source.file:
        return tr(
            f"规则 {name} 在第 {before.line} 行已经有了；换一个 id",
            f"rule {name} exists already in line {before.line}; choose another id",
        )
    return tr(
        f"底包 {before.file.name} 里已有规则 {name}；改它用 override，关掉用 off",
        f"{before.file.name} already has rule {name}; use override to change it, off to remove it",
    )


def _unique(items: Iterable[When]) -> list[When]:
    found: list[When] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def _union(parents: Iterable[Mapping[str, Any]], own: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for parent in parents:
        merged.update(parent)
    merged.update(own)
    return merged


def _layer(kind: type[Any], below: Sequence[Any], own: Any) -> Any:
    """The settings of `own` over those it inherits; mappings are merged key by key.

    `grades` is replaced whole: a child's bands would make no sense among the parent's.
    """
    settings: dict[str, Any] = {}
    for layer in (*below, own):
        for name in layer.model_fields_set:
            value = getattr(layer, name)
            if isinstance(value, dict) and name != "grades":
                value = {**settings.get(name, {}), **value}
            settings[name] = value
    return kind.model_construct(_fields_set=set(settings), **settings)

"""The shipped packs: they load, their examples hold, and they cover the manuals."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from monitor.base import package_files
from monitor.events import Alert
from monitor.rules.compiler.compile import compile_packs
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.language.pack import Example, Turn
from monitor.rules.language.resolve import ResolvedPack, resolve
from monitor.rules.tools.examples import example_call, strict_problems, try_packs
from monitor.rules.tools.replay import replay

FILES = sorted(package_files.rules_dir().glob("*.yaml"))
PREFIXES = {
    "unicom-10010": "unicom-",
    "telecom-10000": "telecom-",
    "lottery-hotline": "lottery-",
    "delivery": "delivery-",
    "general-etiquette": "etiquette-",
    "phone-procedures": "phone-",
    "outbound-visit": "visit-",
    "complaint-handling": "complaint-",
    "service-process": "service-",
}
SENTENCES: dict[str, list[Any]] = YAML(typ="safe").load(
    (Path(__file__).parent / "sentences.yaml").read_text("utf-8")
)


@cache
def _packs(file: Path) -> tuple[ResolvedPack, ...]:
    return tuple(resolve([file]))


@cache
def _everything() -> Rulebook:
    """All shipped packs at once, the way the strictest team would run them."""
    return compile_packs(resolve(FILES))


def _sources(rule: str) -> set[str]:
    return set(_everything().rules[rule].rule.source)


def _accusations(party: str, text: str) -> list[Alert]:
    """Alerts about words that were said (not about scripts that were not)."""
    turn = Turn(party=party, say=text)  # type: ignore[arg-type]
    call, _ = example_call(Example(turns=(turn,)))
    book = _everything()
    return [
        out
        for out in replay(book, call)
        if isinstance(out, Alert) and book.rules[out.rule].rule.verb == "never"
    ]


def test_every_pack_has_its_prefix() -> None:
    assert {file.stem for file in FILES} == set(PREFIXES)
    for file in FILES:
        for name, written in _packs(file)[0].rules.items():
            if written.home == file.stem:
                # What is judged by meaning has a prefix of its own, whatever pack it lives in.
                assert name.startswith((PREFIXES[file.stem], "meaning-")), name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_pack_is_strict(file: Path) -> None:
    packs = _packs(file)
    assert [f"{place.line}: {message}" for place, message in strict_problems(packs)] == []
    assert packs[0].id == file.stem
    assert packs[0].version == "1.0.0"
    for written in packs[0].rules.values():
        rule = written.rule
        assert rule.family, rule.id
        assert rule.source, rule.id
        assert rule.say_instead or all(case.say_instead for case in rule.cases), rule.id


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_examples_hold(file: Path) -> None:
    own = [name for name, written in _packs(file)[0].rules.items() if written.home == file.stem]
    trial = try_packs(_packs(file), own)
    assert trial.examples >= 2 * len(own)
    failed = [
        f"{f.place.line} {f.rule} {f.kind}: {f.example} – {f.message}" for f in trial.failures
    ]
    assert failed == []


@pytest.mark.parametrize("pair", SENTENCES["pairs"], ids=lambda pair: str(pair["row"]))
def test_bad_wording_is_told_from_good(pair: dict[str, str]) -> None:
    rows = set().union(*(_sources(alert.rule) for alert in _accusations("agent", pair["bad"])))
    assert pair["row"] in rows
    assert _accusations("agent", pair["good"]) == []
    assert _accusations("customer", pair["bad"]) == []


@pytest.mark.parametrize("item", SENTENCES["quiet"], ids=lambda item: str(item["row"]))
def test_official_negations_stay_quiet(item: dict[str, str]) -> None:
    assert _accusations("agent", item["say"]) == []


@pytest.mark.parametrize("text", SENTENCES["ordinary"])
def test_ordinary_sentences_stay_quiet(text: str) -> None:
    assert [(alert.rule, alert.quote) for alert in _accusations("agent", text)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_rule_objects_to_the_advice_of_another(file: Path) -> None:
    """What a card tells the agent to say must not raise the next card."""
    objections = [
        (name, advice, alert.rule, alert.quote)
        for name, written in _packs(file)[0].rules.items()
        if written.home == file.stem
        for advice in {written.rule.say_instead, *(c.say_instead for c in written.rule.cases)}
        if advice
        for alert in _accusations("agent", advice)
    ]
    assert objections == []


def test_every_row_of_the_manuals_is_accounted_for(shared: Path) -> None:
    inventory = json.loads((shared / "seeds" / "inventory.json").read_text("utf-8"))
    rows = {row["id"] for section in "ABCD" for row in inventory[section]}
    known = {row["id"] for section in "ABCDEF" for row in inventory[section]}
    named: set[str] = set()
    excused: dict[str, str] = {}
    for file in FILES:
        pack = _packs(file)[0]
        for written in pack.rules.values():
            named |= set(written.rule.source)
        excused |= pack.not_covered
    assert (named | set(excused)) - known == set(), "rows that no manual has"
    assert sorted(rows - named - set(excused)) == []
    assert all(len(reason) >= 4 for reason in excused.values())

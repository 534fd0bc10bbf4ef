"""docs/rules.md is true: it names every key, and its examples do what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from monitor.rules.compiler.compiled import BUILT_IN
from monitor.rules.language import basics, pack, settings, when
from monitor.rules.language import examples as model_examples
from monitor.rules.language.pack import MEASURES, VERBS
from monitor.rules.language.resolve import resolve
from monitor.rules.tools.examples import strict_problems, try_packs

DOC = (Path(__file__).parents[2] / "docs/rules.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml (pack|rule)\n(.*?)```", DOC, re.DOTALL)
MODELS = [
    kind
    for module in (pack, basics, model_examples, settings, when)
    for kind in vars(module).values()
    if isinstance(kind, type)
    and issubclass(kind, BaseModel)
    and kind.__module__.startswith(pack.__name__)
]
KEYS = sorted(
    {
        (kind.__name__, field.alias or name)
        for kind in MODELS
        for name, field in kind.model_fields.items()
    }
)


@pytest.mark.parametrize(("kind", "key"), KEYS, ids=str)
def test_every_key_is_in_the_reference(kind: str, key: str) -> None:
    assert re.search(rf"`[^`\n]*\b{re.escape(key)}\b[^`\n]*`", DOC), f"{kind}.{key}"


@pytest.mark.parametrize("name", sorted({*MEASURES, *BUILT_IN, *VERBS}))
def test_every_name_is_in_the_reference(name: str) -> None:
    assert f"`{name}" in DOC


def test_every_verb_has_an_example() -> None:
    examples = "".join(text for _, text in BLOCKS)
    for verb in VERBS:
        assert re.search(rf"\b{verb}:", examples), verb


@pytest.mark.parametrize(("kind", "text"), BLOCKS, ids=[t.split("\n")[0] for _, t in BLOCKS])
def test_the_examples_of_the_reference_hold(tmp_path: Path, kind: str, text: str) -> None:
    if kind == "rule":
        body = "".join(f"  {line}\n" for line in text.splitlines())
        text = f'pack: doc\ntitle: t\nversion: "1"\nrules:\n{body}'
    if "extends:" in text:
        text = re.sub(r"override:.*", "", text, flags=re.DOTALL)
        text = text.replace("[general-etiquette]", "[./base.yaml]")
        (tmp_path / "base.yaml").write_text('pack: base\ntitle: 底\nversion: "1"\n', "utf-8")
    file = tmp_path / "doc.yaml"
    file.write_text(text, encoding="utf-8")
    packs = resolve([file])
    assert [message for _, message in strict_problems(packs)] == []
    outcome = try_packs(packs)
    assert [f"{f.rule} {f.kind} {f.example}: {f.message}" for f in outcome.failures] == []
    assert outcome.examples or "rules:" not in text

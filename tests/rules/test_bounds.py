"""Packs that ask for more than a machine has: refused in one line, before the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.rules.language.problems import PackErrors
from monitor.rules.language.yaml_source import read, validate

_LAUGHS = "pack: &a0 [哈, 哈, 哈, 哈, 哈, 哈, 哈, 哈, 哈, 哈]\n" + "".join(
    f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    "text",
    [
        _LAUGHS,
        _LAUGHS.replace("[哈", "{x: 哈").replace(", 哈", "").replace("哈]", "哈}"),
        "pack: &a {b: *a}\n",
        "pack: &a [[*a]]\n",
        "pack: " + "[" * 5_000 + "]" * 5_000 + "\n",
        "pack: " + "{a: " * 900 + "1" + "}" * 900 + "\n",
        "".join(f"{' ' * depth}a:\n" for depth in range(900)),
        "- " * 900 + "a\n",
        f"pack: {'9' * 5_000}\n",
        f"pack: 1{'_0' * 5_000}\n",
        "pack: 2020-99-99\n",
        "pack: !!int abc\n",
        "pack: !!float abc\n",
        "pack: !!binary '*'\n",
        "pack: !!timestamp x\n",
        "? [a, b]\n: 1\n",
        "<<: 1\n",
        "a: *nobody\n",
        "pack: '\ud800'\n",
        "\x00",
    ],
    ids=lambda text: text[:24].encode("unicode_escape").decode(),
)
def test_what_no_pack_needs_is_one_clear_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pack.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(PackErrors) as caught:
        validate(read(file))
    for problem in caught.value.problems:
        assert "\n" not in str(problem)
        assert len(str(problem)) < 2_000


def test_aliases_of_a_sane_size_are_read(tmp_path: Path) -> None:
    file = tmp_path / "pack.yaml"
    file.write_text("pack: x\nbase: &b {a: 1}\nmore:\n  - *b\n  - <<: *b\n    c: 2\n")
    assert read(file).data["more"][1]["c"] == 2

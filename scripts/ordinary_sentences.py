#!/usr/bin/env python3
"""Write `rules/ordinary/agents.txt`: agents' sentences of the ordinary calls to build with.

    python scripts/ordinary_sentences.py           write the file
    python scripts/ordinary_sentences.py --check   exit 1 where it is not what the calls say

The calls that are only reported on (`benchmarks.meaning.for_reporting`) are left out, so that a
false alarm on one of them is not already known to the compiler.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.meaning import for_reporting  # noqa: E402 - found from the root
from monitor.events import Party  # noqa: E402
from monitor.rules.language.dialogue_file import read_dialogues  # noqa: E402

OUT = ROOT / "rules" / "ordinary" / "agents.txt"
HEAD = """\
# 平常的话：客服说了没有人会见怪的句子。规则包里的禁语都拿它们试过；一行一句，# 后面是说明。
# 由 scripts/ordinary_sentences.py 取自 rules/dialogues/ordinary 里用来写规则的那一半通话，
# 请不要手改；自己的句子写进这个文件夹里另一个 .txt 文件。
"""
_SHORTEST = 3  # characters


def content() -> str:
    """The file as it should be."""
    said: dict[str, None] = {}
    for file in sorted((ROOT / "rules" / "dialogues" / "ordinary").glob("*.yaml")):
        for dialogue in read_dialogues(file).dialogues:
            if for_reporting(dialogue.id):
                continue
            for step in dialogue.turns:
                if step.party is Party.AGENT:
                    for sentence in re.split(r"(?<=[。？！])", step.text):
                        if len(sentence.strip()) >= _SHORTEST:
                            said[sentence.strip()] = None
    return HEAD + "".join(f"{sentence}\n" for sentence in said)


def main() -> int:
    if "--check" in sys.argv[1:]:
        if OUT.read_text("utf-8") != content():
            print(f"{OUT.name}: the calls have changed: run python scripts/ordinary_sentences.py")
            return 1
        return 0
    OUT.write_text(content(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

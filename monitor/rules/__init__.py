"""Rule packs: the language, reading it, and running it.

    rulebook = load(["unicom-10010"])
    session = RuleSession(rulebook, call_info)
    alerts = session.start() + session.feed(token) + session.finish(end)

`docs/rules.md` is the language's reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.language.problems import PackErrors, Problem

if TYPE_CHECKING:
    from monitor.rules.engine.session import RuleSession as RuleSession

__all__ = ["PackErrors", "Problem", "RuleSession", "Rulebook", "load"]


def load(packs: Sequence[str | Path]) -> Rulebook:
    """Read packs (names of shipped ones, or files) into one rulebook.

    Raises:
        PackErrors: with every problem of every file as `file:line:column: what to do`.
    """
    from monitor.rules.compiler.compile import compile_packs
    from monitor.rules.language.resolve import survey

    return compile_packs(*survey(packs))

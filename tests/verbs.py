"""Running a verb of the command line within the test's own process."""

from __future__ import annotations

import pytest

from monitor import cli
from monitor.base.i18n import language, use_language


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Exit code, output and complaints of `monitor WORDS`; the language is the test's again."""
    own = language()
    try:
        with pytest.raises(SystemExit) as done:
            cli.main([str(word) for word in words])
    finally:
        use_language(own)
    out, err = capsys.readouterr()
    return int(done.value.code or 0), out, err

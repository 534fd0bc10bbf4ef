"""Compile the translations: every .po under monitor/cli/locale to the .mo beside it."""

from pathlib import Path

import polib

for source in sorted(Path(__file__).parents[1].glob("monitor/cli/locale/**/*.po")):
    polib.pofile(str(source)).save_as_mofile(str(source.with_suffix(".mo")))

"""How well phrases fit the posteriors of a few seconds: the judge of what another one claims.

Spotting in hours of speech needs limits against chance (`false_alarms`). Here
somebody says that a phrase was said at this very place; what is asked is whether
the network can agree. So phrases of any length count, and a syllable that the
network hears as another costs what it costs and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitor.asr.ctc.keyword_paths import firm, paths_of, syllables
from monitor.asr.ctc.keyword_spotter import FLOOR, Spotter, Target
from monitor.asr.protocol import Scored

if TYPE_CHECKING:
    from monitor.asr.ctc.decode import Posteriors
    from monitor.asr.ctc.inventory import Inventory
    from monitor.language.phrases.keywords import Keyword

DOUBT = 2.0
"""Nats per syllable up to which the network agrees."""

HOPELESS = 4.0
"""Beyond this it denies; between the two it cannot say.

Chosen on Common Voice dev: in 72 clips the embedded recogniser's text matching (at a likeness of
0.62, so that mistakes are many) found 333 phrases that had been said: 0.946 confirmed, 0.018
denied. 182 had not, two syllables or more amiss: 0.011 and 0.863. Of 52 with one amiss: 0.23
and 0.23. The head that has learnt more decides more: these are of its twelfth pass."""


def judge(phrases: Sequence[Keyword], inventory: Inventory) -> Spotter:
    """The phrases compiled for scoring."""
    number = {name: index for index, name in enumerate(inventory.classes)}
    targets = []
    for sought in phrases:
        paths = paths_of(sought.text, number, heard=FLOOR)
        count = min(map(syllables, paths), default=0)
        targets.append(
            Target(
                sought.text,
                paths,
                -HOPELESS * count if sought.tell and count else None,
                frozenset(sought.protected_by),
            )
        )
    least = min((firm(path) for target in targets for path in target.paths), default=1)
    return Spotter(targets, inventory.blank, max(1, least))


def scored(judge: Spotter, posteriors: Posteriors, start_ms: int, frame_ms: int) -> list[Scored]:
    """What of the judge's phrases may lie in a stretch [frames, classes] from `start_ms` on.

    What scores less than its limit is neither agreed to nor denied.
    """
    return [
        Scored(
            one.text,
            start_ms + one.start * frame_ms,
            start_ms + (one.end + 1) * frame_ms,
            round(one.per_syllable, 3),
            -DOUBT,
        )
        for one in judge.best(posteriors)
    ]

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
"""Nats per syllable up to which the network agrees. Chosen on 93 clips of Common Voice dev and
AISHELL, with what the embedded recogniser found of 829 phrases in them: of 321 phrases that were
said 0.95 were confirmed (0.93 with 1.5, 0.96 with 2.5; 0.90 by text alone), of 6 with one syllable
amiss 3, of 4 that were not said none."""


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
                -DOUBT * count if sought.tell and count else None,
                frozenset(sought.protected_by),
            )
        )
    least = min((firm(path) for target in targets for path in target.paths), default=1)
    return Spotter(targets, inventory.blank, max(1, least))


def scored(judge: Spotter, posteriors: Posteriors, start_ms: int, frame_ms: int) -> list[Scored]:
    """What of the judge's phrases lies in a stretch [frames, classes] that begins at `start_ms`."""
    stream = judge.stream()
    found = stream.feed(posteriors) + stream.finish()
    return [
        Scored(
            one.text,
            start_ms + one.start * frame_ms,
            start_ms + (one.end + 1) * frame_ms,
            round(one.per_syllable, 3),
            round(one.limit / one.syllables, 3),
        )
        for one in found
    ]

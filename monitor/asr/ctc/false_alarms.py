"""How often speech sounds like a phrase by chance, and from which score on it is no longer chance.

False alarms of a phrase in unrelated speech come at a rate that grows
exponentially with the doubt one tolerates, the more so the fewer syllables it
has and the more common their sounds are:

    ln rate(d) = constant + a · syllables + b · prevalence + c · gaps + slope · (d - DOUBT)

where d is the doubt, in nats, of the whole phrase (its score with the sign
turned), `prevalence` the sum over its syllables of the logarithm of how loud
that syllable is on average in any frame of speech, and `gaps` the sum over its
gaps and slots of ln(1 + syllables). The few numbers are estimated once per
network from hours of real speech (`python -m models.training.spotting`) and
kept in the model's folder, so the threshold of any phrase that anybody writes
follows at once and offline.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monitor.asr.ctc.inventory import Inventory
from monitor.asr.ctc.keyword_paths import GAP_FRAMES, Node, Path, firm, paths_of, syllables
from monitor.asr.ctc.keyword_spotter import LEAST_SYLLABLES, Target
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.language.phrases.costs import NATS_PER_EDIT
from monitor.language.phrases.keywords import Keyword

if TYPE_CHECKING:
    from monitor.asr.ctc.model_folder import ModelFolder

FILE = "spotting.json"
_FSMN = "fsmn_spotting.json"

DOUBT = 12.0
"""Nats of doubt at which rates are counted."""

MOST_DOUBT = 1.5
"""Nats of doubt per syllable beyond which nothing counts as found, however rare it may be."""

_HALVINGS = 20

FALSE_ALARMS_PER_HOUR = 0.2
"""What all phrases together may cost per hour of one party's speech."""


class FalseAlarms(BaseModel):
    """The content of `spotting.json`.

    Attributes:
        network: SHA-256 of the network's file for which it was estimated.
        hours: of speech; `phrases` were sought in it.
        prevalence: by syllable, ln of its mean probability relative to the frame's best.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str
    hours: float
    phrases: int
    constant: float
    per_syllable: float
    per_prevalence: float
    per_gap: float
    slope: Annotated[float, Field(gt=0)]
    prevalence: Mapping[str, float]

    def chance(self, paths: Sequence[Path], classes: Sequence[str]) -> float:
        """ln of the false alarms per hour of a phrase at `DOUBT` nats of doubt.

        Args:
            paths: its wordings, one at least; what each is mistaken for adds up.
            classes: the network's.
        """
        return float(np.logaddexp.reduce([self._chance(path, classes) for path in paths]))

    def rate(self, chance: float, doubt: float) -> float:
        """False alarms per hour of a phrase with that `chance` when so much doubt is tolerated."""
        return math.exp(chance + self.slope * (doubt - DOUBT))

    def doubt(self, chance: float, rate: float) -> float:
        """The doubt, in nats, with which it is mistaken so many times per hour.

        Below 0 not even a perfect score is rare enough.
        """
        return DOUBT + (math.log(rate) - chance) / self.slope

    def _chance(self, path: Path, classes: Sequence[str]) -> float:
        count, prevalence, gaps = features(path, classes, self.prevalence)
        return (
            self.constant
            + self.per_syllable * count
            + self.per_prevalence * prevalence
            + self.per_gap * gaps
        )


def features(
    path: Path, classes: Sequence[str], prevalence: Mapping[str, float]
) -> tuple[int, float, float]:
    """What the rate of a path depends on: syllables, prevalence, gaps."""
    gaps = sum(math.log1p(step.gap_frames / GAP_FRAMES) for step in path if step.gap_frames)
    common = sum(_prevalence(step, classes, prevalence) for step in path if not step.gap_frames)
    return syllables(path), common, gaps


def _prevalence(step: Node, classes: Sequence[str], prevalence: Mapping[str, float]) -> float:
    least = min(prevalence.values())
    return math.log(sum(math.exp(prevalence.get(classes[index], least)) for index in step.classes))


def read(folder: ModelFolder) -> FalseAlarms | None:
    """The background of a model; None when nothing has been estimated for it.

    The FSMN model comes without one: it has the package's, if it is the network
    for which that was made.

    Raises:
        UserError: a file that cannot be used.
    """
    found = at(folder.path)
    if found is not None:
        return found
    known = _parse(File(__file__).with_name(_FSMN))
    return known if known.network == digest(folder.network) else None


def at(folder: File) -> FalseAlarms | None:
    """The background that lies in a folder; None where none does.

    Raises:
        UserError: a file that cannot be used.
    """
    file = folder / FILE
    return _parse(file) if file.is_file() else None


def digest(network: File) -> str:
    """The fingerprint of a network's file."""
    return hashlib.sha256(network.read_bytes()).hexdigest()


def _parse(file: File) -> FalseAlarms:
    try:
        return FalseAlarms.model_validate(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            tr(
                f"{file}：不可用（{reason}），请用 python -m models.training.spotting 重新生成",
                f"{file}: unusable ({reason}); make it anew with "
                "python -m models.training.spotting",
            )
        ) from error


@dataclass(frozen=True, slots=True)
class _Told:
    """A phrase that is to be told: its `FalseAlarms.chance`, and the doubt it may have at most."""

    chance: float
    most: float


def targets(
    phrases: Sequence[Keyword],
    inventory: Inventory,
    background: FalseAlarms,
    rate: float = FALSE_ALARMS_PER_HOUR,
) -> list[Target]:
    """What to spot, each phrase with its limit.

    Args:
        phrases: of one party.
        rate: false alarms per hour that all of them may cost together.
    """
    number = {name: index for index, name in enumerate(inventory.classes)}
    compiled = {sought.text: paths_of(sought.text, number) for sought in phrases}
    told: dict[str, _Told] = {}
    for sought in phrases:
        paths = [path for path in compiled[sought.text] if firm(path) >= LEAST_SYLLABLES]
        if sought.tell and paths:
            chance = background.chance(paths, inventory.classes)
            told[sought.text] = _Told(chance, _most_doubt(sought, paths))
    limits = _limits(told, background, rate)
    return [
        Target(
            sought.text,
            compiled[sought.text],
            limits.get(sought.text),
            frozenset(sought.protected_by),
        )
        for sought in phrases
    ]


def _most_doubt(sought: Keyword, paths: Sequence[Path]) -> float:
    """However rare it may be by chance."""
    count = min(syllables(path) for path in paths)
    if sought.likeness is None:
        return MOST_DOUBT * count
    # What the rule's author asked for holds here too: three nats are one wrong syllable, as they
    # are for the recogniser's alternatives in the text.
    return min(MOST_DOUBT, NATS_PER_EDIT * (1.0 - sought.likeness)) * count


def _limits(told: Mapping[str, _Told], background: FalseAlarms, rate: float) -> dict[str, float]:
    """The least score of each phrase, so that all together are mistaken `rate` times per hour.

    Every phrase gets the same share, as far as it can use it: what long phrases
    leave goes to the others. Phrases left out cannot be told apart from chance.
    """

    def limits(share: float) -> dict[str, float]:
        doubts = {
            text: min(own.most, background.doubt(own.chance, share)) for text, own in told.items()
        }
        return {text: -doubt for text, doubt in doubts.items() if doubt >= 0}

    def cost(found: Mapping[str, float]) -> float:
        return sum(background.rate(told[text].chance, -limit) for text, limit in found.items())

    if not told or rate <= 0:
        return {}
    low, high = math.log(rate / len(told)), math.log(rate)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if cost(limits(math.exp(middle))) <= rate else (low, middle)
    return limits(math.exp(low))

"""How far reviewers agree: Cohen's and Fleiss' kappa, and the spread of their scores.

Kappa is agreement beyond what chance would give: 1 is perfect, 0 is chance,
below 0 is worse than chance. It is *undefined* (None, never 0 or 1) when there
is nothing to compare – fewer than two ratings of any subject – and when
everybody used one and the same category throughout: chance alone then agrees
always, and 0/0 says nothing. The plain agreement beside it still tells that
they agreed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean, stdev
from typing import TypeVar

Subject = TypeVar("Subject", bound=Hashable)
Rater = TypeVar("Rater", bound=Hashable)
Category = TypeVar("Category", bound=Hashable)

_NO_ROOM = 1e-12  # chance agreement this close to 1 leaves no room for kappa


@dataclass(frozen=True, slots=True)
class Agreement:
    """`observed` is the share of agreeing pairs, `expected` that of chance (0–1).

    All three figures are None when no subject has two ratings; `kappa` also
    when `expected` is 1. `subjects` counts those compared.
    """

    kappa: float | None
    observed: float | None
    expected: float | None
    subjects: int
    raters: int


def cohen(first: Sequence[Hashable], second: Sequence[Hashable]) -> Agreement:
    """Two raters over the same subjects, in the same order.

    Cohen (1960), A coefficient of agreement for nominal scales.

    Raises:
        ValueError: the two have different lengths.
    """
    if len(first) != len(second):
        raise ValueError("both raters must have rated the same subjects")
    count = len(first)
    if not count:
        return Agreement(None, None, None, 0, 2)
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / count
    left, right = Counter(first), Counter(second)
    expected = sum(left[category] * right[category] for category in left) / count**2
    return Agreement(_kappa(observed, expected), observed, expected, count, 2)


def fleiss(ratings: Mapping[Subject, Mapping[Rater, Category]]) -> Agreement:
    """Any number of raters, who may differ from subject to subject.

    `ratings` is subject → rater → category; a rater may have left subjects out.

    Fleiss (1971), Measuring nominal scale agreement among many raters. Where
    subjects have unequal numbers of ratings, each subject's own share of
    agreeing pairs is averaged; subjects with a single rating are left out.
    """
    rated = [list(given.values()) for given in ratings.values() if len(given) > 1]
    raters = len({rater for given in ratings.values() if len(given) > 1 for rater in given})
    if not rated:
        return Agreement(None, None, None, 0, raters)
    observed = mean(_agreeing(categories) for categories in rated)
    total = sum(len(categories) for categories in rated)
    shares = Counter(category for categories in rated for category in categories)
    expected = sum((number / total) ** 2 for number in shares.values())
    return Agreement(_kappa(observed, expected), observed, expected, len(rated), raters)


def agreement(ratings: Mapping[Subject, Mapping[Rater, Category]]) -> Agreement:
    """Cohen's kappa where exactly two raters rated, Fleiss' otherwise."""
    raters = sorted({rater for given in ratings.values() for rater in given}, key=repr)
    if len(raters) != 2:
        return fleiss(ratings)
    both = [given for given in ratings.values() if len(given) == 2]
    return cohen([g[raters[0]] for g in both], [g[raters[1]] for g in both])


def pairs(
    ratings: Mapping[Subject, Mapping[Rater, Category]],
) -> dict[tuple[Rater, Rater], Agreement]:
    """Cohen's kappa of every two raters, over the subjects both rated."""
    raters = sorted({rater for given in ratings.values() for rater in given}, key=repr)
    found = {}
    for one, other in combinations(raters, 2):
        both = [given for given in ratings.values() if one in given and other in given]
        found[one, other] = cohen([g[one] for g in both], [g[other] for g in both])
    return found


def strength(kappa: float | None) -> str:
    """Landis & Koch (1977): poor, slight, fair, moderate, substantial, almost perfect."""
    if kappa is None:
        return "undefined"
    if kappa < 0:
        return "poor"
    bands = ((0.2, "slight"), (0.4, "fair"), (0.6, "moderate"), (0.8, "substantial"))
    return next((name for top, name in bands if kappa <= top), "almost perfect")


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one call's scores by several reviewers. `deviation` (n-1) is None for a single score."""

    lowest: float
    highest: float
    mean: float
    deviation: float | None
    count: int

    @property
    def range(self) -> float:
        return self.highest - self.lowest


def spread(scores: Sequence[float]) -> Spread | None:
    """None when nobody scored."""
    if not scores:
        return None
    deviation = stdev(scores) if len(scores) > 1 else None
    return Spread(min(scores), max(scores), mean(scores), deviation, len(scores))


def bias(scores: Mapping[Subject, Mapping[Rater, float]]) -> dict[Rater, float]:
    """How much each rater scores above (+) or below (−) the call's mean, on average.

    `scores` is call → rater → score. Calls with a single score say nothing.
    """
    apart: dict[Rater, list[float]] = {}
    for given in scores.values():
        if len(given) > 1:
            middle = mean(given.values())
            for rater, score in given.items():
                apart.setdefault(rater, []).append(score - middle)
    return {rater: mean(values) for rater, values in apart.items()}


def _agreeing(categories: Sequence[Hashable]) -> float:
    """Of all pairs of ratings of a subject, the share that agree."""
    n = len(categories)
    return sum(number * (number - 1) for number in Counter(categories).values()) / (n * (n - 1))


def _kappa(observed: float, expected: float) -> float | None:
    if expected >= 1 - _NO_ROOM:
        return None
    return (observed - expected) / (1 - expected)

"""How good a rule is, from what people said of its findings: precision and recall.

Precision comes from the findings that were judged. Recall cannot come from
them alone, as nobody judges what the machine passed over; so calls *without* a
hit are sampled and heard in full. The estimate is the one used for diagnostic
tests whose negatives are verified only in part: Begg & Greenes (1983),
Assessment of diagnostic tests when disease verification is subject to
selection bias, Biometrics 39:207-215.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, log, sqrt

from monitor.rules.tools.backtest import Precision

__all__ = ["Estimate", "Precision", "Stratum", "precision", "recall", "trend"]

_Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % bounds, all 0–1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stratum:
    """Calls with (or without) a hit of the rule.

    Of `calls` in all, `verified` were judged by people; in `positive` of those
    the rule was truly broken.
    """

    calls: int
    verified: int
    positive: int

    def __post_init__(self) -> None:
        if not 0 <= self.positive <= self.verified <= self.calls:
            raise ValueError(f"not a sample: {self.positive}/{self.verified}/{self.calls}")


def precision(verdicts: Iterable[str]) -> Precision | None:
    """Of the findings judged right or wrong, how many were right (Wilson's bounds).

    `unsure` counts for neither. None when nothing was decided.
    """
    decided = [verdict for verdict in verdicts if verdict in ("right", "wrong")]
    return Precision(decided.count("right"), len(decided)) if decided else None


def trend(judged: Iterable[tuple[str, str]]) -> dict[str, Precision]:
    """Precision per version, from (version, verdict) in the order the versions came in."""
    by_version: dict[str, list[str]] = {}
    for version, verdict in judged:
        by_version.setdefault(version, []).append(verdict)
    found = {version: precision(verdicts) for version, verdicts in by_version.items()}
    return {version: value for version, value in found.items() if value is not None}


def recall(hit: Stratum, quiet: Stratum) -> Estimate | None:
    """Of the calls in which the rule was truly broken, the share with a hit.

    Begg & Greenes: with p the share of true ones among the verified calls of a
    stratum of N, recall = N₁p₁ / (N₁p₁ + N₀p₀). The bounds are on the logit
    scale by the delta method,

        Var(logit) = (1-p₁)/(n₁p₁)·(1-n₁/N₁) + (1-p₀)/(n₀p₀)·(1-n₀/N₀),

    with the finite-population correction of each stratum (Cochran 1977, §2.6):
    what was heard in full is known, not estimated. A share of 0 or 1 in a
    sample is not certainty about the rest: for the variance and the bounds
    such a sample counts half a positive and half a negative more (Jeffreys).

    None when either stratum has calls but none verified, or when nobody knows
    of a call in which the rule was broken.
    """
    if (hit.calls and not hit.verified) or (quiet.calls and not quiet.verified):
        return None
    found, missed = _share(hit) * hit.calls, _share(quiet) * quiet.calls
    if found + missed == 0:
        return None
    value = found / (found + missed)
    low, high = _bounds(hit, quiet)
    return Estimate(value, min(low, value), max(high, value))


def _bounds(hit: Stratum, quiet: Stratum) -> tuple[float, float]:
    found, missed = _softened(hit) * hit.calls, _softened(quiet) * quiet.calls
    if not found or not missed:  # known for certain: that stratum was heard whole
        certain = 1.0 if found else 0.0
        return certain, certain
    middle = log(found) - log(missed)
    half = _Z95 * sqrt(_variance(hit) + _variance(quiet))
    return _logistic(middle - half), _logistic(middle + half)


def ranked(precisions: Mapping[str, Precision]) -> list[str]:
    """Rules that most need work first: by the lower bound of their precision."""
    return sorted(precisions, key=lambda rule: (precisions[rule].bounds[0], rule))


def _share(stratum: Stratum) -> float:
    return stratum.positive / stratum.verified if stratum.verified else 0.0


def _softened(stratum: Stratum) -> float:
    """The share, away from 0 and 1 where only a sample says so."""
    share = _share(stratum)
    if stratum.verified == stratum.calls or 0 < share < 1:
        return share
    return (stratum.positive + 0.5) / (stratum.verified + 1)


def _variance(stratum: Stratum) -> float:
    """Of the logarithm of the share; none where the whole stratum was verified."""
    share = _softened(stratum)
    unseen = 1 - stratum.verified / stratum.calls
    return (1 - share) / (stratum.verified * share) * unseen


def _logistic(value: float) -> float:
    return 1 / (1 + exp(-value))

"""Floating-point samples that were never divided by full scale.

Full scale of floating-point audio is 1. Some programs write the integers they
had (up to 32767, 8388607 or 2147483647) as they are; played like that they
are noise.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from monitor.audio.track import Sound
from monitor.base.errors import UserError
from monitor.base.i18n import tr

_REAL = 16.0
"""+24 dBFS: beyond any overdriven mix that is meant to be at full scale 1."""

_SHARE = 0.001  # of the samples with sound: fewer beyond are clicks of a damaged file
_ENOUGH = 480_000  # samples with sound that are looked at
_SCALES = (2.0**15, 2.0**23, 2.0**31)
_OVER = 2.0  # how far filters overshoot


def gain(blocks: Iterable[Sound]) -> float:
    """What to multiply the samples by so that full scale is 1.

    Raises:
        UserError: some samples are far out of range and most are not: they are no sound.
    """
    seen = beyond = 0
    peak = 0.0
    for block in blocks:
        size = np.abs(block)
        seen += int(np.count_nonzero(size))
        beyond += int(np.count_nonzero(size > _REAL))
        peak = max(peak, float(size.max(initial=0.0)))
        if seen >= _ENOUGH and not beyond:
            break
    if not beyond:
        return 1.0
    scale = next((scale for scale in _SCALES if peak <= scale * _OVER), None)
    if beyond < _SHARE * seen or scale is None:
        raise UserError(
            tr(
                f"有超出范围的浮点采样（{peak:.3g}，满幅应为 1），请重新导出录音",
                f"floating-point samples out of range ({peak:.3g}, where full scale is 1):"
                " export the recording again",
            )
        )
    return 1.0 / scale

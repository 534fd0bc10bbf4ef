"""The head: frames of Whisper's encoder in, log-posteriors of syllables out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from monitor.asr.ctc.decode import Posteriors
    from monitor.asr.whisper_ctc.head_folder import HeadFolder

Frames = npt.NDArray[np.float32]
"""Of the encoder, shape [frames, width]."""

_GELU = float(np.sqrt(2 / np.pi))
_KEYS = (
    *("norm.weight", "norm.bias"),
    *("inner.weight", "inner.bias", "outer.weight", "outer.bias"),
)


class Head:
    """Layer norm, two linear layers, a GELU between them; in float32.

    Raises:
        UserError: the weights cannot be read or do not fit the units.
    """

    def __init__(self, folder: HeadFolder) -> None:
        file = folder.weights
        try:
            with np.load(file) as stored:
                self._w = {key: stored[key].astype(np.float32) for key in _KEYS}
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise UserError(
                tr(f"{file}：权重读不了（{error}）", f"{file}: unreadable weights ({error})")
            ) from error
        self._epsilon = folder.description.norm_epsilon
        count = len(self._w["outer.bias"])
        if count != len(folder.units):
            raise UserError(
                tr(
                    f"{file}：有 {count} 个输出，而 {folder.description.units.file} 有 "
                    f"{len(folder.units)} 行",
                    f"{file}: has {count} outputs but {folder.description.units.file} has "
                    f"{len(folder.units)} lines",
                )
            )

    def posteriors(self, frames: Frames) -> Posteriors:
        """Natural-log probabilities [frames, units] of the encoder's frames [frames, width]."""
        w = self._w
        mean = frames.mean(axis=-1, keepdims=True)
        spread = np.sqrt(frames.var(axis=-1, keepdims=True) + self._epsilon)
        x = (frames - mean) / spread * w["norm.weight"] + w["norm.bias"]
        h = x @ w["inner.weight"].T + w["inner.bias"]
        h = 0.5 * h * (1 + np.tanh(_GELU * (h + 0.044715 * h * h * h)))
        scores = h @ w["outer.weight"].T + w["outer.bias"]
        scores -= scores.max(axis=-1, keepdims=True)
        found: Posteriors = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        return found

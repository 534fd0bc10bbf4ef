"""sherpa-onnx behind the `Recognizer` protocol: its streaming and whole-utterance models.

A model's folder tells what it is (`layout.py`): transducers, CTC and Paraformer
that stream are run as the audio comes (`online.py`), without sherpa-onnx's
own endpointing, so that rules see tokens in mid-sentence. Models for whole
utterances (SenseVoice, Paraformer, CTC) are run when a turn is over
(`offline.py`). Both search greedily: what has been said is never taken back.

sherpa-onnx is an optional dependency and imported only here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.asr.names import Wanted
    from monitor.asr.protocol import Recognizer

ENGINE = "sherpa"


def load(path: Path, wanted: Wanted) -> Recognizer:
    """Load a sherpa-onnx model folder.

    Raises:
        UserError: sherpa-onnx is not installed, the folder holds no model that
            is understood, or an option is unknown.
    """
    from monitor.asr.sherpa import layout
    from monitor.asr.sherpa.engine import require
    from monitor.asr.sherpa.offline import OfflineRecognizer
    from monitor.asr.sherpa.online import OnlineRecognizer
    from monitor.asr.sherpa.settings import SherpaSettings

    settings = SherpaSettings.of(wanted)
    model = layout.read(path, precise=settings.precision == "float")
    require()
    if model.streaming is None:
        return OfflineRecognizer(model, settings)
    return OnlineRecognizer(model, settings)

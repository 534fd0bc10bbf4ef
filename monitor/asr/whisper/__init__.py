"""faster-whisper behind the `Recognizer` protocol: whole recordings and live calls.

Whisper hears windows of up to 30 s and writes them down at once. Here it
hears the speech stretches that the flow's own voice activity cuts:

- recorded: a stretch is decoded when its turn is over (`Wanted.live` false);
- live: the growing stretch is decoded every second of audio, and what two
  hypotheses in a row agree on is committed (`stream.py`).

What Whisper invents on silence, noise and music is kept out by evidence
(`evidence.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.asr.names import Wanted
    from monitor.asr.whisper.recognizer import WhisperRecognizer


def load(path: Path, wanted: Wanted) -> WhisperRecognizer:
    """Load a Whisper model that CTranslate2's converter wrote.

    Raises:
        UserError: the folder holds no such model, an option is unknown, or the
            device asked for is not there.
    """
    from monitor.asr.whisper.decoder import WhisperDecoder
    from monitor.asr.whisper.recognizer import WhisperRecognizer, WholeWhisperRecognizer
    from monitor.asr.whisper.settings import WhisperSettings

    settings = WhisperSettings.of(wanted)
    kind = WhisperRecognizer if wanted.live or settings.batch == 0 else WholeWhisperRecognizer
    return kind(WhisperDecoder(path, settings), settings)

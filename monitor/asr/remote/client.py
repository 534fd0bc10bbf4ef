"""One request for one turn: sent again where that may help, told in one line where not."""

from __future__ import annotations

import io
import time
import wave
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.asr.remote.settings import KEYS
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import SAMPLE_RATE

if TYPE_CHECKING:
    import httpx2

    from monitor.asr.remote.settings import RemoteSettings
    from monitor.events import Samples

_CONNECT_S = 5.0
_PAUSES_S = (0.5, 2.0, 5.0)  # before the next try; the last holds from there on
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REFUSED = frozenset({401, 403})
_SHOWN = 200  # characters of a server's own words


class Client:
    """Asks a server. May be used by one thread at a time."""

    def __init__(self, settings: RemoteSettings) -> None:
        import httpx2

        self.settings = settings
        head = {"Authorization": f"Bearer {settings.key}"} if settings.key else {}
        timeout = httpx2.Timeout(settings.timeout_s, connect=_CONNECT_S)
        self._session = httpx2.Client(headers=head, timeout=timeout, trust_env=True)

    def transcribe(self, samples: Samples) -> dict[str, Any]:
        """The server's `verbose_json` of a turn (float32, 16 kHz).

        Raises:
            UserError: it cannot be reached, refuses, or answers something else.
        """
        audio = wav(samples)
        for attempt in range(self.settings.retries + 1):
            if attempt:
                time.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S)) - 1])
            answer, trouble = self._ask(audio)
            if answer is not None and answer.status_code not in _AGAIN:
                return self._read(answer)
        raise self._wrong(
            tr(
                f"语音识别服务没有响应（{trouble}），试了 {self.settings.retries + 1} 次",
                f"the recognition server does not answer ({trouble}), "
                f"{self.settings.retries + 1} tries",
            )
        )

    def close(self) -> None:
        """Hang up."""
        self._session.close()

    def _ask(self, audio: bytes) -> tuple[httpx2.Response | None, str]:
        """The answer, if any, and what is wrong with it."""
        import httpx2

        asked = {
            "model": self.settings.model,
            "language": self.settings.language,
            "response_format": "verbose_json",
            "timestamp_granularities[]": ["word", "segment"],
            "temperature": "0",
        }
        file = {"file": ("turn.wav", audio, "audio/wav")}
        try:
            answer = self._session.post(self.settings.url, data=asked, files=file)
        except httpx2.HTTPError as error:
            return None, " ".join(str(error).split()) or type(error).__name__
        return answer, f"HTTP {answer.status_code}"

    def _read(self, answer: httpx2.Response) -> dict[str, Any]:
        if answer.status_code in _REFUSED:
            raise self._wrong(
                tr(
                    f"服务拒绝了请求（HTTP {answer.status_code}）：请用环境变量 {KEYS[0]} 给出密钥",
                    f"the server refuses (HTTP {answer.status_code}): give a key in {KEYS[0]}",
                )
            )
        if answer.status_code >= 400:
            said = " ".join(answer.text.split())[:_SHOWN]
            raise self._wrong(f"HTTP {answer.status_code} {said}")
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("text"), str):
            raise self._wrong(
                tr("服务的回答不是 verbose_json", "the server's answer is not verbose_json")
            )
        return found

    def _wrong(self, what: str) -> UserError:
        return UserError(f"{self.settings.url}: {what}")


def wav(samples: Samples) -> bytes:
    """A WAV file of 16 bits, one channel."""
    packed = io.BytesIO()
    with wave.open(packed, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return packed.getvalue()

"""faster-whisper's model: windows of audio in, hypotheses out, several at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.asr.whisper.hypothesis import Hypothesis, Window, Word, gather
from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from monitor.asr.whisper.settings import WhisperSettings

_FILES = ("model.bin", "config.json", "tokenizer.json")
_PATIENCE = 2.0
"""How many times `beam` texts must have ended before a beam search ends (Kasai et al. 2022,
arXiv:2204.05424). With 1 short texts, which end first, win: the last syllables are lost."""

_SHORTEST = 3_200  # samples; anything shorter is filled up with silence
_TOKENS_PER_S = 25  # no mouth needs more; a hypothesis that runs away is cut here
_SPARE_TOKENS = 12
_WORST_LOGPROB = -1.0
_WORST_COMPRESSION = 2.4
_NO_SPEECH = 0.6
"""When to try again and when not to: the thresholds of openai/whisper."""

_BROKEN = "\N{REPLACEMENT CHARACTER}"
_PROMPT_LIMIT = 100  # tokens of hot words


class WhisperDecoder:
    """A loaded model; shared by every call of the process.

    Raises:
        UserError: the folder holds no multilingual Whisper of CTranslate2's, or
            the device or the arithmetic is not to be had.
    """

    def __init__(self, path: Path, settings: WhisperSettings) -> None:
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        for name in _FILES:
            if not (path / name).is_file():
                raise UserError(
                    tr(
                        f"{path}：不是 faster-whisper 模型（缺少 {name}）",
                        f"{path}: not a faster-whisper model ({name} is missing)",
                    )
                )
        device, compute = _arithmetic(settings)
        _check_tokenizer(path / "tokenizer.json")
        try:
            # CTranslate2 reports every defect as a RuntimeError or ValueError of its own words.
            self._model = WhisperModel(
                str(path), device=device, compute_type=compute, cpu_threads=settings.threads
            )
        except (RuntimeError, ValueError) as error:
            raise UserError(
                tr(
                    f"{path}：faster-whisper 无法加载（{device}，{compute}）：{error}",
                    f"{path}: faster-whisper cannot load it ({device}, {compute}): {error}",
                )
            ) from error
        if self._model.hf_tokenizer.token_to_id("<|zh|>") is None:
            raise UserError(
                tr(f"{path}：这个 Whisper 模型不懂中文", f"{path}: this Whisper knows no Chinese")
            )
        self.name = path.name
        self._settings = settings
        self._tokenizer = Tokenizer(self._model.hf_tokenizer, True, "transcribe", "zh")
        self._suppressed = list(get_suppressed_tokens(self._tokenizer, [-1]))
        self._prompt = self._start()
        self._frames: int = self._model.feature_extractor.nb_max_frames

    @property
    def longest_ms(self) -> int:
        """The longest window that the network can hear."""
        return self._frames * 10

    def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        """A hypothesis for each window, all of them in one batch."""
        if not windows:
            return []
        encoded = self._model.encode(np.stack([self._features(window) for window in windows]))
        prompts = [[*self._prompt, *window.prefix] for window in windows]
        results = self._generate(encoded, prompts, windows, self._settings.temperatures[0])
        texts = [
            self._text(result.sequences_ids[0], window)
            for result, window in zip(results, windows, strict=True)
        ]
        for row in range(len(windows)):
            if len(self._settings.temperatures) > 1 and self._doubtful(results[row], texts[row]):
                texts[row] = self._again(windows[row], prompts[row], texts[row], results[row])
        aligned = self._align(encoded, windows, texts)
        return [
            self._hypothesis(result, words) for result, words in zip(results, aligned, strict=True)
        ]

    def close(self) -> None:
        """Release the model's memory."""
        self._model.model.unload_model()

    def _start(self) -> list[int]:
        """Whisper's prompt: hot words as if said before, language, task, no timestamps."""
        tokenizer = self._tokenizer
        said: list[int] = []
        if self._settings.hotwords:
            words = tokenizer.encode(" " + " ".join(self._settings.hotwords))
            said = [tokenizer.sot_prev, *words[:_PROMPT_LIMIT]]
        return [*said, *tokenizer.sot_sequence, tokenizer.no_timestamps]

    def _features(self, window: Window) -> Any:
        from faster_whisper.audio import pad_or_trim

        samples = window.samples
        if len(samples) < _SHORTEST:
            samples = np.pad(samples, (0, _SHORTEST - len(samples)))
        mel = self._model.feature_extractor(samples)[..., :-1]
        return pad_or_trim(mel, self._frames)

    def _generate(
        self, encoded: Any, prompts: list[list[int]], windows: Sequence[Window], temperature: float
    ) -> Any:
        longest_s = max(window.seconds for window in windows)
        room = int(longest_s * _TOKENS_PER_S) + _SPARE_TOKENS
        sampling = (
            {"beam_size": 1, "num_hypotheses": 5, "sampling_topk": 0}
            if temperature
            else {"beam_size": self._settings.beam, "patience": _PATIENCE, "sampling_topk": 1}
        )
        return self._model.model.generate(
            encoded,
            prompts,
            max_length=min(self._model.max_length, max(map(len, prompts)) + room),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
            sampling_temperature=temperature or 1.0,
            **sampling,
        )

    def _text(self, ids: Sequence[int], window: Window) -> tuple[int, ...]:
        """What was generated: CTranslate2 returns the prefix as if it had been, too."""
        return tuple(i for i in ids[len(window.prefix) :] if i < self._tokenizer.eot)

    def _doubtful(self, result: Any, text: tuple[int, ...]) -> bool:
        """Whether another temperature should have a try (not where there is nobody to hear)."""
        logprob = _mean_logprob(result)
        if result.no_speech_prob > _NO_SPEECH and logprob < _WORST_LOGPROB:
            return False
        return logprob < _WORST_LOGPROB or self._compression(text) > _WORST_COMPRESSION

    def _again(
        self, window: Window, prompt: list[int], first: tuple[int, ...], found: Any
    ) -> tuple[int, ...]:
        """Whisper's fallback: by chance at rising temperatures until a text looks right.

        Returns the likeliest of those that do not repeat themselves if none does.
        """
        tried = [(_mean_logprob(found), first)]
        encoded = self._model.encode(self._features(window)[np.newaxis])
        for temperature in self._settings.temperatures[1:]:
            result = self._generate(encoded, [prompt], [window], temperature)[0]
            text = self._text(result.sequences_ids[0], window)
            tried.append((_mean_logprob(result), text))
            if not self._doubtful(result, text):
                return text
        sober = [one for one in tried if self._compression(one[1]) <= _WORST_COMPRESSION]
        return max(sober or tried)[1]

    def _compression(self, text: tuple[int, ...]) -> float:
        from faster_whisper.transcribe import get_compression_ratio

        return float(get_compression_ratio(self._tokenizer.decode(list(text))))

    def _align(
        self, encoded: Any, windows: Sequence[Window], texts: Sequence[tuple[int, ...]]
    ) -> list[list[Word]]:
        """The words after each prefix, with times from the attention of the alignment heads."""
        spelt = [[*w.prefix, *text] for w, text in zip(windows, texts, strict=True)]
        frames = [min(self._frames, len(window.samples) // 160) for window in windows]
        rows = self._model.find_alignment(self._tokenizer, spelt, encoded, frames)
        found: list[list[Word]] = []
        for row, window in zip(rows, windows, strict=True):
            words: list[Word] = []
            at = 0
            for piece in row:
                if _BROKEN in piece["word"]:
                    break  # the bytes of half a character, where the text was cut off
                at += len(piece["tokens"])
                if at > len(window.prefix):
                    words.append(_word(piece))
            found.append(words)
        return found

    def _hypothesis(self, result: Any, pieces: list[Word]) -> Hypothesis:
        count = sum(len(piece.ids) for piece in pieces)
        # From the alignment, so that it is the same in any batch and after any temperature.
        likely = sum(len(p.ids) * math.log(max(p.probability, 1e-4)) for p in pieces)
        return Hypothesis(
            gather(pieces),
            no_speech=float(result.no_speech_prob),
            logprob=likely / count if count else 0.0,
            compression=self._compression(tuple(i for piece in pieces for i in piece.ids)),
        )


def _arithmetic(settings: WhisperSettings) -> tuple[str, str]:
    """Device and compute type, `auto` decided by what is there."""
    import ctranslate2

    device = settings.device
    gpus = ctranslate2.get_cuda_device_count()
    if device == "cuda" and not gpus:
        raise UserError(
            tr(
                "device=cuda: CTranslate2 找不到可用的 NVIDIA 显卡（需要驱动、cuBLAS 和 cuDNN）",
                "device=cuda: CTranslate2 finds no NVIDIA GPU (driver, cuBLAS and cuDNN needed)",
            )
        )
    if device == "auto":
        device = "cuda" if gpus else "cpu"
    compute = settings.compute
    if compute == "auto":
        compute = "float16" if device == "cuda" else "int8"
    elif compute not in ctranslate2.get_supported_compute_types(device):
        known = ", ".join(sorted(ctranslate2.get_supported_compute_types(device)))
        raise UserError(
            tr(
                f"选项 compute={compute}:{device} 上可用 {known}",
                f"option compute={compute}: on {device} there are {known}",
            )
        )
    return device, compute


def _check_tokenizer(file: Path) -> None:
    """The package that reads it raises a bare Exception at a damaged file."""
    try:
        whole = "model" in json.loads(file.read_bytes())
    except ValueError:
        whole = False
    if not whole:
        raise UserError(
            tr(
                f"{file}：文件损坏，请重新下载模型（monitor models verify 可检查）",
                f"{file}: damaged; get the model again (`monitor models verify` checks it)",
            )
        )


def _word(piece: dict[str, Any]) -> Word:
    return Word(
        piece["word"],
        tuple(piece["tokens"]),
        float(piece["start"]),
        float(piece["end"]),
        float(piece["probability"]),
    )


def _mean_logprob(result: Any) -> float:
    """Mean log-probability per token, the end included (openai/whisper's `avg_logprob`)."""
    length = len(result.sequences_ids[0])
    return float(result.scores[0]) * length / (length + 1)

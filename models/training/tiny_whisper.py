"""A true Whisper, small enough to commit: `python -m models.training.tiny_whisper --minutes 60`.

The network has Whisper's architecture, tokens and prompt; only its size, its
window (8 s instead of 30) and its world (the sentences of
`text/tiny_whisper.txt`, spoken by espeak-ng) are tiny. CTranslate2's own
converter writes it, so faster-whisper runs it like any other. It proves that
the engine works; it says nothing about accuracy on people.

Needs the `train` extra and espeak-ng. Learns with cross-entropy, and one
head per decoder layer with a guide for its attention (Tachibana et al. 2018,
arXiv:1710.08969, with known times in place of the diagonal), which both
shortens the training and gives the word times something to stand on.
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.training.paths import REPO, TEXT

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

OUT = REPO / "models" / "faster-whisper" / "tiny-test"
RATE = 16_000
WINDOW_S = 8
FRAMES = WINDOW_S * 100  # mel frames of a window; the encoder halves them
POSITIONS = FRAMES // 2
WIDTH, HEADS, LAYERS, FEED_FORWARD = 96, 3, 2, 256
MELS = 80
MERGES = 200  # byte pairs: enough for most characters and a few frequent pairs

SPECIAL = (
    *("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|zh|>", "<|translate|>"),
    *("<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
)
"""Whisper's special tokens in Whisper's order, with two languages."""

VOICES = ("f2", "f3", "f4", "m1", "m2", "m3", "m7")
"""Those of the bundled calls: the model need not know more of the world."""


@dataclass(frozen=True, eq=False)
class Spoken:
    """A sentence read aloud: each token with the samples it spans, (0, 0) for punctuation."""

    samples: NDArray[np.float32]
    tokens: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


def sentences() -> list[tuple[str, str]]:
    """(written, spoken) pairs."""
    lines = (TEXT / "tiny_whisper.txt").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(row[0], row[-1]) for row in rows]


def build_tokenizer(texts: list[str]) -> Tokenizer:
    """Byte-level byte pairs like Whisper's, then its special tokens and timestamps."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + MERGES,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    stamps = [f"<|{step * 0.02:.2f}|>" for step in range(WINDOW_S * 50 + 1)]
    tokenizer.add_special_tokens([*SPECIAL, *stamps])
    return tokenizer


def speak_all(tokenizer: Tokenizer, voices: tuple[str, ...], lots: int) -> list[Spoken]:
    """Every sentence by several voices, `lots` of them each."""
    from monitor.testing.espeak import Voice, say

    rng = np.random.default_rng(len(voices))
    spoken = []
    for written, aloud in sentences():
        for _ in range(lots):
            voice = Voice(
                str(rng.choice(voices)), int(rng.integers(130, 175)), int(rng.integers(35, 60))
            )
            said = say(aloud, voice)
            times = [(s.start_ms * 16, s.end_ms * 16) for s in said.syllables]
            spoken.append(Spoken(said.samples, *_lay_out(tokenizer, written, times)))
    return spoken


def _lay_out(
    tokenizer: Tokenizer, written: str, times: list[tuple[int, int]]
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The tokens of a text and the samples they span, from the times of its characters."""
    encoded = tokenizer.encode(written, add_special_tokens=False)
    heard = iter(times)
    spans = [next(heard) if char.isalnum() else (0, 0) for char in written]
    tokens, places = [], []
    for token, (first, last) in zip(encoded.ids, encoded.offsets, strict=True):
        sounding = [spans[at] for at in range(first, max(last, first + 1)) if spans[at][1]]
        tokens.append(token)
        places.append((sounding[0][0], sounding[-1][1]) if sounding else (0, 0))
    return tuple(tokens), tuple(places)


class Lessons:
    """Draws examples: sentences in noise, cut off anywhere, two in a row, or nothing at all."""

    def __init__(self, tokenizer: Tokenizer, spoken: list[Spoken], seed: int) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor

        self._rng = np.random.default_rng(seed)
        self._spoken = spoken
        self._extract = FeatureExtractor(feature_size=MELS, chunk_length=WINDOW_S)
        ids = {token: tokenizer.token_to_id(token) for token in SPECIAL}
        self.start = [
            ids["<|startoftranscript|>"],
            ids["<|zh|>"],
            ids["<|transcribe|>"],
            ids["<|notimestamps|>"],
        ]
        self.end, self.nothing = ids["<|endoftext|>"], ids["<|nospeech|>"]

    def features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-mel of the samples, filled up to the window as faster-whisper does it."""
        mel = self._extract(samples)[:, :-1][:, :FRAMES]
        return np.pad(mel, ((0, 0), (0, FRAMES - mel.shape[1]))).astype(np.float32)

    def draw(self) -> tuple[NDArray[np.float32], list[int], list[tuple[int, int]]]:
        """Features, text tokens and their frames (encoder's, half-open; (0, 0): no guide)."""
        rng = self._rng
        if rng.random() < 0.12:
            return self.features(self._noise(int(rng.integers(1, WINDOW_S * RATE)))), [], []
        samples, tokens, spans = self._talk()
        loud = 10 ** (rng.uniform(-30, -12) / 20) / (np.sqrt(np.mean(samples**2)) + 1e-6)
        samples = samples * np.float32(loud)
        hiss = 10 ** (rng.uniform(-85, -38) / 20)
        samples = samples + rng.normal(0, hiss, len(samples)).astype(np.float32)
        if rng.random() < 0.3:
            samples = _telephone(samples)
        frames = [(a // 320, -(-b // 320)) if b else (0, 0) for a, b in spans]
        return self.features(samples), list(tokens), frames

    def _talk(self) -> tuple[NDArray[np.float32], list[int], list[tuple[int, int]]]:
        rng, limit = self._rng, WINDOW_S * RATE
        parts = [np.zeros(int(rng.integers(0, RATE // 2)), np.float32)]
        tokens: list[int] = []
        spans: list[tuple[int, int]] = []
        for _ in range(1 if rng.random() < 0.7 else 2):
            one = self._spoken[int(rng.integers(len(self._spoken)))]
            at = sum(map(len, parts))
            first = 0
            if rng.random() < 0.2:  # the window begins in mid-sentence
                begins = [n for n, span in enumerate(one.spans) if span[1]]
                first = int(rng.choice(begins[: max(1, len(begins) - 2)]))
            skip = one.spans[first][0]
            parts += [one.samples[skip:], np.zeros(int(rng.integers(2_000, 12_000)), np.float32)]
            tokens += one.tokens[first:]
            spans += [(a - skip + at, b - skip + at) if b else (0, 0) for a, b in one.spans[first:]]
        samples = np.concatenate(parts)
        cut = len(samples)
        if rng.random() < 0.3:
            cut = int(rng.integers(RATE // 2, max(RATE, len(samples))))
        cut = min(cut, limit)
        kept = 0
        for number, (a, b) in enumerate(spans):
            # A syllable of which half was heard counts; punctuation goes with what follows it.
            if b and (a + b) // 2 <= cut:
                kept = number + 1
        if kept < len(spans) and all(not b for _, b in spans[kept:]):
            kept = len(spans)
        return samples[:cut], tokens[:kept], spans[:kept]

    def _noise(self, length: int) -> NDArray[np.float32]:
        rng = self._rng
        time_s = np.arange(length, dtype=np.float32) / RATE
        level = 10 ** (rng.uniform(-70, -15) / 20)
        kind = rng.random()
        if kind < 0.15:
            return np.zeros(length, np.float32)
        if kind < 0.5:
            return (rng.normal(0, level, length)).astype(np.float32)
        music = np.zeros(length, np.float32)
        for _ in range(int(rng.integers(1, 5))):
            beat = np.float32(rng.uniform(0.15, 1.0))
            notes = rng.choice(220 * 2 ** (np.arange(24) / 12), int(WINDOW_S / 0.15) + 2)
            pitch = notes[(time_s / beat).astype(int)]
            fade = np.exp(-3 * (time_s % beat) / beat) if rng.random() < 0.5 else 1.0
            music += (np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * fade).astype(np.float32)
        return (music * np.float32(level)).astype(np.float32)


def _telephone(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Down to 8 kHz and back."""
    import soxr

    narrow: NDArray[np.float32] = soxr.resample(soxr.resample(samples, RATE, 8_000), 8_000, RATE)
    return narrow[: len(samples)]


def _batch(lessons: Lessons, rows: int) -> tuple[Any, Any, Any, Any]:
    """Features, decoder inputs, labels (−100: none) and attention guides [rows, tokens, frames]."""
    import torch

    drawn = [lessons.draw() for _ in range(rows)]
    length = len(lessons.start) + max(len(tokens) for _, tokens, _ in drawn)
    inputs = np.full((rows, length), lessons.end)
    labels = np.full((rows, length), -100)
    guides = np.zeros((rows, length, POSITIONS), np.float32)
    prompt = len(lessons.start)
    for row, (_, tokens, frames) in enumerate(drawn):
        inputs[row, : prompt + len(tokens)] = [*lessons.start, *tokens]
        # Whisper's way: `nospeech` is learnt at the place of the language token.
        labels[row, 0] = lessons.start[1] if tokens else lessons.nothing
        labels[row, prompt - 1 : prompt + len(tokens)] = [*tokens, lessons.end]
        for place, (first, last) in enumerate(frames):
            guides[row, prompt - 1 + place, first:last] = 1
    features = np.stack([mel for mel, _, _ in drawn])
    return tuple(map(torch.from_numpy, (features, inputs, labels, guides)))  # type: ignore[return-value]


def build_network(tokenizer: Tokenizer) -> Any:
    """Hugging Face's Whisper, so that CTranslate2's converter knows it."""
    from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

    end = tokenizer.token_to_id("<|endoftext|>")
    config = WhisperConfig(
        vocab_size=tokenizer.get_vocab_size(), num_mel_bins=MELS, d_model=WIDTH,
        encoder_layers=LAYERS, decoder_layers=LAYERS, encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS, encoder_ffn_dim=FEED_FORWARD, decoder_ffn_dim=FEED_FORWARD,
        max_source_positions=POSITIONS, max_target_positions=448, dropout=0.0,
        pad_token_id=end, bos_token_id=end, eos_token_id=end,
        decoder_start_token_id=tokenizer.token_to_id("<|startoftranscript|>"),
        suppress_tokens=None, begin_suppress_tokens=[end], attn_implementation="eager",
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        suppress_tokens=[], begin_suppress_tokens=[end], eos_token_id=end, pad_token_id=end
    )
    model.generation_config.alignment_heads = [[LAYERS - 1, 0]]
    model.generation_config.lang_to_id = {
        token: tokenizer.token_to_id(token) for token in ("<|en|>", "<|zh|>")
    }
    return model


def _batches(lessons: Lessons, rows: int) -> Any:
    """Batches made by a process of their own."""
    from torch.utils.data import DataLoader, IterableDataset

    class Endless(IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Any]:
            while True:
                yield _batch(lessons, rows)

    return DataLoader(Endless(), batch_size=None, num_workers=1, prefetch_factor=4)


def train(model: Any, lessons: Lessons, minutes: float, rows: int, peak: float) -> None:
    """AdamW, linear warm-up and decay to nothing at the end of the time."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)  # on a busy machine threads wait for each other more than they help
    encoder = model.get_encoder()
    for layer in encoder.layers:  # only the decoder's attention is looked at
        layer.self_attn.config = copy.deepcopy(model.config)
        layer.self_attn.config._attn_implementation = "sdpa"
    batches = iter(_batches(lessons, rows))

    optimiser = torch.optim.AdamW(model.parameters(), lr=peak, betas=(0.9, 0.98), weight_decay=0.01)
    began, step = time.monotonic(), 0
    while (done := (time.monotonic() - began) / (60 * minutes)) < 1:
        optimiser.param_groups[0]["lr"] = (
            peak * min(1.0, (step + 1) / 100) * min(1, 1.2 * (1 - done))
        )
        features, inputs, labels, guides = next(batches)
        heard = (encoder(features).last_hidden_state,)
        out = model(encoder_outputs=heard, decoder_input_ids=inputs, output_attentions=True)
        loss = functional.cross_entropy(out.logits.flatten(0, 1), labels.flatten())
        guided = guides.any(-1)
        caught = (out.cross_attentions[LAYERS - 1][:, 0] * guides).sum(-1)[guided]
        total = loss - 0.3 * torch.log(caught + 1e-4).mean()
        optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if step % 25 == 0:
            print(json.dumps({
                "step": step, "minutes": round((time.monotonic() - began) / 60, 2),
                "loss": round(loss.item(), 3), "caught": round(caught.mean().item(), 3),
            }), flush=True)  # fmt: skip
        step += 1


def convert(model: Any, tokenizer: Tokenizer, out: Path) -> None:
    """The folder that faster-whisper loads, int8, by CTranslate2's converter."""
    from ctranslate2.converters import TransformersConverter
    from transformers import PreTrainedTokenizerFast

    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, eos_token="<|endoftext|>", unk_token="<|endoftext|>"
        ).save_pretrained(folder)
        TransformersConverter(folder).convert(str(out), quantization="int8", force=True)
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    extractor = {"feature_size": MELS, "chunk_length": WINDOW_S, "sampling_rate": RATE,
                 "hop_length": 160, "n_fft": 400}  # fmt: skip
    (out / "preprocessor_config.json").write_text(json.dumps(extractor), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--start", type=Path, help="weights to go on with (torch file)")
    parser.add_argument("--keep", type=Path, help="where to keep the weights (torch file)")
    given = parser.parse_args()

    import torch

    torch.manual_seed(1)
    tokenizer = build_tokenizer([written for written, _ in sentences()])
    spoken = speak_all(tokenizer, VOICES, lots=10)
    model = build_network(tokenizer)
    if given.start:
        model.load_state_dict(torch.load(given.start))
    train(
        model,
        Lessons(tokenizer, spoken, seed=int(time.time())),
        given.minutes,
        given.rows,
        given.peak,
    )
    if given.keep:
        torch.save(model.state_dict(), given.keep)
    with tempfile.TemporaryDirectory() as folder:
        convert(model.eval(), tokenizer, Path(folder, "model"))
        shutil.copytree(Path(folder, "model"), given.out, dirs_exist_ok=True)  # beside the card


if __name__ == "__main__":
    main()

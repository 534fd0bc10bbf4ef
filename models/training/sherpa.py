"""Dress the embedded network for sherpa-onnx: model folders that its own loaders take.

The network stays as it is; nodes around it turn sherpa-onnx's features, states and outputs into
ours. So the small model runs where sherpa-onnx runs, and the sherpa engine of this project is
tested with a real model on real speech:

    streaming-ctc         OnlineRecognizer.from_wenet_ctc
    streaming-transducer  OnlineRecognizer.from_transducer (the LSTM signature)
    offline-ctc           OfflineRecognizer.from_wenet_ctc
    streaming-paraformer  OnlineRecognizer.from_paraformer (hears a second at a time, for tests)

A unit of the network is a syllable; each is written as one character that sounds so and no other
way, so the text is a string of homophones, as good as any to rules that match sounds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.training.onnx_dress import _END, BINS, SPAN, STRIDE, Dress, model_of, tensor
from monitor.asr.ctc import vocabulary
from monitor.language import pinyin

KINDS = ("streaming-ctc", "streaming-transducer", "offline-ctc", "streaming-paraformer")

FRAME_MS = 10 * STRIDE
CHUNK = 10
"""Network frames per run of a streaming model: 300 ms."""


def build(embedded: Path, kind: str, out: Path) -> None:
    """Write a folder of one of `KINDS` from the model folder `embedded`."""
    out.mkdir(parents=True, exist_ok=True)
    dress = Dress(embedded)
    match kind:
        case "streaming-ctc":
            onnx.save(_streaming_ctc(dress), str(out / "model-streaming.onnx"))
        case "offline-ctc":
            onnx.save(_offline_ctc(dress), str(out / "model.onnx"))
        case "streaming-transducer":
            _save(_transducer(dress), out)
        case "streaming-paraformer":
            from models.training import sherpa_paraformer

            _save(sherpa_paraformer.build(dress), out)
        case _:
            raise ValueError(f"{kind} is none of {', '.join(KINDS)}")
    syllables = (embedded / "tokens.txt").read_text(encoding="utf-8").split()
    blank = "<blk>" if "transducer" in kind else "<blank>"
    names = [blank, *written(syllables[1:], embedded / "words.npz")]
    lines = [f"{name} {index}" for index, name in enumerate(names)]
    (out / "tokens.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _save(parts: dict[str, onnx.ModelProto], out: Path) -> None:
    for part, model in parts.items():
        onnx.save(model, str(out / f"{part}.onnx"))


def written(syllables: list[str], words: Path) -> list[str]:
    """A character for each syllable: the commonest of those that are read in this way alone."""
    known = vocabulary.read(words)
    rare: dict[str, str] = {}
    for char in map(chr, range(0x4E00, 0x9FA6)):
        if (only := _only_reading(char)) is not None:
            rare.setdefault(only, char)

    def commonest(syllable: str) -> str:
        common = (word.text for word in known.words(syllable))
        fitting = (char for char in common if _only_reading(char) == syllable)
        return next(fitting, rare.get(syllable, syllable))

    return [commonest(syllable) for syllable in syllables]


def _only_reading(char: str) -> str | None:
    """The syllable of a character that is always read alike."""
    sounds = {reading.syllable for reading in pinyin.readings(char)[0]}
    return sounds.pop() if len(sounds) == 1 else None


def _streaming_ctc(dress: Dress) -> onnx.ModelProto:
    """WeNet's streaming signature; its attention cache is passed on unused."""
    blocks, width, memory = dress.blocks, dress.width, dress.memory
    dress.speech("x", scaled=True)
    cache = dress.node(dress.before, "Transpose", "conv_cache", perm=[1, 2, 0, 3])
    flat = dress.constant([1, width, blocks * memory])
    dress.node(dress.before, "Reshape", cache, flat, out="cache")
    deep = dress.constant([1, width, blocks, memory])
    after = dress.node(dress.after, "Reshape", "cache_out", deep)
    dress.node(dress.after, "Transpose", after, out="next_conv_cache", perm=[2, 0, 1, 3])
    dress.node(dress.after, "Identity", "attn_cache", out="next_att_cache")
    dress.node(dress.after, "Identity", "logp", out="log_probs")
    attention = [blocks, 1, "C", 2 * width]
    state = [blocks, 1, width, memory]
    return dress.model(
        [
            tensor("x", [1, "T", BINS]),
            tensor("offset", [1], TensorProto.INT64),
            tensor("required_cache_size", [1], TensorProto.INT64),
            tensor("attn_cache", attention),
            tensor("conv_cache", state),
            tensor("attn_mask", [1, 1, "M"], TensorProto.BOOL),
        ],
        [
            tensor("log_probs", [1, "U", dress.units]),
            tensor("next_att_cache", attention),
            tensor("next_conv_cache", state),
        ],
        {
            "model_type": "wenet_ctc",
            "comment": "streaming",
            "chunk_size": CHUNK,
            "left_chunks": 1,
            "head": 1,
            "num_blocks": blocks,
            "output_size": width,
            "cnn_module_kernel": memory + 1,
            "right_context": SPAN - 1,
            "subsampling_factor": STRIDE,
            "vocab_size": dress.units,
            "emission_delay_ms": dress.delay * FRAME_MS,
        },
    )


def _offline_ctc(dress: Dress) -> onnx.ModelProto:
    """WeNet's whole-utterance signature: edges repeated, the delay flushed and cut off."""
    nodes = dress.before
    sides = dress.constant([0, SPAN // 2, 0, 0, SPAN // 2 + STRIDE - 1, 0])
    dress.speech(dress.node(nodes, "Pad", "x", sides, mode="edge"), scaled=True, out="stacked")
    flush = dress.constant([0, 0, 0, 0, dress.delay, 0])
    dress.node(nodes, "Pad", "stacked", flush, out="speech", mode="edge")
    count = dress.node(nodes, "Shape", "x", start=0, end=1)
    shape = dress.node(nodes, "Concat", count, dress.constant([dress.width, dress.states]), axis=0)
    zero = numpy_helper.from_array(np.zeros(1, np.float32))
    dress.node(nodes, "ConstantOfShape", shape, out="cache", value=zero)
    dress.node(
        dress.after,
        "Slice",
        "logp",
        dress.constant([dress.delay]),
        dress.constant([_END]),
        dress.constant([1]),
        out="log_probs",
    )
    # As many as the padded frames give: (T + 1) // 3 + 1.
    frames = dress.node(dress.after, "Add", "x_lens", dress.constant([1]))
    third = dress.node(dress.after, "Div", frames, dress.constant([STRIDE]))
    dress.node(dress.after, "Add", third, dress.constant([1]), out="log_probs_lens")
    return dress.model(
        [tensor("x", ["N", "T", BINS]), tensor("x_lens", ["N"], TensorProto.INT64)],
        [
            tensor("log_probs", ["N", "U", dress.units]),
            tensor("log_probs_lens", ["N"], TensorProto.INT64),
        ],
        {
            "model_type": "wenet_ctc",
            "comment": "non-streaming",
            "subsampling_factor": STRIDE,
            "vocab_size": dress.units,
        },
    )


def _transducer(dress: Dress) -> dict[str, onnx.ModelProto]:
    """Icefall's LSTM signature: `c` holds the network's state, `h` the last frame's best unit.

    A transducer says a unit in one frame where CTC repeats it over several: the repeats become
    blanks, and the joiner has nothing left to decide.
    """
    nodes = dress.after
    dress.speech("x", scaled=False)
    dress.node(dress.before, "Transpose", "c", out="cache", perm=[1, 2, 0])
    dress.node(nodes, "Transpose", "cache_out", out="next_c", perm=[2, 0, 1])
    last = dress.node(nodes, "Transpose", "h", perm=[1, 0, 2])
    first, one, axis = dress.constant([0]), dress.constant([1]), dress.constant([1])
    last = dress.node(nodes, "Slice", last, first, one, axis)  # [N, 1, 1]
    best = dress.node(nodes, "ArgMax", "logp", axis=-1, keepdims=1)
    best = dress.node(nodes, "Cast", best, to=TensorProto.FLOAT)  # [N, U, 1]
    earlier = dress.node(nodes, "Concat", last, best, axis=1)
    earlier = dress.node(nodes, "Slice", earlier, first, dress.constant([-1]), axis)
    repeat = dress.node(nodes, "Equal", best, earlier)
    silent = np.full((1, 1, dress.units), -30.0)
    silent[0, 0, 0] = 0.0
    blank = dress.constant(silent, np.float32)
    dress.node(nodes, "Where", repeat, blank, "logp", out="encoder_out")
    final = dress.node(nodes, "Slice", best, dress.constant([-1]), dress.constant([_END]), axis)
    final = dress.node(nodes, "Transpose", final, perm=[1, 0, 2])
    dress.node(nodes, "Expand", final, dress.constant([dress.states, 1, 1]), out="next_h")
    states = [tensor("h", [dress.states, "N", 1]), tensor("c", [dress.states, "N", dress.width])]
    encoder = dress.model(
        [tensor("x", ["N", "T", BINS]), *states],
        [
            tensor("encoder_out", ["N", "U", dress.units]),
            tensor("next_h", [dress.states, "N", 1]),
            tensor("next_c", [dress.states, "N", dress.width]),
        ],
        {
            "model_type": "lstm",
            "num_encoder_layers": dress.states,
            "T": STRIDE * CHUNK + SPAN - STRIDE,
            "decode_chunk_len": STRIDE * CHUNK,
            "rnn_hidden_size": dress.width,
            "d_model": 1,
            "subsampling_factor": STRIDE,
            "emission_delay_ms": dress.delay * FRAME_MS,
        },
    )
    cast = helper.make_node("Cast", ["y"], ["real"], to=TensorProto.FLOAT)
    nothing = helper.make_node("Sub", ["real", "real"], ["decoder_out"])
    decoder = model_of(
        [cast, nothing],
        [tensor("y", ["N", 1], TensorProto.INT64)],
        [tensor("decoder_out", ["N", 1])],
        [],
        {"vocab_size": dress.units, "context_size": 1},
    )
    joiner = model_of(
        [helper.make_node("Add", ["encoder_out", "decoder_out"], ["logit"])],
        [tensor("encoder_out", ["N", dress.units]), tensor("decoder_out", ["N", 1])],
        [tensor("logit", ["N", dress.units])],
        [],
        {"joiner_dim": dress.units},
    )
    return {"encoder": encoder, "decoder": decoder, "joiner": joiner}

"""The embedded network as sherpa-onnx's streaming Paraformer, to test that engine's ways.

sherpa-onnx gives the encoder 18 frames of 60 ms at a time – 5 before the chunk, 10 of it, 3 after –
and no state, so the network begins anew with each chunk and hears worse than elsewhere. Where a new
unit begins, the "weight" that Paraformer sums until a token is due jumps to one, so each unit fires
by itself with its own log-probabilities, and the decoder has only to take the likeliest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper

from models.training.onnx_dress import BINS, SPAN, STRIDE, model_of, tensor

if TYPE_CHECKING:
    import onnx

    from models.training.onnx_dress import Dress

_WINDOW, _SHIFT = 7, 6  # feature frames joined into one, and kept of it
_LOUD = 1_000.0
"""sherpa-onnx adds a positional encoding within ±1 to features: scaled so, it matters little."""


def build(dress: Dress) -> dict[str, onnx.ModelProto]:
    """Encoder and decoder."""
    return {"encoder": _encoder(dress), "decoder": _decoder(dress.units)}


def _encoder(dress: Dress) -> onnx.ModelProto:
    nodes, units = dress.before, dress.units
    end = np.iinfo(np.int64).max
    first, last, axis = dress.constant([0]), dress.constant([end]), dress.constant([-1])
    quiet = dress.node(nodes, "Div", "speech_in", dress.constant(_LOUD, np.float32))
    kept = dress.node(nodes, "Slice", quiet, first, dress.constant([_SHIFT * BINS]), axis)
    plain = dress.node(nodes, "Reshape", kept, dress.constant([1, -1, BINS]))
    sides = dress.constant([0, SPAN // 2, 0, 0, SPAN // 2, 0])
    dress.speech(dress.node(nodes, "Pad", plain, sides, mode="edge"), scaled=True, out="stacked")
    flush = dress.constant([0, 0, 0, 0, dress.delay, 0])
    dress.node(nodes, "Pad", "stacked", flush, out="speech", mode="edge")
    zeros = np.zeros((1, dress.width, dress.states))
    dress.node(nodes, "Identity", dress.constant(zeros, np.float32), out="cache")

    nodes = dress.after
    time = dress.constant([1])
    heard = dress.node(nodes, "Slice", "logp", dress.constant([dress.delay]), last, time)
    best = dress.node(nodes, "ArgMax", heard, axis=-1, keepdims=0)  # [1, 2 T]
    earlier = dress.node(nodes, "Slice", best, first, dress.constant([-1]), time)
    earlier = dress.node(nodes, "Concat", dress.constant([[0]]), earlier, axis=1)
    same = dress.node(nodes, "Equal", best, earlier)
    blank = dress.node(nodes, "Equal", best, dress.constant([0]))
    old = dress.node(nodes, "Or", same, blank)
    fresh = dress.node(nodes, "Where", old, _zero(dress), dress.constant(1.0, np.float32))
    # Two frames of the network are one of the encoder: the one in which a unit begins counts.
    per = _SHIFT // STRIDE
    pairs = dress.node(nodes, "Reshape", fresh, dress.constant([1, -1, per]))
    which = dress.node(nodes, "ArgMax", pairs, axis=-1, keepdims=1)  # [1, T, 1]
    rows = dress.node(nodes, "Reshape", heard, dress.constant([1, -1, per, units]))
    deep = dress.node(nodes, "Unsqueeze", which, dress.constant([3]))
    shape = dress.node(nodes, "Shape", rows)
    shape = dress.node(
        nodes,
        "Concat",
        dress.node(nodes, "Slice", shape, first, dress.constant([2])),
        dress.constant([1, units]),
        axis=0,
    )
    picked = dress.node(nodes, "Expand", deep, shape)
    rows = dress.node(nodes, "GatherElements", rows, picked, axis=2)
    dress.node(nodes, "Squeeze", rows, dress.constant([2]), out="enc")
    dress.node(nodes, "Identity", "enc_length_in", out="enc_len")
    dress.node(nodes, "ReduceMax", pairs, out="alphas", axes=[-1], keepdims=0)
    width = _WINDOW * BINS
    scale = _LOUD / float(np.sqrt(units))  # sherpa-onnx multiplies by the root of the width
    return dress.model(
        [
            tensor("speech_in", [1, "T", width]),
            tensor("enc_length_in", [1], TensorProto.INT32),
        ],
        [
            tensor("enc", [1, "T", units]),
            tensor("enc_len", [1], TensorProto.INT32),
            tensor("alphas", [1, "T"]),
        ],
        {
            "model_type": "paraformer",
            "vocab_size": units,
            "lfr_window_size": _WINDOW,
            "lfr_window_shift": _SHIFT,
            "encoder_output_size": units,
            "decoder_num_blocks": 1,
            "decoder_kernel_size": 2,
            "neg_mean": ",".join(["0"] * width),
            "inv_stddev": ",".join([repr(scale)] * width),
        },
    )


def _zero(dress: Dress) -> str:
    return dress.constant(0.0, np.float32)


def _decoder(units: int) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Identity", ["acoustic_embeds"], ["logits"]),
        helper.make_node("ArgMax", ["acoustic_embeds"], ["sample_ids"], axis=-1, keepdims=0),
        helper.make_node("Identity", ["in_cache_0"], ["out_cache_0"]),
    ]
    state = [1, units, 1]
    return model_of(
        nodes,
        [
            tensor("enc", [1, "T", units]),
            tensor("enc_len", [1], TensorProto.INT32),
            tensor("acoustic_embeds", [1, "N", units]),
            tensor("acoustic_embeds_len", [1], TensorProto.INT32),
            tensor("in_cache_0", state),
        ],
        [
            tensor("logits", [1, "N", units]),
            tensor("sample_ids", [1, "N"], TensorProto.INT64),
            tensor("out_cache_0", state),
        ],
        [],
        {},
    )

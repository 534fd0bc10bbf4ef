"""Tiny networks with random weights in real ONNX files, for the streaming machinery.

They hear nothing sensible, but they look left and right as real ones do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WIDTH = 12  # values per model frame: 4 bins, 3 stacked
UNITS = 5
LEFT, RIGHT = 3, 2  # frames the networks see before and after

BASE: dict[str, Any] = {
    "name": "tiny",
    "file": "model.onnx",
    "frontend": {"bins": 4},
    "stack": {"left": 1, "right": 1, "stride": 3},
    "normalise": {"shift": [10.0] * WIDTH, "rescale": [0.1] * WIDTH},
    "units": {"file": "tokens.txt", "kind": "syllable"},
}


class Tiny:
    """Writes model folders."""

    width = WIDTH
    units = UNITS
    right = RIGHT

    def write(self, folder: Path, mode: str, **changes: Any) -> Path:
        """A model folder whose network streams by `mode`; `changes` replace keys of model.json."""
        return _write(folder, mode, changes)


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    pytest.importorskip("onnx", reason="the tiny networks are built with onnx")
    return Tiny()


def _write(folder: Path, mode: str, changes: dict[str, Any]) -> Path:
    streaming = (
        {"mode": "context", "left": LEFT, "right": RIGHT}
        if mode == "context"
        else {"mode": "cache", "delay": RIGHT}
    )
    folder.mkdir(parents=True, exist_ok=True)
    description = {**BASE, "streaming": streaming, **changes}
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")
    (folder / "tokens.txt").write_text("<blank>\nma\nni\nhao\nshi\n", encoding="utf-8")
    (folder / "model.onnx").write_bytes(_network(mode))
    return folder


def _network(mode: str) -> bytes:
    """One convolution over `LEFT` past and `RIGHT` future frames, then a log-softmax."""
    from onnx import TensorProto, helper, numpy_helper

    span = LEFT + 1 + RIGHT
    weight = np.random.default_rng(1).normal(0, 1, (UNITS, WIDTH, span)).astype(np.float32)
    node = helper.make_node
    axes = numpy_helper.from_array(np.array([span - 1], dtype=np.int64), "minus")
    initialisers = [numpy_helper.from_array(weight, "weight"), axes]
    inputs = [helper.make_tensor_value_info("speech", TensorProto.FLOAT, ["B", "T", WIDTH])]
    outputs = [helper.make_tensor_value_info("logp", TensorProto.FLOAT, ["B", "T", UNITS])]
    nodes = [node("Transpose", ["speech"], ["columns"], perm=[0, 2, 1])]
    if mode == "context":
        nodes.append(node("Conv", ["columns", "weight"], ["scores"], pads=[LEFT, RIGHT]))
    else:
        shape: list[Any] = ["B", WIDTH, span - 1]
        inputs.append(helper.make_tensor_value_info("cache", TensorProto.FLOAT, shape))
        outputs.append(helper.make_tensor_value_info("cache_out", TensorProto.FLOAT, shape))
        far = np.iinfo(np.int64).max
        for name, value in (("start", -(span - 1)), ("end", far), ("axis", 2)):
            initialisers.append(numpy_helper.from_array(np.array([value], np.int64), name))
        nodes += [
            node("Concat", ["cache", "columns"], ["all"], axis=2),
            node("Conv", ["all", "weight"], ["scores"]),
            node("Slice", ["all", "start", "end", "axis"], ["cache_out"]),
        ]
    nodes += [
        node("Transpose", ["scores"], ["rows"], perm=[0, 2, 1]),
        node("LogSoftmax", ["rows"], ["logp"], axis=2),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return bytes(model.SerializeToString())

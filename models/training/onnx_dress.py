"""What sherpa-onnx expects around a network: metadata, bins and tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

BINS = 80


SPAN = 5  # feature frames stacked, as `model.json` says: two on either side


STRIDE = 3


_INT16_LOG = 2 * np.log(32768.0)  # what log energies gain when samples are scaled to ±32768


_END = np.iinfo(np.int64).max


class Dress:
    """Nodes around a network: `before` it and `after` it. Methods return the name they add."""

    def __init__(self, folder: Path) -> None:
        facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        self.delay = int(facts["streaming"]["delay"])
        network = onnx.load(str(folder / facts["file"]))
        self.inner = list(network.graph.node)
        self.weights = list(network.graph.initializer)
        shape = network.graph.input[1].type.tensor_type.shape.dim
        self.width, self.states = shape[1].dim_value, shape[2].dim_value
        self.units = network.graph.output[0].type.tensor_type.shape.dim[2].dim_value
        kernel = next(node for node in self.inner if node.op_type == "Conv").attribute
        self.memory = next(a for a in kernel if a.name == "kernel_shape").ints[0] - 1
        self.blocks = self.states // self.memory
        self.before: list[onnx.NodeProto] = []
        self.after: list[onnx.NodeProto] = []
        self._count = 0

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        self._count += 1
        name = f"dress.w{self._count}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(
        self, nodes: list[onnx.NodeProto], kind: str, *inputs: str, out: str = "", **more: Any
    ) -> str:
        self._count += 1
        name = out or f"dress.n{self._count}"
        nodes.append(helper.make_node(kind, list(inputs), [name], **more))
        return name

    def speech(self, features: str, *, scaled: bool, out: str = "speech") -> None:
        """sherpa-onnx's filterbank [N, T, 80] to the network's stacked frames, called `out`.

        Args:
            scaled: whether the samples behind the features were within ±32768.
        """
        table, shift = _from_sherpa_bins()
        if not scaled:
            shift = shift + _INT16_LOG
        bins = self.node(self.before, "MatMul", features, self.constant(table, np.float32))
        bins = self.node(self.before, "Add", bins, self.constant(shift, np.float32))
        parts = [
            self.node(
                self.before,
                "Slice",
                bins,
                self.constant([first]),
                self.constant([first - SPAN + 1 or _END]),
                self.constant([1]),
                self.constant([STRIDE]),
            )
            for first in range(SPAN)
        ]
        self.node(self.before, "Concat", *parts, out=out, axis=-1)

    def model(
        self,
        inputs: list[onnx.ValueInfoProto],
        outputs: list[onnx.ValueInfoProto],
        facts: dict[str, Any],
    ) -> onnx.ModelProto:
        nodes = [*self.before, *self.inner, *self.after]
        return model_of(nodes, inputs, outputs, self.weights, facts)


def _from_sherpa_bins() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log energies of sherpa-onnx's mel bins to those the network was trained on.

    Both have 80 triangles from 20 Hz on; sherpa-onnx's end at 7,600 Hz, ours at 8,000 Hz, so the
    values in between are interpolated. Its triangles are narrower and its window (Povey's instead
    of Hamming's) lets another share of the energy through: constants in the log domain.
    """
    theirs, ours = _centres(7600.0), _centres(8000.0)
    at = np.clip(np.interp(ours, theirs, np.arange(BINS)), 0, BINS - 1)
    low = np.minimum(at.astype(int), BINS - 2)
    table = np.zeros((BINS, BINS))
    table[low, np.arange(BINS)] = 1 - (at - low)
    table[low + 1, np.arange(BINS)] += at - low
    steps = np.arange(400) / 399
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * steps)
    povey, hamming = hann**0.85, 0.54 - 0.46 * np.cos(2 * np.pi * steps)
    wider = (ours[1] - ours[0]) / (theirs[1] - theirs[0])
    shift = np.log(wider * np.square(hamming).sum() / np.square(povey).sum())
    return table, np.full(BINS, shift)


def _centres(highest: float) -> NDArray[np.float64]:
    """Mel centres of Kaldi's triangles between 20 Hz and `highest`."""
    low, high = (1127 * np.log1p(np.array([20.0, highest]) / 700)).tolist()
    return np.asarray(low + (high - low) / (BINS + 1) * np.arange(1, BINS + 1))


def tensor(name: str, shape: list[Any], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """An input or output; a name in `shape` stands for any size."""
    return helper.make_tensor_value_info(name, kind, shape)


def model_of(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: list[onnx.TensorProto],
    facts: dict[str, Any],
) -> onnx.ModelProto:
    """A checked graph with `facts` as its metadata."""
    graph = helper.make_graph(nodes, "embedded-zh", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {key: str(value) for key, value in facts.items()})
    onnx.checker.check_model(model)
    return model

"""Write the averaged weights as a model folder: int8 ONNX, `model.json`, `tokens.txt`.

The graph is built node by node. Weights are stored as int8 with one scale per output and unpacked
to float32 once, when onnxruntime loads the graph and folds its constants. Activations stay float32:
onnxruntime's dynamic quantisation takes one scale per tensor, so that an answer would depend on the
chunk and on the other calls of the batch, and quantising each frame by itself with standard
operators was exact but three times slower than float32.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from models.training import units
from models.training.features import BINS, LEFT, RIGHT, STRIDE, WIDTH
from models.training.network import Block, Network, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

VERSION = "0.4"
OPSET = 17


class Graph:
    """Collects nodes and weights; every method returns the name of its output."""

    def __init__(self, quantise: bool) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._quantise = quantise
        self._count = 0

    def constant(self, value: Any, dtype: Any = np.float32, name: str = "") -> str:
        """Store an array; those of the network carry its parameter's name."""
        self._count += 1
        name = name or f"w{self._count}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype), name))
        return name

    def node(self, kind: str, *inputs: str, out: str | None = None, **attributes: Any) -> str:
        """Add a node."""
        self._count += 1
        name = out or f"n{self._count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def norm(self, x: str, layer: torch.nn.Module, name: str) -> str:
        """Layer normalisation over the last axis."""
        assert isinstance(layer, torch.nn.LayerNorm)
        weight = self.constant(_array(layer.weight), name=f"{name}.weight")
        bias = self.constant(_array(layer.bias), name=f"{name}.bias")
        return self.node("LayerNormalization", x, weight, bias, axis=-1, epsilon=layer.eps)

    def linear(self, x: str, layer: torch.nn.Module, name: str) -> str:
        """x @ W + b; W stored as int8 with a scale per output where quantising."""
        assert isinstance(layer, torch.nn.Linear)
        weight = _array(layer.weight).T  # [in, out]
        bias = self.constant(_array(layer.bias), name=f"{name}.bias")
        if not self._quantise:
            stored = self.constant(weight, name=f"{name}.weight.T")
            return self.node("Add", self.node("MatMul", x, stored), bias)
        scale = np.maximum(np.abs(weight).max(0), 1e-9) / 127.0
        rounded = np.clip(np.round(weight / scale), -127, 127)
        stored = self.constant(rounded, np.int8, f"{name}.weight.T")
        unpacked = self.node("Cast", stored, to=TensorProto.FLOAT)
        steps = self.constant(scale, name=f"{name}.weight.scale")
        product = self.node("MatMul", x, self.node("Mul", unpacked, steps))
        return self.node("Add", product, bias)


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().cpu().float().numpy())


def build(network: Network, quantise: bool) -> onnx.ModelProto:
    """The streaming graph: `speech`, `cache` → `logp`, `cache_out`; any batch, any length."""
    settings = network.settings
    memory, width = settings.memory, settings.width
    g = Graph(quantise)
    centred = g.node("Sub", "speech", g.constant(_array(network.mean), name="mean"))
    scaled = g.node("Mul", centred, g.constant(_array(network.scale), name="scale"))
    x = g.linear(g.node("Clip", scaled, g.constant(-4.0), g.constant(4.0)), network.enter, "enter")
    time_axis = g.constant([2], np.int64)
    end = g.constant([np.iinfo(np.int64).max], np.int64)
    kept = []
    for number, block in enumerate(network.blocks):
        assert isinstance(block, Block)
        own = f"blocks.{number}"
        span = (
            g.constant([number * memory], np.int64),
            g.constant([(number + 1) * memory], np.int64),
        )
        past = g.node("Slice", "cache", *span, time_axis)
        now = g.node(
            "Transpose", g.norm(x, block.before_memory, f"{own}.before_memory"), perm=[0, 2, 1]
        )
        heard = g.node("Concat", past, now, axis=2)
        kept.append(g.node("Slice", heard, g.constant([-memory], np.int64), end, time_axis))
        kernel = g.constant(_array(block.memory)[:, :, :, 0], name=f"{own}.memory")
        mixed = g.node("Conv", heard, kernel, group=width, kernel_shape=[memory + 1])
        x = g.node("Add", x, g.node("Transpose", mixed, perm=[0, 2, 1]))
        calm = g.norm(x, block.before_feed, f"{own}.before_feed")
        inner = g.node("Relu", g.linear(calm, block.wide, f"{own}.wide"))
        x = g.node("Add", x, g.linear(inner, block.narrow, f"{own}.narrow"))
    scores = g.linear(g.norm(x, network.before_leave, "before_leave"), network.leave, "leave")
    g.node("LogSoftmax", scores, out="logp", axis=-1)
    g.node("Concat", *kept, out="cache_out", axis=2)
    state: list[str | int | None] = ["B", width, settings.blocks * memory]
    graph = helper.make_graph(
        g.nodes,
        "embedded-zh",
        [
            helper.make_tensor_value_info("speech", TensorProto.FLOAT, ["B", "T", WIDTH]),
            helper.make_tensor_value_info("cache", TensorProto.FLOAT, state),
        ],
        [
            helper.make_tensor_value_info("logp", TensorProto.FLOAT, ["B", "T", settings.units]),
            helper.make_tensor_value_info("cache_out", TensorProto.FLOAT, state),
        ],
        g.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def description(settings: Settings) -> dict[str, Any]:
    """`model.json`: what a loader must know."""
    return {
        "name": "embedded-zh",
        "version": VERSION,
        "licence": "Apache-2.0; see CARD.md for the data",
        "file": "model.int8.onnx",
        "sample_rate": 16000,
        "frontend": {
            "bins": BINS,
            "frame_ms": 25,
            "hop_ms": 10,
            "window": "hamming",
            "scale": 32768,
            "energy_floor": 0.0,
        },
        "stack": {"left": LEFT, "right": RIGHT, "stride": STRIDE},
        "normalise": None,
        "streaming": {"mode": "cache", "delay": settings.delay},
        "input": "speech",
        "output": "logp",
        "flush_pad": "repeat_last",
        "units": {"file": "tokens.txt", "kind": "syllable", "blank": 0},
    }


def load(checkpoint: Path) -> Network:
    """The averaged network of a checkpoint."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = Network(Settings(**state["settings"]))
    network.load_state_dict(state["average"])
    return network.eval()


def read(folder: Path, settings: Settings) -> Network:
    """A network with the weights of an exported folder, e.g. to go on training from them."""
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    graph = onnx.load(str(folder / facts["file"])).graph
    stored = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    state: dict[str, torch.Tensor] = {}
    network = Network(settings)
    for name, own in network.state_dict().items():
        if f"{name}.T" in stored:
            value = stored[f"{name}.T"].astype(np.float32) * stored.get(f"{name}.scale", 1.0)
            state[name] = torch.from_numpy(value.T.copy())
        else:
            state[name] = torch.from_numpy(stored[name].copy()).reshape(own.shape)
    network.load_state_dict(state)
    return network.eval()


def write(network: Network, out: Path, quantise: bool = True) -> None:
    """The three files of a model folder."""
    out.mkdir(parents=True, exist_ok=True)
    facts = description(network.settings)
    onnx.save(build(network, quantise), str(out / facts["file"]))
    (out / "model.json").write_text(
        json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    tokens = ["<blank>", *units.syllables()]
    (out / "tokens.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")


def blank_prior(network: Network) -> float:
    """How much to take off the blank's score: fewest errors on read and on natural service speech.

    A network trained on few passes drops syllables rather than guess; the prior balances that. It
    goes into the bias of the last layer, so that no loader has to know of it.
    """
    from models.training import heldout, scoring
    from models.training.train import recognise

    heard = []
    for name, every in (("commonvoice", 3), ("natural", 1)):
        for situation in ("16k", "8k-alaw"):
            items, feats = (
                x[::every] for x in (heldout.items(name), heldout.features(name, situation))
            )
            logp = recognise(network, list(feats), "cpu")
            heard.append(list(zip(items, logp, strict=True)))

    def ser(penalty: float) -> float:
        return sum(
            scoring.errors((i.units, scoring.greedy(p, penalty)) for i, p in pairs)["ser"]
            for pairs in heard
        )

    return min((0.25 * step for step in range(9)), key=ser)


def blended(network: Network, other: Network, share: float) -> Network:
    """`share` of the network's weights and the rest of another's that it went on from.

    Between a model and what further training on other speech made of it lie models that are better
    on both kinds than either (Wortsman et al. 2022, “Robust fine-tuning of zero-shot models”).
    """
    theirs = other.state_dict()
    mixed = {k: share * v + (1 - share) * theirs[k] for k, v in network.state_dict().items()}
    network.load_state_dict(mixed)
    return network


def run(
    checkpoint: Path, out: Path, start: Path | None = None, share: float = 1.0
) -> dict[str, Any]:
    """Export a checkpoint with the best prior of the blank; reports both and the size.

    With `share` below 1 the rest of the weights are those of the model folder `start`.
    """
    network = load(checkpoint)
    if start is not None:
        network = blended(network, read(start, network.settings), share)
    prior = blank_prior(network)
    with torch.no_grad():
        network.leave.bias[units.BLANK] -= prior
    write(network, out)
    size = (out / "model.int8.onnx").stat().st_size
    return {"exported": str(out), "bytes": size, "blank_prior": prior}

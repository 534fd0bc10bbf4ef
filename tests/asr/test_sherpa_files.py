"""sherpa-onnx's model folders and symbols: what they are, before anything is loaded."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.asr.sherpa import layout, metadata
from monitor.asr.sherpa.layout import Kind
from monitor.asr.sherpa.symbols import SymbolTable
from monitor.asr.sherpa.symbols import read as read_symbols
from monitor.asr.token_writer import Piece, TokenWriter
from monitor.base.errors import UserError
from monitor.events import Party


def _onnx(file: Path, **facts: object) -> Path:
    """A real ONNX file with these metadata."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    value = helper.make_tensor_value_info("x", 1, [1])
    other = helper.make_tensor_value_info("y", 1, [1])
    weights = onnx.numpy_helper.from_array(np.ones(5_000, np.float32), "w")
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], "g", [value], [other], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, {key: str(value) for key, value in facts.items()})
    file.write_bytes(model.SerializeToString())
    return file


def _folder(place: Path, files: dict[str, dict[str, Any]]) -> Path:
    place.mkdir(exist_ok=True)
    for name, facts in files.items():
        _onnx(place / name, **facts)
    (place / "tokens.txt").write_text("<blk> 0\n好 1\n", encoding="utf-8")
    return place


_SHAPE = (
    *("encoder_dims", "query_head_dims", "value_head_dims", "num_heads"),
    *("num_encoder_layers", "cnn_module_kernels", "left_context_len"),
)
_ZIPFORMER = {
    **dict.fromkeys(_SHAPE, "1"),
    "model_type": "zipformer2",
    "decode_chunk_len": 32,
    "T": 45,
}
_DECODER = {"vocab_size": 2, "context_size": 2}
_LFR = {"lfr_window_size": 7, "lfr_window_shift": 6, "neg_mean": "1", "inv_stddev": "1"}
_ONLINE_PARAFORMER = {
    **_LFR,
    "vocab_size": 2,
    "encoder_output_size": 512,
    "decoder_num_blocks": 16,
    "decoder_kernel_size": 11,
}


@pytest.mark.parametrize(
    ("files", "kind", "cut"),
    [
        (
            {
                "encoder-epoch-9.onnx": _ZIPFORMER,
                "decoder-epoch-9.onnx": _DECODER,
                "joiner.onnx": {},
            },
            Kind.TRANSDUCER,
            layout.Streaming(450, 320),
        ),
        (
            {"model.int8.onnx": _ZIPFORMER},
            Kind.ZIPFORMER_CTC,
            layout.Streaming(450, 320),
        ),
        (
            {"encoder.int8.onnx": _ONLINE_PARAFORMER, "decoder.int8.onnx": {}},
            Kind.PARAFORMER,
            layout.Streaming(610, 600),
        ),
        (
            {
                "model.onnx": {
                    "model_type": "EncDecHybridRNNTCTCBPEModel",
                    "window_size": 105,
                    "chunk_shift": 96,
                    "subsampling_factor": 8,
                    "vocab_size": 2,
                    "cache_last_channel_dim1": 1,
                    "cache_last_time_dim1": 1,
                }
            },
            Kind.NEMO_CTC,
            layout.Streaming(1050, 960, stretch=2.0),
        ),
        (
            {
                "encoder.onnx": {
                    "model_type": "EncDecRNNTBPEModel",
                    "window_size": 65,
                    "chunk_shift": 56,
                    "subsampling_factor": 8,
                },
                "decoder.onnx": {},
                "joiner.onnx": {},
            },
            Kind.TRANSDUCER,
            layout.Streaming(650, 560),
        ),
        (
            {
                "encoder.onnx": {"model_type": "zipformer2", "comment": "non-streaming zipformer2"},
                "decoder.onnx": {},
                "joiner.onnx": {},
            },
            Kind.OFFLINE_TRANSDUCER,
            None,
        ),
        (
            {
                "model.int8.onnx": {
                    **_LFR,
                    "model_type": "sense_voice_ctc",
                    "vocab_size": 2,
                    "with_itn": 14,
                    "normalize_samples": 0,
                }
            },
            Kind.SENSE_VOICE,
            None,
        ),
        (
            {"model.int8.onnx": {**_LFR, "model_type": "paraformer", "vocab_size": 2}},
            Kind.OFFLINE_PARAFORMER,
            None,
        ),
        ({"model.onnx": {"model_type": "zipformer2_ctc"}}, Kind.OFFLINE_ZIPFORMER_CTC, None),
        ({"model.onnx": {"model_type": "telespeech_ctc"}}, Kind.TELESPEECH_CTC, None),
    ],
)
def test_a_folder_tells_what_it_is(
    tmp_path: Path, files: dict[str, dict[str, Any]], kind: Kind, cut: layout.Streaming | None
) -> None:
    model = layout.read(_folder(tmp_path / "m", files))
    assert model.kind is kind
    assert model.streaming == cut
    assert model.name == "m"
    assert set(model.files) - {"tokens"} <= {"model", "encoder", "decoder", "joiner"}


def test_the_dressed_networks_are_recognised(sherpa_models: Path) -> None:
    place = sherpa_models / "sherpa"
    kinds = {folder.name: layout.read(folder) for folder in place.iterdir()}
    assert kinds["tiny-test"].kind is Kind.WENET_CTC
    assert kinds["tiny-transducer"].kind is Kind.TRANSDUCER
    assert kinds["tiny-offline"].kind is Kind.OFFLINE_WENET_CTC
    assert kinds["tiny-paraformer"].kind is Kind.PARAFORMER
    cut = layout.Streaming(320, 300, stretch=0.75, delay_ms=240)
    assert kinds["tiny-test"].streaming == kinds["tiny-transducer"].streaming == cut


def test_int8_is_taken_unless_float_is_asked_for(tmp_path: Path) -> None:
    parts = ("encoder", "decoder", "joiner")
    names = [f"{part}{kind}.onnx" for part in parts for kind in ("", ".int8", ".fp16")]
    folder = _folder(
        tmp_path / "m",
        {name: _ZIPFORMER if name.startswith("enc") else _DECODER for name in names},
    )
    small = {role: file.name for role, file in layout.read(folder).files.items()}
    # The decoder of a transducer is tiny: int8 would save nothing there.
    assert small["encoder"] == "encoder.int8.onnx"
    assert small["joiner"] == "joiner.int8.onnx"
    assert small["decoder"] == "decoder.onnx"
    exact = {role: f.name for role, f in layout.read(folder, precise=True).files.items()}
    assert {exact[part] for part in parts} == {f"{part}.onnx" for part in parts}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "tokens.txt|encoder"),
        ({"encoder.onnx": _ZIPFORMER}, "encoder"),
        ({"model.onnx": {}}, "model_type"),
        ({"model.onnx": {"model_type": "whisper-small"}}, "whisper-small"),
        ({"encoder.onnx": {"model_type": "zipformer"}, "decoder.onnx": {}}, "zipformer"),
        (
            {
                "encoder.onnx": {**_ZIPFORMER, "T": "many"},
                "decoder.onnx": _DECODER,
                "joiner.onnx": {},
            },
            r"\bT\b",
        ),
        (
            {"encoder.onnx": _ZIPFORMER, "decoder.onnx": {}, "joiner.onnx": {}},
            "m decoder.*vocab_size",
        ),
        (
            {
                "encoder.onnx": {"model_type": "lstm", "decode_chunk_len": 4, "T": 9},
                "decoder.onnx": _DECODER,
                "joiner.onnx": {},
            },
            "rnn_hidden_size|num_encoder_layers",
        ),
        ({"model.onnx": {"model_type": "wenet_ctc", "num_blocks": 3}}, "head|subsampling_factor"),
        ({"model.onnx": {"model_type": "sense_voice_ctc"}}, "vocab_size"),
    ],
)
def test_a_folder_that_will_not_do_is_said_before_the_engine_sees_it(
    tmp_path: Path, files: dict[str, dict[str, Any]], said: str
) -> None:
    with pytest.raises(UserError, match=said) as caught:
        layout.read(_folder(tmp_path / "m", files))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tokens", ["a 0\n", "<unk> 0\n好 1\n"])
def test_symbols_that_do_not_fit_the_network_are_said(tmp_path: Path, tokens: str) -> None:
    """sherpa-onnx would end the process: no blank, or fewer symbols than outputs."""
    facts = {"model_type": "wenet_ctc", "vocab_size": 2, "subsampling_factor": 4}
    folder = _folder(tmp_path / "m", {"model.onnx": facts})
    (folder / "tokens.txt").write_text(tokens, encoding="utf-8")
    with pytest.raises(UserError, match=r"tokens\.txt"):
        layout.read(folder)


def test_a_folder_without_symbols_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tokens\.txt"):
        layout.read(tmp_path)


def test_metadata_are_read_past_the_weights(tmp_path: Path) -> None:
    file = _onnx(tmp_path / "m.onnx", model_type="x", long="1," * 50_000, leer="", zh="中文")
    facts = metadata.read(file)
    assert facts == {"model_type": "x", "long": "1," * 50_000, "leer": "", "zh": "中文"}


@pytest.mark.parametrize("content", [b"<html>", b"\x08", b"\xff" * 30, b"\x3a\xff\xff\x7f", b"\0"])
def test_what_is_no_onnx_file_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "m.onnx"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"m\.onnx"):
        metadata.read(file)


def test_a_file_that_is_cut_off_is_said(tmp_path: Path) -> None:
    whole = _onnx(tmp_path / "m.onnx", model_type="x").read_bytes()
    (tmp_path / "m.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"m\.onnx"):
        metadata.read(tmp_path / "m.onnx")


def _table(tmp_path: Path, *symbols: str) -> SymbolTable:
    file = tmp_path / "tokens.txt"
    lines = [f"{symbol} {number}\n" for number, symbol in enumerate(symbols)]
    file.write_text("".join(lines), encoding="utf-8")
    return SymbolTable(file)


def _texts(table: SymbolTable, *symbols: str) -> list[str]:
    stream = table.stream()
    pieces: list[Piece] = []
    for number, symbol in enumerate(symbols):
        pieces += stream.push(symbol, number * 100, number * 100 + 100, 1.0)
    pieces += stream.finish()
    assert stream.waiting_from_ms is None
    starts = [piece.start_ms for piece in pieces]
    assert starts == sorted(starts)
    return [piece.text for piece in pieces]


@pytest.mark.parametrize(
    ("listed", "symbols", "texts"),
    [
        (("<blk>", "你", "好"), ("你", "好"), ["你", "好"]),
        (("<blk>", "您好"), ("您好", "<unk>"), ["您", "好"]),
        (("▁he", "llo", "你"), (" he", "llo", "你", "▁he", "llo"), ["hello", "你", "hello"]),
        (("▁a", "▁b"), ("▁a", "▁b"), ["a", "b"]),
        (("▁don", "'", "t"), ("▁don", "'", "t"), ["don't"]),
        (("he@@", "llo", "wor@@", "ld", "好"), ("he@@", "llo", "wor@@", "ld"), ["hello", "world"]),
        (("he@@", "yes", "no"), ("yes", "no", "he@@"), ["yes", "no", "he"]),
        (("你", "，", "。"), ("你", "，", "好", "。"), ["你", "好"]),
        (("<0xE4>", "<0xBD>", "<0xA0>"), ("<0xE4>", "<0xBD>", "<0xA0>"), ["你"]),
        (("<0xE4>", "好"), ("<0xE4>", "好"), ["好"]),
        (("<|zh|>", "<|NEUTRAL|>", "▁", "好"), ("<|zh|>", "▁", "好"), ["好"]),
        (("1", "0", "好"), ("1", "0", "好"), ["10", "好"]),
    ],
)
def test_symbols_become_characters_and_words(
    tmp_path: Path, listed: tuple[str, ...], symbols: tuple[str, ...], texts: list[str]
) -> None:
    assert _texts(_table(tmp_path, *listed), *symbols) == texts


def _bytewise(text: str) -> str:
    """How icefall writes text for byte-level BPE: a letter per byte, ASCII as it is."""
    letters = [chr(code) for code in range(0x100, 0x200)]
    letters = [char for char in letters if unicodedata.normalize("NFKC", char) == char]
    table = [*letters[:32], *map(chr, range(32, 127)), *letters[32:]]
    return "".join(table[byte] for byte in text.encode())


@pytest.mark.parametrize(
    ("letter", "byte"),
    list(
        zip("ĀA~ĠĴŁŃŸƀƋƌƦ", (0, 65, 126, 127, 145, 156, 158, 210, 217, 228, 229, 255), strict=True)
    ),
)
def test_letters_stand_for_the_bytes_that_sherpa_onnx_lists(
    tmp_path: Path, letter: str, byte: int
) -> None:
    assert _table(tmp_path, "<blk>", "ƌ").bytes_of(letter) == bytes([byte])


@given(text=st.text(st.sampled_from("您好请问有什么可以帮你的ab"), max_size=8), data=st.data())
def test_bytes_cut_anywhere_become_the_same_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, data: st.DataObject
) -> None:
    coded = _bytewise(text)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(coded)), max_size=6)))
    edges = [0, *cuts, len(coded)]
    symbols = [coded[a:b] for a, b in itertools.pairwise(edges) if a < b]
    table = _table(tmp_path_factory.mktemp("t"), "<blk>", "▁", *{"Ƌ", "ƌ", *symbols})
    assert table.in_bytes
    assert "".join(_texts(table, *symbols)) == text


def test_odd_lines_of_a_list_of_symbols_are_read(tmp_path: Path) -> None:
    file = tmp_path / "tokens.txt"
    file.write_text("<blk>\t0\n  1\n\u2028 2\na b 3\n好 4\n", encoding="utf-8")
    assert read_symbols(file) == ("<blk>", "", "", "a b", "好")


def test_a_list_of_symbols_without_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokens.txt").write_text("<blk> 0\n好\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"tokens\.txt:2"):
        SymbolTable(tmp_path / "tokens.txt")


def test_readings_follow_from_what_was_said_before() -> None:
    writer = TokenWriter(Party.AGENT, 0)
    tokens = writer.write([Piece(c, 0, 10, 0.5) for c in "银行行"], 1_000)
    assert [token.syllable for token in tokens] == ["yin", "hang", "xing"]
    assert {other.syllable for other in tokens[1].alternatives} <= {"xing", "hang"}
    assert writer.write([Piece("ok", 0, 10, 1.0)], 1_000)[0].syllable == ""


@given(
    spans=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 500)), max_size=12),
    limit=st.integers(0, 3000),
)
def test_times_never_run_back_and_never_past_the_audio(
    spans: list[tuple[int, int]], limit: int
) -> None:
    writer = TokenWriter(Party.AGENT, 0)
    pieces = [Piece("好", start, start + length, 1.0) for start, length in spans]
    tokens = writer.write(pieces, limit)
    at = 0
    for token in tokens:
        assert at <= token.start_ms < token.end_ms <= limit
        at = token.end_ms
    assert len(tokens) == min(len(pieces), limit)

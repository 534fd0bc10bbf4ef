"""Which engine a name asks for, and the words an engine may lean towards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from monitor import asr, rules
from monitor.asr import hotwords, names
from monitor.base.errors import UserError


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("embedded", ("", "embedded", {})),
        ("/a/folder", ("", "/a/folder", {})),
        ("C:/a/folder", ("", "C:/a/folder", {})),
        ("faster-whisper:small", ("faster-whisper", "small", {})),
        ("faster-whisper:/a/b", ("faster-whisper", "/a/b", {})),
        (
            "sherpa:zipformer, threads=2,provider=cuda",
            ("sherpa", "zipformer", {"threads": "2", "provider": "cuda"}),
        ),
    ],
)
def test_names(name: str, spec: tuple[str, str, dict[str, str]]) -> None:
    found = names.split(name)
    assert (found.engine, found.model, dict(found.options)) == spec


def test_a_folder_that_exists_is_taken_whole(tmp_path: Path) -> None:
    folder = tmp_path / "a,b=c"
    folder.mkdir()
    assert names.split(f"sherpa:{folder}") == names.Spec("sherpa", str(folder), {})


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("faster-whisper:", "faster-whisper:NAME"),
        ("faster-whisper", "faster-whisper:NAME"),
        ("faster-whisper:small,threads", "threads=2"),
        ("faster-whisper:nowhere-to-be-found", "nowhere-to-be-found"),
        ("sherpa:/no/such/folder", "/no/such/folder"),
        ("whisper:small", "faster-whisper"),
    ],
)
def test_mistakes_in_names(name: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        asr.load(name)


def test_the_default_engine_needs_no_other() -> None:
    """What is not used is not imported."""
    code = (
        "import sys; from monitor import asr; from monitor.call import batch, engine, live;"
        "asr.load();"
        "print(*sorted(m for m in sys.modules if m.split('.')[0] in"
        " {'ctranslate2', 'faster_whisper', 'sherpa_onnx', 'opencc', 'threadpoolctl', 'httpx2'}"
        " or m.startswith(('monitor.asr.whisper', 'monitor.asr.sherpa', 'monitor.asr.remote'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_hot_words_cannot_make_a_hit() -> None:
    """They are words of scripts; no forbidden phrase holds one, and none is a phrase by itself."""
    book = rules.load(["unicom-10010"])
    chosen = hotwords.choose(book.scripts, book.phrases)
    assert chosen
    forbidden = set(book.phrases) - set(book.scripts)
    for word in chosen:
        assert word not in book.phrases
        assert not any(word in phrase for phrase in forbidden)
        assert len(word) <= 3
    assert len(chosen) <= 24


def test_hot_words_of_nothing() -> None:
    assert hotwords.choose([], ["你问我我问谁"]) == ()
    assert "来电" not in hotwords.choose(["感谢您的来电"], ["谢谢来电"])

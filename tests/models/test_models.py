"""Finding, listing, verifying, recommending; the list itself; the verbs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from monitor.asr.models import EMBEDDED, advice, find, manifest, places, receipt
from monitor.asr.models.machine import Machine, look
from monitor.asr.models.manifest import Source, Text
from monitor.base.errors import UserError
from monitor.base.user_folders import user_folder
from monitor.cli.models import command
from tests.models import conftest
from tests.models.conftest import CONTENT, FOLDER, Site, entry, tar

PACKAGED = manifest.read()


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, store: Path, site: Site) -> Site:
    """A list of one model, which the server has."""
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    for path, content in CONTENT.items():
        site.files[f"/some/model/resolve/main/{path}"] = content
    release = Source(archive=f"{site.url}/release.tar.bz2", folder=FOLDER)
    known = conftest.manifest(entry(Source(hub="some/model"), release))
    monkeypatch.setattr("monitor.asr.models.manifest.read", lambda file=None: known)
    return site


@pytest.fixture
def run() -> Callable[..., Result]:
    """A verb of `monitor models`."""

    def invoke(*args: object) -> Result:
        return CliRunner().invoke(command, [str(arg) for arg in args], standalone_mode=False)

    return invoke


def test_the_packaged_list_is_complete() -> None:
    names = [model.name for model in PACKAGED.models]
    assert len(set(names)) == len(names)
    engines = {model.engine for model in PACKAGED.models}
    assert engines == {"sherpa", "faster-whisper", "embedded"}
    for model in PACKAGED.models:
        assert model.sources or model.by_hand
        # A name such as MIT is the same everywhere; what is said in words is in both languages.
        assert isinstance(model.licence, Text) or " " not in model.licence
        sizes = [file.size for file in model.files]
        if None not in sizes:
            assert sum(size or 0 for size in sizes) / 1e6 == pytest.approx(model.size_mb, abs=1)
        for source in model.sources:
            if source.wheels:
                assert all("==" in wheel for wheel in source.wheels)
            elif source.archive is None:
                assert len(source.revision) == 40, f"{model.name}: a branch may change"
            else:
                assert source.folder
    assert {use for model in PACKAGED.models for use in model.uses} == {"live", "batch"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: [", "manifest.yaml"),
        ("models:\n  - name: x", "models.0"),
        ("model: []", "model"),
        ("models:\n  - {name: ../x}", "models.0.name"),
    ],
)
def test_a_list_with_mistakes_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "manifest.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said.replace(".", r"\.")) as caught:
        manifest.read(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "source", [{}, {"hub": "a/b", "archive": "https://x/y.tar"}, {"modelscope": "a", "hub": "b"}]
)
def test_a_source_is_of_one_kind(source: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Source.model_validate(source)


def test_a_model_is_found_by_engine_then_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setenv("MONITOR_MODELS", f"{first}:{second}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    (second / "m").mkdir(parents=True)
    assert find("m", "sherpa") == second / "m"
    (second / "sherpa" / "m").mkdir(parents=True)
    assert find("m", "sherpa") == second / "sherpa" / "m"
    assert find("m", "faster-whisper") == second / "m"
    (first / "m").mkdir(parents=True)
    assert find("m", "sherpa") == first / "m"
    own = tmp_path / "home" / "callmonitor" / "models" / "mine"
    own.mkdir(parents=True)
    assert find("mine", "sherpa") == own
    assert find(str(own), "sherpa") == own
    assert find(own) == own


@pytest.mark.parametrize(
    ("name", "engine", "said"),
    [
        ("zipformer-zh-small", "sherpa", "monitor models pull zipformer-zh-small"),
        ("whisper-small", "sherpa", "--asr faster-whisper:whisper-small"),
        ("fsmn-ctc-zh", "sherpa", "--asr fsmn-ctc-zh"),
        ("nix", "sherpa", "sensevoice-small"),
        ("nix", EMBEDDED, "MONITOR_MODELS"),
        ("no/such/folder", "sherpa", "no/such/folder"),
    ],
)
def test_a_model_that_is_not_here_is_explained(
    store: Path, name: str, engine: str, said: str
) -> None:
    with pytest.raises(UserError) as caught:
        find(name, engine)
    assert said in str(caught.value)


def test_models_go_to_the_first_folder_named_or_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("MONITOR_MODELS", raising=False)
    assert places.store() == user_folder() / "models"
    monkeypatch.setenv("MONITOR_MODELS", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert places.store() == tmp_path / "a"


@pytest.mark.parametrize(
    ("machine", "live", "batch"),
    [
        (Machine(2, 0.4), None, None),
        (Machine(1, 2.0), "zipformer-zh-large", "sensevoice-small"),
        (Machine(1, 1.0), "zipformer-zh-small", "zipformer-zh-small"),
        (Machine(16, 64.0), "zipformer-zh-large", "sensevoice-small"),
        (Machine(16, 64.0, "NVIDIA T4", 15.8), "zipformer-zh-large", "whisper-large-v3-turbo"),
        (Machine(16, 64.0, "NVIDIA GT 710", 2.1), "zipformer-zh-large", "sensevoice-small"),
        (Machine(4, None), "zipformer-zh-large", "sensevoice-small"),
    ],
)
def test_the_advice_suits_the_machine(
    machine: Machine, live: str | None, batch: str | None
) -> None:
    names = [choice.entry and choice.entry.name for choice in advice.recommend(machine, PACKAGED)]
    assert names == [live, batch]


def test_this_machine_can_be_looked_at() -> None:
    found = look()
    assert found.cores >= 1
    assert found.memory_gb is None or found.memory_gb > 0
    assert bool(found.gpu) == bool(found.gpu_gb)


def test_the_verbs_from_pull_to_import(
    listed: Site, store: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    assert "未下载" in run("list").output
    assert run("path").output.strip() == str(store)
    pulled = run("pull", "small")
    assert str(store / "small") in pulled.output
    assert "--asr sherpa:small" in pulled.output
    asked = len(listed.asked)
    assert "已有" in run("pull", "small").output
    assert len(listed.asked) == asked
    run("pull", "small", "--force")
    assert len(listed.asked) > asked
    assert "已有" in run("list").output
    assert run("path", "small").output.strip() == str(store / "small")
    assert "完好" in run("verify").output
    stick = run("export", "small", "--out", tmp_path).output.strip()
    assert stick == str(tmp_path / "small.tar")
    other = tmp_path / "other"
    assert str(other / "small") in run("import", stick, "--to", other).output
    assert receipt.read(other / "small") == receipt.read(store / "small")


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_verify_names_what_is_wrong(
    listed: Site, store: Path, run: Callable[..., Result], damage: str
) -> None:
    run("pull", "small")
    file = store / "small" / "tokens.txt"
    if damage == "changed":
        file.write_bytes(CONTENT["tokens.txt"].replace(b"1", b"3"))
    else:
        file.unlink()
    checked = run("verify", "small")
    assert checked.return_value == 1
    assert "tokens.txt" in checked.output


def test_a_model_put_there_by_hand_is_verified_and_exported(
    listed: Site, store: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    folder = store / "small"
    folder.mkdir(parents=True)
    for path, content in CONTENT.items():
        (folder / path).write_bytes(content)
    assert "完好" in run("verify").output
    stick = run("export", "small", "--out", tmp_path / "x.tar").output.strip()
    assert not (folder / receipt.FILE).exists()
    assert str(store) in run("import", stick).output


def test_a_model_in_its_engines_folder_is_listed(
    listed: Site, store: Path, run: Callable[..., Result]
) -> None:
    folder = store / "sherpa" / "small"
    folder.mkdir(parents=True)
    for path, content in CONTENT.items():
        (folder / path).write_bytes(content)
    assert "已有" in run("list").output
    assert run("path", "small").output.strip() == str(folder)


def test_a_release_archive_is_imported(
    listed: Site, tmp_path: Path, store: Path, run: Callable[..., Result]
) -> None:
    file = tmp_path / "release.tar.bz2"
    file.write_bytes(tar(FOLDER, CONTENT))
    assert str(store / "small") in run("import", file).output


@pytest.mark.parametrize(
    "args",
    [
        ("pull", "nix"),
        ("verify", "small"),
        ("path", "small"),
        ("export", "small"),
        ("verify", "nix"),
    ],
)
def test_a_wrong_name_is_the_users_to_mend(
    listed: Site, store: Path, run: Callable[..., Result], args: tuple[str, ...]
) -> None:
    error = run(*args).exception
    assert isinstance(error, UserError)
    assert args[1] in str(error)


def test_no_name_is_pulled_when_one_is_wrong(
    listed: Site, store: Path, run: Callable[..., Result]
) -> None:
    assert isinstance(run("pull", "small", "nix").exception, UserError)
    assert listed.asked == []


def test_every_verb_explains_itself(run: Callable[..., Result]) -> None:
    assert isinstance(command, click.Group)
    for name, verb in command.commands.items():
        assert verb.help, name
    assert "recommend" in run("--help").output
    assert "--asr" in run("recommend").output

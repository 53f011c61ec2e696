"""A name is looked for here first, in the order of the folders; a path is taken as it is."""

from pathlib import Path

import pytest

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.base.events import Level, Line, Silent
from seedvr2_cli.hub import find
from seedvr2_cli.hub.find import FindOptions, find_local, resolve, weight_files
from seedvr2_cli.hub.known import KnownFile, Place, Variant

VAE = (Variant.VAE,)
OFFLINE = FindOptions(offline=True)
SIZED = (KnownFile("model.gguf", Variant.VAE, "float16", 4, "0" * 64, (Place("owner/model", "model.gguf"),)),)


class Lines(Silent):
    """A reporter that keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def emit(self, event: object) -> None:
        if isinstance(event, Line):
            self.lines.append(event)


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """An empty current folder, and an empty cache."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("SEEDVR2_MODELS", raising=False)
    monkeypatch.setattr(find, "cache_folder", lambda: tmp_path / "cache")


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"four")
    return path


def where(name: str, *folders: Path) -> Path | None:
    return find_local(name, VAE, FindOptions(folders=folders), Silent(), SIZED)


def test_a_file_that_exists_wins_whatever_is_known_of_its_name(tmp_path):
    made(tmp_path / "models/model.gguf")
    made(Path("model"))
    assert where("model", tmp_path / "models") == Path("model")
    assert where("sub/none.gguf") == Path("sub/none.gguf")  # a path: opening it says what is wrong


def test_folders_come_in_order_then_the_current_one_then_the_cache(tmp_path, monkeypatch):
    given, variable = tmp_path / "given", tmp_path / "variable"
    monkeypatch.setenv("SEEDVR2_MODELS", f"{tmp_path / 'none'}:{variable}")
    cached = made(tmp_path / "cache/models--owner--model/snapshots/abc/model.gguf")
    here = made(Path("model.safetensors"))
    first, second = made(given / "model.gguf"), made(variable / "model.pth")
    third = made(variable / "vae/model.gguf")
    found = []
    for path in (first, second, third, here, cached):
        found.append(where("model", given))
        path.unlink()
    assert found == [first, second, third, here, cached]
    assert where("model", given) is None


@pytest.mark.parametrize("inside", ["", "SEEDVR2", "vae", "models/SEEDVR2", "models/vae", "models/unet"])
def test_comfyuis_folders_are_looked_through_where_one_of_them_is_given(tmp_path, inside):
    path = made(tmp_path / "ComfyUI" / inside / "my_own.gguf")
    assert where("my_own", tmp_path / "ComfyUI") == path
    assert list(weight_files(FindOptions(folders=(tmp_path / "ComfyUI",)), SIZED)) == [path]


def test_another_version_in_the_cache_is_not_taken(tmp_path):
    blob = made(tmp_path / "cache/models--owner--model/blobs" / ("1" * 64))
    link = tmp_path / "cache/models--owner--model/snapshots/abc/model.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    assert where("model") is None
    blob.rename(blob.with_name("0" * 64))
    link.unlink()
    link.symlink_to(blob.with_name("0" * 64))
    assert where("model") == link


def test_a_file_of_another_size_than_the_known_one_is_taken_with_a_warning():
    Path("model.gguf").write_bytes(b"longer")
    lines = Lines()
    assert find_local("model", VAE, OFFLINE, lines, SIZED) == Path("model.gguf")
    text = "model.gguf has 6 bytes, the known file of this name 4 B: taken as it is"
    assert lines.lines == [Line("Models", text, level=Level.WARNING)]


def test_the_name_of_the_embedded_model(tmp_path, monkeypatch):
    monkeypatch.setattr(find, "NANO_VAE", made(tmp_path / "nano_vae.gguf"))
    monkeypatch.setattr(find, "NANO_DIT", tmp_path / "nano_dit.gguf")
    assert where("nano") == tmp_path / "nano_vae.gguf"
    with pytest.raises(WeightsError) as caught:
        find_local("nano", (Variant.DIT_3B,), OFFLINE, Silent())
    assert str(caught.value) == (
        "nano: a VAE alone is embedded, no transformer; give a file or a name that seedvr2 models list shows"
    )


def test_without_a_vae_one_line_names_the_three_ways_to_one():
    with pytest.raises(WeightsError) as caught:
        resolve(None, VAE, OFFLINE, Silent())
    assert str(caught.value) == (
        "ema_vae_fp16.safetensors: is not on this machine, and --offline was given; "
        "run seedvr2 models download ema_vae_fp16, give --vae FILE, or try --vae nano"
    )

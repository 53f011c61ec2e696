"""Nothing stands under the final name unless it is whole."""

import errno
import os
from pathlib import Path

import pytest

from seedvr2_cli.base.errors import OutputError
from seedvr2_cli.base.files import output_error, refuse_input, try_folder, whole_file


def no_links(source, target):
    raise OSError(errno.EPERM, "no hard links here")


def test_a_file_appears_when_it_is_whole(tmp_path):
    final = tmp_path / "out.mp4"
    with whole_file(final, overwrite=False) as temporary:
        temporary.write_text("frames")
        assert not final.exists()
        assert temporary.parent == final.parent
        assert temporary.suffix == final.suffix
    assert final.read_text() == "frames"
    assert list(tmp_path.iterdir()) == [final]


@pytest.mark.parametrize("link", [no_links, None])
def test_it_appears_without_hard_links_too(tmp_path, link):
    final = tmp_path / "out.mp4"
    with whole_file(final, overwrite=False, link=link) as temporary:
        temporary.write_text("frames")
    assert final.read_text() == "frames"
    assert list(tmp_path.iterdir()) == [final]


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_whatever_ends_the_work_early_leaves_nothing(tmp_path, stop):
    with pytest.raises(stop), whole_file(tmp_path / "out.mp4", overwrite=False) as temporary:
        temporary.write_text("half")
        raise stop
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_refused_before_the_work(tmp_path):
    final = tmp_path / "out.mp4"
    final.write_text("precious")
    with pytest.raises(OutputError) as caught, whole_file(final, overwrite=False):
        pytest.fail("the work began")
    assert str(caught.value) == f"{final}: exists already; give --overwrite or another -o"
    assert final.read_text() == "precious"


@pytest.mark.parametrize("link", [os.link, no_links, None])
def test_an_output_that_appears_meanwhile_is_kept(tmp_path, link):
    final = tmp_path / "out.mp4"
    with pytest.raises(OutputError), whole_file(final, overwrite=False, link=link) as temporary:
        temporary.write_text("ours")
        final.write_text("theirs")
    assert final.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [final]


def test_overwrite_replaces_only_when_whole(tmp_path):
    final = tmp_path / "out.mp4"
    final.write_text("old")
    with whole_file(final, overwrite=True) as temporary:
        temporary.write_text("new")
        assert final.read_text() == "old"
    assert final.read_text() == "new"


def test_a_folder_is_no_output(tmp_path):
    with (
        pytest.raises(OutputError, match="is a folder; give a file name"),
        whole_file(tmp_path, overwrite=True),
    ):
        pytest.fail("the work began")


def test_the_input_under_another_name_is_refused(tmp_path):
    source = tmp_path / "in.mp4"
    source.write_text("frames")
    (tmp_path / "link.mp4").symlink_to(source)
    for name in (source, tmp_path / "link.mp4", tmp_path / "." / "in.mp4"):
        with pytest.raises(OutputError, match="is the input itself; give another -o"):
            refuse_input(name, source)
    refuse_input(tmp_path / "out.mp4", source)


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(OutputError) as caught:
        try_folder(tmp_path / "none" / "out.mp4")
    assert str(caught.value) == f"{tmp_path / 'none'}: no such folder; make it first, or give another -o"


def test_trying_a_folder_leaves_nothing(tmp_path):
    try_folder(tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left on the disk; free some, or give another -o"),
        (errno.EACCES, "cannot be written; give an -o where you may write"),
        (errno.EROFS, "cannot be written; give an -o where you may write"),
        (errno.ENAMETOOLONG, "the name is too long; give a shorter -o"),
        (errno.EIO, f"cannot be written ({os.strerror(errno.EIO)}); give another -o"),
    ],
)
def test_the_systems_reasons_become_ours(tmp_path, number, words):
    assert str(output_error(tmp_path, OSError(number, os.strerror(number)))) == f"{tmp_path}: {words}"


def test_trying_a_folder_leaves_nothing_when_it_is_interrupted(tmp_path, monkeypatch):
    touch = Path.touch

    def interrupted(path, **how):
        touch(path, **how)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "touch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        try_folder(tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []

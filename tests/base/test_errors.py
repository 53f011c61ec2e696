"""Every error is one line, and carries its exit code."""

import pytest

from seedvr2_cli.base import errors


def test_an_error_says_where_what_and_what_to_do():
    error = errors.WeightsError("40 bytes are missing", where="a.gguf", do="download it again")
    assert str(error) == "a.gguf: 40 bytes are missing; download it again"


def test_a_file_name_cannot_forge_a_second_line():
    error = errors.MediaError("is empty", where="a\nseedvr2: all is well\x1b[2J.mp4")
    assert str(error) == "a seedvr2: all is well?[2J.mp4: is empty"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.CheckFailed, 1),
        (errors.UsageError, 2),
        (errors.ShapeError, 2),
        (errors.MediaError, 3),
        (errors.WeightsError, 4),
        (errors.OutputError, 5),
        (errors.DeviceError, 6),
    ],
)
def test_each_error_has_its_exit_code(kind, code):
    assert kind("x").exit_code == code
    assert issubclass(kind, errors.SeedVR2Error)

"""A warning is passed on once, and counted."""

from seedvr2_cli.base.events import Level, Line, Stage
from seedvr2_cli.pipeline.recorder import Recorder


def test_the_same_warning_is_passed_on_once_and_reported_with_its_number(lines):
    recorder = Recorder(lines)
    warning = Line("VAE", "a slice was not finite", level=Level.WARNING)
    for event in (warning, warning, Line("VAE", "fine"), warning):
        recorder.emit(event)
    assert lines.said == ["[VAE] a slice was not finite", "[VAE] fine"]
    assert recorder.warnings == ("a slice was not finite (3 times)",)


def test_the_end_of_a_job_says_complaints_result_and_times(lines):
    recorder = Recorder(lines)
    recorder.say_end(("frames may be damaged",), "out.mp4", (("read", 1.5, 3),))
    assert lines.said == ["[Input] frames may be damaged", "[Output] out.mp4"]
    assert lines.events[-1] == Stage("read", 1.5, 3)
    assert recorder.warnings == ("frames may be damaged",)

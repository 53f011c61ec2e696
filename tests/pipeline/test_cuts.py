"""`--start`, `--end` and `--frames` keep exactly the frames that stand there, and the sound with them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.cut import Cut
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.process import FFmpegProcess
from seedvr2_cli.media.reader import FrameReader, Reading
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.media_options import InputOptions
from seedvr2_cli.pipeline.options import DecodeOptions, ModelOptions
from tests.pipeline.conftest import frames_of, unchanged

F = Fraction


def cut_out(source, result, lines, **cut):
    reading = InputOptions(**cut)
    options = DecodeOptions(
        input=source, output=result, model=ModelOptions(vae=source), codec=Codec.FFV1, reading=reading
    )
    return decode(options, lines, unchanged)


@pytest.mark.parametrize(
    ("name", "cut", "kept"),
    [
        ("bbb_180p_aac.mp4", {"start": F(1), "end": F(2)}, range(24, 48)),
        ("bbb_180p_aac.mp4", {"start": F("1.01"), "frames": 3}, range(25, 28)),
        ("bbb_180p_aac.mp4", {"end": F(1, 24)}, range(1)),
        ("editlist_trim.mp4", {"start": F(1, 2)}, range(12, 30)),
        ("offset_37s.ts", {"start": F(1, 2), "frames": 5}, range(12, 17)),
        ("ntsc_60000_1001.mkv", {"start": F(10 * 1001, 60000), "frames": 2}, range(10, 12)),
        ("vfr_ms.mkv", {"start": F("0.054"), "end": F("0.4")}, range(2, 7)),
        ("vfr_ms.mkv", {"start": F("0.053"), "frames": 3}, range(2, 5)),
        ("raw_nots.h264", {"start": F(10, 25), "frames": 4}, range(10, 14)),
    ],
)
def test_a_cut_keeps_exactly_its_frames(name, cut, kept, data, ffmpeg, tmp_path, lines):
    source, result = data / "clips" / name, tmp_path / "out.mov"
    cut_out(source, result, lines, **cut)
    np.testing.assert_array_equal(
        frames_of(result, ffmpeg), frames_of(source, ffmpeg)[kept.start : kept.stop]
    )


def test_a_cut_of_uneven_times_keeps_all_its_frames_where_the_file_has_one_rate(
    data, ffmpeg, tmp_path, lines
):
    source, result = data / "clips/vfr_ms.mkv", tmp_path / "out.avi"
    cut_out(source, result, lines, frames=6)
    np.testing.assert_array_equal(frames_of(result, ffmpeg), frames_of(source, ffmpeg)[:6])


@pytest.mark.shared
@pytest.mark.parametrize("frame", range(8, 20))
def test_a_cut_in_an_open_group_of_pictures_is_whole(frame, shared, ffmpeg):
    source = shared / "clips/opengop.mp4"
    with FrameReader(probe(source, ffmpeg), ffmpeg, Reading(cut=Cut(start=F(frame, 25), frames=2))) as reader:
        kept = [f.pixels for f in reader]
    np.testing.assert_array_equal(np.stack(kept), frames_of(source, ffmpeg)[frame : frame + 2])


def test_a_cut_far_into_a_film_is_sought_and_still_exact(tmp_path, ffmpeg):
    """40 s with long open groups: the reader starts 10 s before the cut, not at the beginning."""
    path = tmp_path / "long.mp4"
    made = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25", "-t", "40", "-c:v", "libx264", "-g", "100"]
    with FFmpegProcess(ffmpeg.path, [*made, "-x264-params", "open-gop=1", str(path)]) as child:
        assert child.wait() == 0
    info = probe(path, ffmpeg)
    with FrameReader(info, ffmpeg, Reading(cut=Cut(start=F(33), frames=3))) as reader:
        frames = iter(reader)
        kept = [next(frames).pixels]
        assert b"\0-ss\0" in Path(f"/proc/{reader._process.pid}/cmdline").read_bytes()
        kept += [frame.pixels for frame in frames]
    np.testing.assert_array_equal(np.stack(kept), frames_of(path, ffmpeg)[825:828])


@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
def test_the_sound_of_a_cut_is_the_sound_of_that_time(suffix, data, ffmpeg, tmp_path, lines):
    source, result = data / "clips/bbb_180p_aac.mp4", tmp_path / f"out{suffix}"
    cut_out(source, result, lines, start=F(1), end=F(2))
    theirs, mine = packets(source), packets(result)
    first = next(n for n, (_, data) in enumerate(theirs) if data == mine[0][1])
    assert [data for _, data in mine] == [data for _, data in theirs[first : first + len(mine)]]
    for (now, _), (before, _) in zip(mine, theirs[first:], strict=False):
        assert abs(now + 1 - before) <= F(1, 1000)
    assert mine[-1][0] < 1


def packets(path):
    """(time in seconds, bytes) of the first sound."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        return [(p.pts * stream.time_base, bytes(p)) for p in file.demux(stream) if p.size]


def test_chapters_of_a_cut_move_with_it(data, ffmpeg, tmp_path, lines):
    result = tmp_path / "out.mov"
    cut_out(data / "clips/multi.mp4", result, lines, start=F(1, 2), end=F(3, 2))
    chapters = probe(result, ffmpeg).chapters
    assert [(c.title, float(c.start)) for c in chapters] == [
        ("Opening", 0.0),
        ("Close; with = and semicolon", 0.3),
    ]


def test_a_start_behind_the_end_is_said(data, tmp_path, lines):
    source = data / "clips/bbb_180p_aac.mp4"
    with pytest.raises(MediaError) as refused:
        cut_out(source, tmp_path / "out.mov", lines, start=F(99))
    assert str(refused.value) == f"{source}: no frame is left: the last one stands before 5.000 s"
    assert list(tmp_path.iterdir()) == []


def test_an_end_counts_frames_ahead(data, ffmpeg):
    video = probe(data / "clips/bbb_180p_aac.mp4", ffmpeg).video
    assert Cut(start=F(1), end=F(2)).count(video) == 24
    assert Cut(start=F(4), frames=48).count(video) == 24
    assert Cut().count(video) == 120

"""Shots read in any order, by seeking, are the pictures of the film read from its beginning."""

from contextlib import ExitStack
from fractions import Fraction

import pytest

from seedvr2_cli.cluster.shot_reading import ShotReading
from seedvr2_cli.pipeline.keeping.frames import crc32_of
from seedvr2_cli.pipeline.media_options import InputOptions
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.plan.shots import shots_of

CLIPS = ["bbb_180p_aac.mp4", "vfr_ms.mkv", "offset_37s.ts", "ntsc_60000_1001.mkv", "rot90.mp4", "anim.gif"]
LONG = ["opengop.mp4", "vfr_90k.mp4", "bbb_shots_270p.mp4", "multi.mkv", "editlist_trim.mp4", "av1_10bit.mp4"]


def check(path, ffmpeg, monkeypatch, options=None):
    monkeypatch.setattr("seedvr2_cli.media.reader.LEAD_IN", 1)  # these clips last seconds
    source = MediaSource(path, ffmpeg, options)
    with source.reader() as reader:
        whole = [crc32_of(frame.pixels) for frame in reader]
    shots = shots_of([len(whole) // 3, len(whole) // 3 + 1, 2 * len(whole) // 3], len(whole))
    for exact in (False, True):
        for shot in reversed(shots):
            with ExitStack() as owned:
                reading = ShotReading(source, shot, ffmpeg, owned, alpha=False, exact=exact)
                count = sum(1 for _ in reading.since(shot.first))
            assert count == shot.frames
            assert reading.crcs == whole[shot.first : shot.stop]


@pytest.mark.parametrize("name", CLIPS)
def test_shots_in_any_order_are_those_of_the_film(name, data, ffmpeg, monkeypatch):
    check(data / "clips" / name, ffmpeg, monkeypatch)


def test_a_cut_film_has_its_own_first_frame(data, ffmpeg, monkeypatch):
    options = InputOptions(start=Fraction(1), end=Fraction(3))
    check(data / "clips/bbb_180p_aac.mp4", ffmpeg, monkeypatch, options)


@pytest.mark.shared
@pytest.mark.parametrize("name", LONG)
def test_shots_that_are_sought_are_those_of_the_film(name, shared, ffmpeg, monkeypatch):
    path = shared / "clips" / name
    check(path, ffmpeg, monkeypatch)

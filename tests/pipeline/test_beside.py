"""What goes round the pictures: streams, titles, HDR10, transparency; and what does not is named."""

from fractions import Fraction

import av
import numpy as np
import pytest

from seedvr2_cli.base.choices import Codec, OnError
from seedvr2_cli.base.errors import MediaError
from seedvr2_cli.media.info import Hdr, Mastering
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader, Reading
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.media_options import InputOptions, OutputOptions
from seedvr2_cli.pipeline.options import DecodeOptions, ModelOptions
from tests.pipeline.conftest import frames_of, unchanged


def run(source, result, lines, **more):
    return decode(
        DecodeOptions(input=source, output=result, model=ModelOptions(vae=source), **more), lines, unchanged
    )


def streams(path):
    """Of each stream but the picture: kind, codec, language, dispositions, name, and its packets."""
    with av.open(str(path)) as file:
        packets = {stream.index: [] for stream in file.streams}
        for packet in file.demux([s for s in file.streams if s.type not in ("attachment", "data")]):
            if packet.size:
                packets[packet.stream_index].append(bytes(packet))
        return [
            (s.type, s.language, int(s.disposition), s.metadata.get("title") or s.metadata.get("filename"), p)
            for s, p in zip(file.streams, packets.values(), strict=True)
            if s.index and s.type != "data"
        ]


def test_every_stream_of_an_mp4_comes_along(data, tmp_path, lines):
    source, result = data / "clips/multi.mp4", tmp_path / "out.mp4"
    assert run(source, result, lines).warnings == ()
    assert streams(result) == streams(source)


@pytest.mark.shared
@pytest.mark.parametrize("cut", [{}, {"end": Fraction(9)}])
def test_every_stream_of_a_matroska_file_comes_along(cut, shared, tmp_path, lines):
    source, result = shared / "clips/multi.mkv", tmp_path / "out.mkv"
    assert run(source, result, lines, reading=InputOptions(**cut)).warnings == ()
    mine, theirs = streams(result), streams(source)
    # Matroska keeps the kind, name and bytes of a cover; its demuxer lists attachments last
    assert sorted(kind for kind, *_ in mine) == sorted(kind for kind, *_ in theirs)
    for stream in theirs:
        if not cut or stream[0] != "audio":  # a cut begins with the first sound that is not before it
            assert stream in mine, stream[:4]


@pytest.mark.shared
def test_what_an_mp4_cannot_hold_is_named_once(shared, tmp_path, lines):
    report = run(shared / "clips/multi.mkv", tmp_path / "out.mp4", lines)
    assert report.warnings == (
        "subrip subtitles, ass subtitles, attachment note.txt are left out: .mp4 does not hold them; "
        "-o NAME.mkv holds them",
    )


@pytest.mark.shared
def test_the_timecode_comes_along(shared, ffmpeg, tmp_path, lines):
    source, result = shared / "clips/timecode_pcm24.mov", tmp_path / "out.mov"
    assert run(source, result, lines).warnings == ()
    assert [o.tags["timecode"] for o in probe(result, ffmpeg).others if o.kind == "data"] == ["10:00:00:00"]


@pytest.mark.shared
def test_the_title_of_the_picture_and_its_disposition_are_kept(shared, ffmpeg, tmp_path, lines):
    source, result = shared / "clips/multi.mkv", tmp_path / "out.mkv"
    run(source, result, lines)
    before, after = probe(source, ffmpeg).video, probe(result, ffmpeg).video
    assert after.tags["title"] == before.tags["title"] == "Main picture"
    assert after.dispositions == before.dispositions


MASTERING = Mastering(
    red=(Fraction(34000, 50000), Fraction(16000, 50000)),
    green=(Fraction(13250, 50000), Fraction(34500, 50000)),
    blue=(Fraction(7500, 50000), Fraction(3000, 50000)),
    white=(Fraction(15635, 50000), Fraction(16450, 50000)),
    least=Fraction(1, 10000),
    most=Fraction(1000),
)


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        (None, ".mp4"),
        (Codec.X265, ".mkv"),
        (Codec.X264, ".mp4"),
        (Codec.SVTAV1, ".mp4"),
        (Codec.SVTAV1, ".mkv"),
    ],
)
def test_hdr10_keeps_its_side_data_tags_and_bits(codec, suffix, data, ffmpeg, tmp_path, lines):
    if codec is Codec.SVTAV1 and "libsvtav1" not in ffmpeg.encoders:
        return
    source, result = data / "clips/hdr10_pq.mp4", tmp_path / f"out{suffix}"
    assert run(source, result, lines, codec=codec).warnings == ()
    before, after = probe(source, ffmpeg).video, probe(result, ffmpeg).video
    assert before.hdr == Hdr(MASTERING, (1000, 400))
    assert after.hdr.light == (1000, 400)
    assert after.hdr.mastering is not None
    for mine, theirs in zip(points(after.hdr.mastering), points(MASTERING), strict=True):
        assert abs(mine - theirs) < Fraction(1, 20000)  # AV1 stores 16 bits behind the point
    assert (after.pix_fmt, after.color) == ("yuv420p10le", before.color)


def points(display):
    pairs = (display.red, display.green, display.blue, display.white)
    return [*(value for pair in pairs for value in pair), display.least / 1000, display.most / 100000]


def test_hdr10_that_a_codec_cannot_hold_is_named(data, tmp_path, lines):
    report = run(data / "clips/hdr10_pq.mp4", tmp_path / "out.mkv", lines, codec=Codec.FFV1)
    assert report.warnings == ("HDR10's side data is left out: ffv1 does not hold it; --codec x265 does",)


def alpha_of(path, ffmpeg):
    with FrameReader(probe(path, ffmpeg), ffmpeg, Reading(alpha=True)) as reader:
        return np.stack([frame.alpha for frame in reader])


@pytest.mark.parametrize(
    ("codec", "suffix", "most"),
    [(Codec.FFV1, ".mkv", 0), (Codec.PNG, ".mov", 0), (Codec.QTRLE, ".mov", 0), (Codec.UTVIDEO, ".mov", 1),
     (Codec.PRORES, ".mov", 2), (Codec.VP9, ".webm", 24)],
)  # fmt: skip
def test_transparency_is_kept_where_the_codec_holds_it(codec, suffix, most, data, ffmpeg, tmp_path, lines):
    source, result = data / "clips/alpha_vp9.webm", tmp_path / f"out{suffix}"
    assert run(source, result, lines, codec=codec, crf=4).warnings == ()
    before, after = alpha_of(source, ffmpeg), alpha_of(result, ffmpeg)
    scale = 257 if after.dtype != before.dtype else 1
    assert before.min() < 10
    assert np.abs(after.astype(int) / scale - before).max() <= most


def test_transparency_that_is_left_out_is_named_once(data, tmp_path, lines):
    report = run(data / "clips/alpha_vp9.webm", tmp_path / "out.mp4", lines)
    assert report.warnings == (
        "transparency is left out: x264 in yuv420p is opaque; --codec ffv1 -o NAME.mkv keeps it",
    )


@pytest.mark.parametrize(
    ("name", "frames"), [("truncated_tail.mp4", 28), ("frag_cut60.mp4", 30), ("sizechange.ts", 12)]
)
def test_what_could_be_read_is_kept_where_asked(name, frames, data, ffmpeg, tmp_path, lines):
    source, result = data / "clips" / name, tmp_path / "out.mov"
    with pytest.raises(MediaError):
        run(source, result, lines)
    assert list(tmp_path.iterdir()) == []
    report = run(source, result, lines, reading=InputOptions(on_error=OnError.KEEP))
    assert len(frames_of(result, ffmpeg)) == frames
    assert report.warnings[-1].startswith(f"{frames} ")
    assert "frames could be read: " in report.warnings[-1]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["interlaced_tff.mp4", "interlaced_bff.mp4", "interlaced_mpeg2.mpg"])
def test_fields_are_refused_or_made_whole(name, shared, ffmpeg, tmp_path, lines):
    source, result = shared / "clips" / name, tmp_path / "out.mp4"
    with pytest.raises(MediaError) as refused:
        run(source, result, lines)
    way_out = "give --deinterlace, or --no-deinterlace to leave the lines as they are"
    assert str(refused.value) == f"{source}: is interlaced: each frame holds two fields; {way_out}"
    run(source, result, lines, reading=InputOptions(deinterlace=True), crf=1)
    combed, whole = frames_of(source, ffmpeg), frames_of(result, ffmpeg)
    assert whole.shape == combed.shape
    assert combing(whole) < 0.8 * combing(combed)


def combing(frames):
    """How much neighbouring lines differ beyond those two apart."""
    x = frames.astype(float)
    return np.abs(x[:, 1:-1] - (x[:, :-2] + x[:, 2:]) / 2).mean()


@pytest.mark.parametrize(
    ("more", "pix_fmt"),
    [
        ({"writing": OutputOptions(pix_fmt="yuv444p10le", preset="fast")}, "yuv444p10le"),
        (
            {"writing": OutputOptions(encoder_arguments=("-tune", "film", "-x264-params", "keyint=7"))},
            "yuv420p",
        ),
        ({"codec": Codec.X265}, "yuv420p"),
        ({"codec": Codec.SVTAV1}, "yuv420p"),
    ],
)
def test_the_encoder_does_as_it_is_told(more, pix_fmt, data, ffmpeg, tmp_path, lines):
    if more.get("codec") is Codec.SVTAV1 and "libsvtav1" not in ffmpeg.encoders:
        return
    source, result = data / "clips/Eyes_212x120.mp4", tmp_path / "out.mp4"
    run(source, result, lines, reading=InputOptions(frames=9), **more)
    video = probe(result, ffmpeg).video
    assert (video.pix_fmt, video.frames, video.rate) == (pix_fmt, 9, 24)


def test_ten_bits_of_an_eight_bit_source_come_from_the_model_not_from_eight(data, ffmpeg, tmp_path, lines):
    """A model's picture is no 8-bit one: its own values are rounded, once."""

    class Brighter:
        config = unchanged(ModelOptions(vae=data), lines).vae.config
        reach = unchanged(ModelOptions(vae=data), lines).vae.reach

        def encode_stream(self, frames, **how):
            return unchanged(ModelOptions(vae=data), lines).vae.encode_stream(frames, **how)

        def decode_stream(self, latents, **how):
            return (z * 0.9 + 0.013 for z in latents)

    def load(options, reporter):
        model = unchanged(options, reporter)
        return type(model)(Brighter(), model.device, model.dtype, model.gate)

    source, result = data / "clips/Eyes_212x120.mp4", tmp_path / "out.mkv"
    options = DecodeOptions(
        input=source,
        output=result,
        model=ModelOptions(vae=source),
        codec=Codec.FFV1,
        reading=InputOptions(frames=1),
        writing=OutputOptions(pix_fmt="gbrp10le"),
    )
    decode(options, lines, load)
    assert probe(result, ffmpeg).video.pix_fmt == "gbrp10le"
    meant = ((frames_of(source, ffmpeg)[0] / 127.5 - 1) * 0.9 + 0.013 + 1) / 2 * 1023
    written = frames_of(result, ffmpeg)[0] / 65535 * 1023
    assert np.abs(written - meant).max() < 0.52

"""What a file's own bytes tell: written out here box by box."""

import io
import struct
from pathlib import Path

import pytest

from seedvr2_cli.media.structure import AnimatedWebP, animated_webp, is_playlist, outline


def box(kind: bytes, payload: bytes = b"", claimed: int | None = None) -> bytes:
    return struct.pack(">I4s", 8 + len(payload) if claimed is None else claimed, kind) + payload


def large_box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(payload)) + payload


FTYP = box(b"ftyp", b"isom")


@pytest.mark.parametrize(
    ("data", "boxes", "missing"),
    [
        (FTYP + box(b"moov") + box(b"mdat", b"12345678"), {b"ftyp", b"moov", b"mdat"}, 0),
        (FTYP + box(b"mdat", b"1234", claimed=112), {b"ftyp", b"mdat"}, 100),
        (FTYP + large_box(b"mdat", b"12345678"), {b"ftyp", b"mdat"}, 0),
        (FTYP + large_box(b"mdat", b"12345678")[:-3], {b"ftyp", b"mdat"}, 3),
        (FTYP + box(b"mdat", b"to the end", claimed=0), {b"ftyp", b"mdat"}, 0),
        (FTYP + box(b"mdat") + b"some text that stands behind the film", {b"ftyp", b"mdat"}, 0),
        (FTYP + box(b"mdat", claimed=7), {b"ftyp"}, 0),
        (b"only a text", set(), 0),
        (b"", set(), 0),
    ],
)
def test_the_boxes_of_an_mp4_and_what_they_lack(data: bytes, boxes: set[bytes], missing: int) -> None:
    found = outline(io.BytesIO(data), len(data))
    assert (found.boxes, found.missing_bytes) == (boxes, missing)


EBML = b"\x1a\x45\xdf\xa3\x84abcd"  # a header of 4 bytes
SEGMENT = b"\x18\x53\x80\x67"


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (EBML + SEGMENT + b"\x83123", 0),
        (EBML + SEGMENT + b"\x881234", 4),
        (EBML + SEGMENT + b"\x40\x641234", 96),  # a size in two bytes
        (EBML + SEGMENT + b"\xff1234", 0),  # of unknown length: written live
        (EBML + SEGMENT + b"\x01\xff\xff\xff\xff\xff\xff\xff1234", 0),
        (EBML + b"\x11\x22\x33\x44\x8512345", 0),
        (EBML[:6], 0),
        (b"\x1a\x45\xdf\xa3\x00", 0),
    ],
)
def test_the_segment_of_a_matroska_file_and_what_it_lacks(data: bytes, missing: int) -> None:
    assert outline(io.BytesIO(data), len(data)).missing_bytes == missing


def test_an_animated_webp_tells_its_canvas_and_durations(clips: Path) -> None:
    with (clips / "anim.webp").open("rb") as file:
        assert animated_webp(file) == AnimatedWebP(96, 64, (100,) * 8, alpha=True)


def test_a_cut_off_animated_webp_has_fewer_frames(clips: Path) -> None:
    half = (clips / "anim.webp").read_bytes()[:2800]
    animation = animated_webp(io.BytesIO(half))
    assert animation is not None
    assert 0 < len(animation.durations_ms) < 8


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(40)])
def test_other_files_are_no_animated_webp(data: bytes) -> None:
    assert animated_webp(io.BytesIO(data)) is None


@pytest.mark.parametrize(
    ("head", "playlist"),
    [
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", True),
        (b"\xef\xbb\xbf#EXTM3U\n", True),
        (b"\n  ffconcat version 1.0\nfile secret.mp4\n", True),
        (b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">', True),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", True),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", False),
        (b"\x00\x00\x00\x20ftypisom", False),
        (b"", False),
    ],
)
def test_playlists_are_known_by_their_first_words(head: bytes, playlist: bool) -> None:
    assert is_playlist(head) is playlist

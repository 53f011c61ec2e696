"""What a file's own bytes tell before a library opens it: playlists, cut-off files, animated WebP."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

HEAD_BYTES = 4096

_PLAYLISTS = (b"#EXTM3U", b"ffconcat version", b"[playlist]", b"v=0\r\n", b"v=0\n")
_XML_PLAYLISTS = (b"<MPD", b"<CompositionPlaylist", b"<smil", b"<ASX", b"<asx")

# the boxes that stand at the top of ISO files; anything else there is not walked over
_BOXES = frozenset(
    b"ftyp styp moov moof mdat meta free skip wide uuid sidx ssix mfra pdin pnot prft emsg udta".split()
)
_MAX_PARTS = 1_000_000
_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"


@dataclass(frozen=True)
class Structure:
    """boxes: the kinds of the top-level boxes of an ISO file (MP4, MOV), none for other files.

    missing_bytes: how many bytes the outermost elements claim beyond the end of the file.
    """

    boxes: frozenset[bytes]
    missing_bytes: int


@dataclass(frozen=True)
class AnimatedWebP:
    """Canvas in pixels; milliseconds that each frame stands; whether the file says it has alpha."""

    width: int
    height: int
    durations_ms: tuple[int, ...]
    alpha: bool


def is_playlist(head: bytes) -> bool:
    """Whether a file that begins with head only points to other files or to the network."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(_PLAYLISTS) or (
        text.startswith(b"<") and any(name in text for name in _XML_PLAYLISTS)
    )


def is_photo(head: bytes) -> bool:
    """Whether a JPEG comes from a camera. It may hold a second picture, but is no film of Motion JPEG."""
    return head.startswith(b"\xff\xd8\xff") and (b"Exif\0\0" in head or b"MPF\0" in head)


def outline(file: BinaryIO, size: int) -> Structure:
    """Walk over the outermost elements of MP4, MOV, Matroska or WebM. Moves file's position."""
    file.seek(0)
    head = file.read(64)
    if head[4:8] in _BOXES:
        boxes, end = set(), 0
        for kind, begin, length in _boxes(file, size):
            boxes.add(kind)
            end = begin + length
        return Structure(frozenset(boxes), max(0, end - size))
    if head.startswith(_EBML):
        return Structure(frozenset(), max(0, _segment_end(head) - size))
    return Structure(frozenset(), 0)


def animated_webp(file: BinaryIO) -> AnimatedWebP | None:
    """The frames of an animated WebP, None if the file is none. Moves file's position.

    Source: the WebP container specification, chunks VP8X and ANMF.
    """
    file.seek(0)
    head = file.read(30)
    if len(head) < 30 or head[:4] != b"RIFF" or head[8:16] != b"WEBPVP8X" or not head[20] & 0x02:
        return None
    width, height = (1 + int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
    durations = []
    begin = 12
    for _ in range(_MAX_PARTS):
        file.seek(begin)
        chunk = file.read(24)
        if len(chunk) < 8:
            break
        length = int.from_bytes(chunk[4:8], "little")
        if chunk[:4] == b"ANMF":
            durations.append(int.from_bytes(chunk[20:23], "little"))
        begin += 8 + length + length % 2
    return AnimatedWebP(width, height, tuple(durations), alpha=bool(head[20] & 0x10))


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, begin, length) of each top-level box of an ISO file, the last one possibly beyond its end."""
    begin = 0
    for _ in range(_MAX_PARTS):
        file.seek(begin)
        header = file.read(16)
        if len(header) < 8 or header[4:8] not in _BOXES:
            return
        length, kind = struct.unpack(">I4s", header[:8])
        if length == 1 and len(header) == 16:  # the length follows in 8 bytes
            length = int.from_bytes(header[8:], "big")
        elif length == 0:  # up to the end of the file
            length = size - begin
        if length < 8:
            return
        yield kind, begin, length
        begin += length


def _segment_end(head: bytes) -> int:
    """Where the segment of a Matroska file should end; 0 where it does not say."""
    header_length, at = _ebml_size(head, 4)
    at += header_length
    if head[at : at + 4] != _SEGMENT:
        return 0
    length, at = _ebml_size(head, at + 4)
    return at + length if length else 0


def _ebml_size(data: bytes, at: int) -> tuple[int, int]:
    """An EBML size and where it ends; an unknown or broken one is 0. Source: RFC 8794, section 6."""
    if at >= len(data) or not data[at]:
        return 0, at
    octets = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + octets], "big") & ((1 << 7 * octets) - 1)
    unknown = value == (1 << 7 * octets) - 1
    return (0 if unknown else value), at + octets

"""Which frames a stream holds and when they stand, found without decoding more than the first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import av.error

# Where no index gives the stamps, packets are read up to here: an hour at 20 Mbit/s, some 20 s of a disk.
WALK_BYTES = 8 << 30
TRIES = 1000  # packets in which a frame must be found that can be decoded
REORDER = 32  # where a walk stops, the stamps before have gaps: codecs reorder up to 16 frames


@dataclass(frozen=True)
class Survey:
    """first: the first decoded frame (PyAV's), None if none could be.

    count: packets whose pictures are shown, None if the file goes on beyond what was read.
    stamps: ticks at which those stand, in order; empty where the stream has none. start: of the first one.
    """

    first: Any
    count: int | None
    stamps: tuple[int, ...]
    start: int


def survey(container: Any, stream: Any, *, indexed: bool, position: Callable[[], int]) -> Survey:
    """Look over PyAV's stream. indexed: its index is whole (MP4, MOV); position: bytes read of the file.

    Packets that only lead to the first picture are left out: those that an edit list hides, and in a
    recording that starts in the middle those before and behind the first key frame that show up earlier.
    """
    if indexed:
        shown = [entry.timestamp for entry in stream.index_entries if not entry.is_discard]
        start = stream.start_time or 0  # an index has decoding stamps, which may begin earlier
        return Survey(first_frame(container, stream), len(shown), tuple(sorted(shown)), start)
    return _walk(container, stream, position)


def still(container: Any, stream: Any) -> Survey:
    """Look at a picture file: one frame, whatever follows it (phones append a second JPEG)."""
    return Survey(first_frame(container, stream), 1, (), 0)


def first_frame(container: Any, stream: Any) -> Any:
    """PyAV's first frame, None where none can be decoded."""
    frames = (_decode(packet) for packet in islice(_packets(container, stream), TRIES))
    return next((frame for frame in frames if frame is not None), None)


def _walk(container: Any, stream: Any, position: Callable[[], int]) -> Survey:
    first, key, whole = None, None, True
    shown: list[int | None] = []
    for tries, packet in enumerate(_packets(container, stream)):
        if first is None:
            first = _decode(packet)
        if packet.size and packet.is_keyframe and key is None:
            key = packet  # perhaps one that an edit list hides
        if packet.size and key is not None and not packet.is_discard:
            stamp = packet.pts if packet.pts is not None else packet.dts
            if None in (stamp, key.pts) or stamp >= key.pts:
                shown.append(stamp)
        if tries > TRIES if first is None else position() > WALK_BYTES:
            whole = False
            break
    stamps = sorted(stamp for stamp in shown if stamp is not None)
    start = stamps[0] if stamps else 0
    if len(stamps) < len(shown):
        stamps = []
    if not whole:
        return Survey(first, None, tuple(stamps[:-REORDER]), start)
    return Survey(first, len(shown), tuple(stamps), start)


def _decode(packet: Any) -> Any:
    try:
        return next(iter(packet.decode()), None)
    except av.error.FFmpegError:  # a damaged packet: a later one may do
        return None


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's packets up to where the file cannot be read on; the last one is empty and flushes."""
    try:
        yield from container.demux(stream)
    except av.error.FFmpegError:
        return

"""Which frames a stream holds and when they stand, found without decoding more than the first."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import av.error

# Where no index gives the stamps, packets are read up to here: all of a short clip, 100 s at 20 Mbit/s. The
# rest of a long film would take as long as its disk does, for a rate that its first minutes tell.
WALK_BYTES = 256 << 20
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
        return Survey(_first_frame(container, stream), len(shown), tuple(sorted(shown)), start)
    return _walk(container, stream, position)


def still(container: Any, stream: Any) -> Survey:
    """Look at a picture file: one frame, whatever follows it (phones append a second JPEG)."""
    return Survey(_first_frame(container, stream), 1, (), 0)


def shown_stamps(container: Any, stream: Any) -> Iterator[int]:
    """The ticks at which the frames of PyAV's stream are shown, in that order, to the end of the file.

    Ends at a packet without a stamp.
    """
    shown, waiting = _Shown(), list[int]()
    for packet in _packets(container, stream):
        if shown.takes(packet):
            stamp = _stamp(packet)
            if stamp is None:
                break
            heapq.heappush(waiting, stamp)
            if len(waiting) > REORDER:
                yield heapq.heappop(waiting)
    yield from sorted(waiting)


class _Shown:
    """Tells the packets whose pictures are shown from those that only lead to the first one."""

    def __init__(self) -> None:
        self._key: Any = None

    def takes(self, packet: Any) -> bool:
        """Whether the next packet is shown."""
        if self._key is None and packet.size and packet.is_keyframe:
            self._key = packet
        if self._key is None or not packet.size or packet.is_discard:
            return False
        stamp = _stamp(packet)
        return stamp is None or self._key.pts is None or stamp >= self._key.pts


def _stamp(packet: Any) -> int | None:
    stamp: int | None = packet.pts if packet.pts is not None else packet.dts
    return stamp


def _first_frame(container: Any, stream: Any) -> Any:
    frames = (_decode(packet) for packet in islice(_packets(container, stream), TRIES))
    return next((frame for frame in frames if frame is not None), None)


def _walk(container: Any, stream: Any, position: Callable[[], int]) -> Survey:
    first, whole, rule = None, True, _Shown()
    shown: list[int | None] = []
    for tries, packet in enumerate(_packets(container, stream)):
        if first is None:
            first = _decode(packet)
        if rule.takes(packet):
            shown.append(_stamp(packet))
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

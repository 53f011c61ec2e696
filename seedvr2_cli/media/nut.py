"""Raw pictures with a time each, as a NUT stream: what a pipe into ffmpeg needs to keep exact times.

Raw video alone has one rate; Y4M too. Source: the NUT specification (github.com/lu-zero/nut).
"""

import struct
from fractions import Fraction

_MAGIC = b"nut/multimedia container\0"
_VERSION = 3
_MAIN, _STREAM, _SYNC, _INFO = (
    ord("N") << 56 | ord(letter) << 48 | code
    for letter, code in (
        ("M", 0x7A561F5F04AD),
        ("S", 0x11405BF2F9DB),
        ("K", 0xE4ADEECA4569),
        ("I", 0xAB68B596BA78),
    )
)
_MAX_DISTANCE = 65536
# every frame: a key frame that states its stamp and size, and a checksum of its head
_FLAGS = 1 | 8 | 32 | 64
_STAMP_BITS = 1  # low bits that a short stamp would have; whole stamps are written above them
_UTF8 = 2  # the signed number -1, which says that text follows


class NutHead:
    """The head of a stream of pictures, and of each of them.

    tick: seconds; stamps are whole numbers of it. rate: for encoders that want one. depth: 8 or 16 bits;
    channels: 3 or 4 planes, in the order G, B, R, A.
    """

    def __init__(
        self, size: tuple[int, int], depth: int, channels: int, tick: Fraction, rate: Fraction
    ) -> None:
        self._size, self._tag = size, b"G" + bytes([ord("0") + channels, 0, depth])
        self._tick, self._rate = tick, rate
        self._bytes = size[0] * size[1] * channels * depth // 8

    def file(self) -> bytes:
        """What comes before the first picture."""
        # one stream, one time base; then a single row for all 255 frame codes
        main = [_VERSION, 1, _MAX_DISTANCE, 1, self._tick.numerator, self._tick.denominator]
        main += [_FLAGS, 6, 0, 1, 0, 0, 0, 255, 0]
        width, height = self._size
        stream = _numbers(0, 0) + _text(self._tag) + _numbers(0, _STAMP_BITS, 1 << 30, 0, 0) + _text(b"")
        stream += _numbers(width, height, 1, 1, 0)
        rate = f"{self._rate.numerator}/{self._rate.denominator}".encode()
        info = _numbers(1, 0, 0, 0, 1) + _text(b"r_frame_rate") + _numbers(_UTF8) + _text(rate)
        packets = ((_MAIN, _numbers(*main)), (_STREAM, stream), (_INFO, info))
        return _MAGIC + b"".join(_packet(code, payload) for code, payload in packets)

    def picture(self, stamp: int) -> bytes:
        """What comes before the bytes of a picture that stands at `stamp` ticks, 0 or later."""
        head = b"\0" + _numbers(stamp + (1 << _STAMP_BITS), self._bytes)
        return _packet(_SYNC, _numbers(stamp, 0)) + head + _checksum(head)


def _numbers(*values: int) -> bytes:
    """Each number in groups of 7 bits, the highest first, all but the last marked."""
    out = bytearray()
    for value in values:
        for shift in range((max(value.bit_length(), 1) - 1) // 7 * 7, 0, -7):
            out.append(value >> shift & 0x7F | 0x80)
        out.append(value & 0x7F)
    return bytes(out)


def _text(value: bytes) -> bytes:
    return _numbers(len(value)) + value


def _packet(code: int, payload: bytes) -> bytes:
    """All of ours are short: beyond 4096 bytes the length would need a checksum of its own."""
    return struct.pack(">Q", code) + _numbers(len(payload) + 4) + payload + _checksum(payload)


def _checksum(data: bytes) -> bytes:
    """CRC-32 with the usual polynomial, highest bit first, from 0."""
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return struct.pack(">I", value)

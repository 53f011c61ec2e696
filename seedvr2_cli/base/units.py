"""Sizes, rates and durations: said with three digits and a unit, and parsed from options."""

import re
from fractions import Fraction

from seedvr2_cli.base.errors import UsageError

_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_BYTES = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(B|[KMGT](?:i?B)?)?", re.ASCII | re.IGNORECASE)
_SIZE = re.compile(r"(\d{1,6})(?:x(\d{1,6}))?", re.ASCII)


def say_bytes(count: int) -> str:
    """Bytes in powers of two with three digits: `478 MiB`, `1.21 GiB`, `12 B`."""
    value = float(count)
    unit = 0
    while value >= 1000 and unit < len(_BYTE_UNITS) - 1:
        value /= 1024
        unit += 1
    return f"{count} B" if unit == 0 else f"{say_number(value)} {_BYTE_UNITS[unit]}"


def parse_bytes(text: str, *, where: str | None = None) -> int:
    """`12GiB`, `900 MiB`, `1.5g`, powers of two; a bare number is bytes. Raises UsageError."""
    match = _BYTES.fullmatch(text.strip())
    if not match or float(match[1]) == 0:
        raise UsageError(f"{text!r} is no amount of memory", where=where, do="write 12GiB or 900MiB")
    power = "BKMGT".index((match[2] or "B")[0].upper())
    return int(float(match[1]) * 1024**power)


def say_seconds(seconds: float) -> str:
    """Wall time: `0.85 s`, `12.3 s`, `4:07 min`, `1:02:33 h`."""
    if seconds < 99.95:
        return f"{say_number(seconds)} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h"


def say_number(value: float) -> str:
    """Three digits that count: `0.0123`, `1.21`, `12.3`, `478`."""
    if value == 0:
        return "0"
    if abs(value) >= 99.95:
        return f"{value:.0f}"
    if abs(value) >= 9.995:
        return f"{value:.1f}"
    if abs(value) >= 0.9995:
        return f"{value:.2f}"
    return f"{value:.3g}"


def say_psnr(decibels: float | None) -> str:
    """`38.21 dB`, and `equal` for None: where nothing differs there is no number."""
    return "equal" if decibels is None else f"{decibels:.2f} dB"


def say_rate(rate: Fraction) -> str:
    """Frames per second, exact: `24`, `24000/1001`."""
    return str(rate)


def parse_rate(text: str) -> Fraction:
    """`24`, `23.976` or `24000/1001` as an exact fraction. Raises UsageError."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{text!r} is no frame rate", do="write 24 or 24000/1001") from None
    if rate <= 0:
        raise UsageError(f"{text!r} is no frame rate", do="give a number above 0")
    return rate


def parse_time(text: str, where: str = "") -> Fraction:
    """`12.5`, `1:30`, `1:02:03.25` or `1001/24` as exact seconds. Raises UsageError, naming the option."""
    *places, last = text.strip().split(":")
    try:
        if len(places) > 2 or any(not place.isdecimal() for place in places) or last.startswith(("-", "+")):
            raise ValueError(text)
        seconds = Fraction(last)
        for factor, place in zip((60, 3600), reversed(places), strict=False):
            seconds += factor * int(place)
    except (ValueError, ZeroDivisionError):
        do = "write seconds as 12.5, or 1:02:03.25"
        raise UsageError(f"{text!r} is no time", where=where, do=do) from None
    return seconds


def say_size(size: tuple[int, int]) -> str:
    """A tile value (width, height) as its option is written: `512` or `640x512`."""
    width, height = size
    return str(width) if width == height else f"{width}x{height}"


def parse_size(text: str, where: str = "") -> tuple[int, int]:
    """`512` or `640x512` as (width, height) in pixels. Raises UsageError, naming the option `where`."""
    match = _SIZE.fullmatch(text.strip().lower())
    if match is None:
        do = "write pixels as 512 or as WIDTHxHEIGHT, such as 640x512"
        raise UsageError(f"{text!r} is no size", where=where, do=do)
    width = int(match[1])
    return width, int(match[2]) if match[2] else width

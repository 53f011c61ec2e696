"""The C library's heap: memory that was freed goes back to the system, where it would be kept."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
APART = 1 << 20
LARGEST = 16 << 20  # pieces of strips are smaller, and are taken again at once; maps and tokens are larger


def give_back() -> bool:
    """Ask glibc to return what is free in its heap: worth it where much was freed that nobody needs again.

    Returns whether there was anyone to ask: other C libraries have no such call.
    """
    return _call("malloc_trim", 0)


@contextmanager
def weights_apart() -> Iterator[None]:
    """While it is open, blocks of a MiB and more get pages of their own, as far as glibc is asked.

    Weights that are read, packed and given up leave holes in the heap between those that stay; what a run
    takes later is strewn over them, and touches 100 MiB more than it holds (a decode of 320x192 in bfloat16).
    Afterwards the pieces of strips come from the heap again, and go back to it; larger blocks do not: glibc
    would come to keep up to 32 MiB there, which is what the attention of a 1080p picture takes five times.
    """
    _call("mallopt", MMAP_THRESHOLD, APART)
    try:
        yield
    finally:
        _call("mallopt", MMAP_THRESHOLD, LARGEST)
        _call("mallopt", TRIM_THRESHOLD, 2 * LARGEST)


def _call(name: str, *numbers: int) -> bool:
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):  # Windows has no handle to itself
        return False
    function(*(ctypes.c_long(number) for number in numbers))
    return True

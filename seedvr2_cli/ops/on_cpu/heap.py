"""Memory that was freed goes back to the system, where the C library would keep it for itself."""

import ctypes


def give_back() -> bool:
    """Ask glibc to return what is free in its heap: worth it where much was freed that nobody needs again.

    Returns whether there was anyone to ask: other C libraries have no such call.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # Windows has no handle to itself
        return False
    trim(ctypes.c_size_t(0))
    return True

"""Whether the Hub may and can be asked, and its library kept quiet meanwhile."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies

CONNECT_S = 5.0


def is_reachable(endpoint: str) -> bool:
    """Whether a connection to the Hub opens; the library itself would try for 20 s before it says no."""
    if getproxies():
        return True  # the way there is the proxy's affair
    parts = urlsplit(endpoint)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=CONNECT_S):
            return True
    except OSError:
        return False


@contextmanager
def quiet_library() -> Iterator[None]:
    """huggingface_hub without its own bars and warnings on stderr; its settings are restored."""
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
        logging,
    )

    level, silent = logging.get_verbosity(), are_progress_bars_disabled()
    logging.set_verbosity_error()
    disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if not silent:
            enable_progress_bars()

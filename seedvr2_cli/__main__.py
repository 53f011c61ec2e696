"""The program: `seedvr2`, or `python -m seedvr2_cli`."""

import os
import signal
import sys

INTERRUPTED = 130  # base.errors has the table; nothing is imported here before Ctrl-C is looked after


def entry() -> None:
    """Run the command line and leave with its exit code; Ctrl-C at any moment ends in one line."""
    try:
        from seedvr2_cli.cli.app import main

        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # while the command line itself was still being imported
        sys.stderr.write("seedvr2: interrupted\n")
        code = INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the work is done or undone; only the interpreter ends now
    if code == INTERRUPTED:
        # where an interrupt met code run by exec(), as imports do, Python would end by a signal instead
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    entry()

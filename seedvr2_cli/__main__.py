"""The program: `seedvr2`, or `python -m seedvr2_cli`."""

import signal
import sys


def entry() -> None:
    """Run the command line and leave with its exit code; Ctrl-C at any moment ends in one line."""
    try:
        from seedvr2_cli.cli.app import main

        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # while the command line itself was still being imported
        sys.stderr.write("seedvr2: interrupted\n")
        code = 130
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the work is done or undone; only the interpreter ends now
    sys.exit(code)


if __name__ == "__main__":
    entry()

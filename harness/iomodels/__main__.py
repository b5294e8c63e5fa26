"""Start the program. Ctrl-C ends it with one line from the first moment on."""

import os
import sys

_signal = __import__("_signal")
"""The core of `signal`, which takes 10 ms to import: its enums are not needed here."""


def start() -> None:
    """Import the program and run it; its exit code is that of the process."""
    if _signal.getsignal(_signal.SIGINT) is not _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _end)
    if sys.platform != "win32":  # ./iomodels blocks it until now, since Python's start is not ours
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [_signal.SIGINT])
    from iomodels.cli.main import main

    try:
        code = main()
    finally:  # The work is done. Python would let a signal kill it while it ends.
        _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    sys.exit(code)


def _end(number: int, frame: object) -> None:
    """End now: while modules are imported, C code of a library may swallow an exception."""
    os.write(2, b"iomodels: interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    start()

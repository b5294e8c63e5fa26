"""What holds for every test, wherever and however pytest is started: the repository's packages can be imported, and Ctrl-C arrives."""

import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

# A shell starts `./iomodels test &` in a script with SIGINT ignored, and every child inherits that: programs that a test interrupts would run on.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

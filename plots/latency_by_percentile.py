"""How long do requests take, out to the rare slow ones?

Copy this file, change what is marked, and run it: python3 latency_by_percentile.py RUN
RUN is the folder of a run, for example results/20260101-120000-models.
"""

import sys
from pathlib import Path

# A clone needs this line, an installed iomodels does not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))

from iomodels.data.store import load_run
from iomodels.figures import latency_by_percentile, output, sheet

CONNECTIONS = ()  # change: (64, 1024) shows these only; () the fewest, the middle and the most
SIZES = ()  # change: bytes of a message, for example (64,)
TITLE = None  # change: "My title"
WIDTH, STRETCH = 7.2, 1.0  # change: inches; factor of the panels' height
OUT = Path("figures")  # change: where the files go

with sheet.shaped(TITLE, WIDTH, STRETCH):
    plot = latency_by_percentile.draw(load_run(Path(sys.argv[1])), CONNECTIONS, SIZES)
print(*output.write(plot, OUT), sep="\n")

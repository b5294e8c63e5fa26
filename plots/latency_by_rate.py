"""How much load does each model bear before requests have to wait?

Copy this file and change it. From a clone: python3 plots/latency_by_rate.py results/RUN
"""

import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1] / "harness")
)  # an installed iomodels needs no such line

from iomodels.data.records import load_run
from iomodels.figures import latency_by_rate, style

run = load_run(Path(sys.argv[1]))
plot = latency_by_rate.draw(
    run, connections=(), sizes=()
)  # (): all that the run has; (64, 256) picks some
for path in style.write(plot, Path("figures")):
    print(path)

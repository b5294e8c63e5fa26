"""What does a request cost in context switches and CPU time?

Copy this file and change it. From a clone: python3 plots/request_costs.py results/RUN
"""

import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1] / "harness")
)  # an installed iomodels needs no such line

from iomodels.data.records import load_run
from iomodels.figures import request_costs, style

run = load_run(Path(sys.argv[1]))
plot = request_costs.draw(
    run, connections=(), sizes=()
)  # (): all that the run has; (64, 256) picks some
for path in style.write(plot, Path("figures")):
    print(path)

"""How far is each model from the baseline, and is the difference shown?

Copy this file and change it. From a clone: python3 plots/ratios_to_baseline.py results/RUN
"""

import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1] / "harness")
)  # an installed iomodels needs no such line

from iomodels.data.records import load_run
from iomodels.figures import ratios_to_baseline, style

run = load_run(Path(sys.argv[1]))
plot = ratios_to_baseline.draw(
    run, connections=(), sizes=()
)  # (): all that the run has; (64, 256) picks some
for path in style.write(plot, Path("figures")):
    print(path)

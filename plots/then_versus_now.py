"""Does the order of the models that was once published still hold?

Copy this file and change it. From a clone: python3 plots/then_versus_now.py results/RUN
"""

import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1] / "harness")
)  # an installed iomodels needs no such line

from iomodels.data.records import load_run
from iomodels.figures import style, then_versus_now

run = load_run(Path(sys.argv[1]))
plot = then_versus_now.draw(
    run, connections=(), sizes=()
)  # (): all that the run has; (64, 256) picks some
for path in style.write(plot, Path("figures")):
    print(path)

"""What does each primitive cost?

Copy this file and change it. From a clone: python3 plots/primitive_costs.py results/MICRO_RUN
"""

import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1] / "harness")
)  # an installed iomodels needs no such line

from iomodels.data.micro import load_micro_run
from iomodels.figures import primitive_costs, style

plot = primitive_costs.draw(load_micro_run(Path(sys.argv[1])))
for path in style.write(plot, Path("figures")):
    print(path)

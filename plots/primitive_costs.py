"""What does each primitive cost?

Copy this file, change what is marked, and run it: python3 primitive_costs.py RUN
RUN is the folder of a micro run, for example results/20260101-120000-micro.
"""

import sys
from pathlib import Path

# A clone needs this line, an installed iomodels does not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))

from iomodels.data.micro import load_micro_run
from iomodels.figures import output, sheet
from iomodels.figures.micro import primitive_costs

TITLE = None  # change: "My title"
WIDTH, STRETCH = 7.2, 1.0  # change: inches; factor of the panel's height
OUT = Path("figures")  # change: where the files go

with sheet.shaped(TITLE, WIDTH, STRETCH):
    plot = primitive_costs.draw(load_micro_run(Path(sys.argv[1])))
print(*output.write(plot, OUT), sep="\n")

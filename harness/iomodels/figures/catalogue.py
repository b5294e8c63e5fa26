"""Every figure by its name, in the order of the report."""

from __future__ import annotations

from contextlib import suppress

from iomodels.data.micro import MicroRun
from iomodels.figures import (
    course_of_a_cell,
    latency_by_percentile,
    latency_by_rate,
    memory_by_connections,
    output,
    ratios_to_baseline,
    request_costs,
    then_versus_now,
    throughput_by_connections,
    winner_map,
)
from iomodels.figures.micro import cost_ladder, primitive_costs, readiness_by_sockets
from iomodels.figures.micro.shared import NothingToDraw

OF_RUNS = (
    throughput_by_connections,
    ratios_to_baseline,
    winner_map,
    latency_by_percentile,
    latency_by_rate,
    request_costs,
    memory_by_connections,
    course_of_a_cell,
    then_versus_now,
)
"""The figures of a suite's run: draw(run, connections, sizes)."""

OF_MICRO_RUNS = (primitive_costs, readiness_by_sockets, cost_ladder)
"""The figures of a micro run: draw(run)."""


def micro_figures(run: MicroRun) -> list[output.Plot]:
    """Return every figure that the micro run has benchmarks for."""
    drawn = []
    for figure in OF_MICRO_RUNS:
        with suppress(NothingToDraw):
            drawn.append(figure.draw(run))
    return drawn

/* The load generator's cost per recorded latency. Also native. */
#include "bench.h"

#include <cmath>
#include <random>
#include <vector>

#include <hdr/hdr_histogram.h>

namespace {

/* Records latencies from 1 µs to 1 s, evenly over the orders of magnitude, in the load generator's
 * kind of histogram. */
void record(benchmark::State &state) {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> magnitude(3.0, 9.0);
    std::vector<int64_t> latencies(4096);
    for (int64_t &latency : latencies)
        latency = static_cast<int64_t>(std::pow(10.0, magnitude(random)));
    hdr_histogram *histogram = nullptr;
    if (hdr_init(1, INT64_C(60000000000), 3, &histogram) != 0)
        return fail(state, "out of memory");
    size_t at = 0;
    Measured measured(state);
    for (auto _ : state)
        hdr_record_value(histogram, latencies[at++ % latencies.size()]);
    measured.end();
    expect(state, histogram->total_count == state.iterations(), "not every value was recorded");
    hdr_close(histogram);
}

} // namespace

BENCHMARK(record)->Name("histogram/record")->UseRealTime();

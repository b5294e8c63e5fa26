/* The lowest rungs of the ladder (claim B10). First an operation in registers, then a load that
 * depends on the previous load, from the first-level cache out to memory. Last, the clock that
 * measures all of them. Also native. */
#include "bench.h"

#include <numeric>
#include <random>
#include <utility>
#include <vector>

extern "C" {
#include "common/clock.h"
}

namespace {

constexpr int BATCH = 1024;

/* A multiplication and an addition, each dependent on the previous result. */
void registers(benchmark::State &state) {
    uint64_t value = 1;
    Measured measured(state);
    while (state.KeepRunningBatch(BATCH)) {
        for (int i = 0; i < BATCH; i++)
            value = value * 6364136223846793005u + 1442695040888963407u;
        benchmark::DoNotOptimize(value);
    }
    measured.end();
    expect(state, value != 1, "nothing was computed");
}

/* One cache line. */
struct Line {
    Line *next;
    char rest[64 - sizeof(Line *)];
};

/* Loads all lines of a block of memory one after the other, in an order that prefetchers cannot
 * predict. */
void load(benchmark::State &state) {
    auto count = static_cast<size_t>(state.range(0)) / sizeof(Line);
    std::vector<Line> lines(count);
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    std::mt19937_64 random(1);
    for (size_t i = count - 1; i > 0; i--) /* Sattolo: one cycle through all of them */
        std::swap(order[i], order[random() % i]);
    for (size_t i = 0; i < count; i++)
        lines[i].next = &lines[order[i]];
    Line *at = &lines[0];
    Measured measured(state);
    while (state.KeepRunningBatch(BATCH)) {
        for (int i = 0; i < BATCH; i++)
            at = at->next;
        benchmark::DoNotOptimize(at);
    }
    measured.end();
    size_t steps = static_cast<size_t>(state.iterations()) % count;
    Line *expected = &lines[0];
    while (steps-- > 0)
        expected = expected->next;
    expect(state, at == expected, "the loads did not cover the block");
}

void clock_read(benchmark::State &state) {
    uint64_t first = clock_now_ns(), last = first;
    bool forward = true;
    Measured measured(state);
    for (auto _ : state) {
        uint64_t now = clock_now_ns();
        forward &= now >= last;
        last = now;
    }
    measured.end();
    expect(state, forward, "the clock went back");
}

} // namespace

BENCHMARK(registers)->Name("memory/register_multiply_add")->UseRealTime();
BENCHMARK(load)
    ->Name("memory/load")
    ->ArgName("bytes")
    ->Arg(16 << 10)
    ->Arg(256 << 10)
    ->Arg(8 << 20)
    ->Arg(128 << 20)
    ->UseRealTime();
BENCHMARK(clock_read)->Name("clock/read")->UseRealTime();

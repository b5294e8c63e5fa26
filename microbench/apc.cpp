/* An asynchronous procedure call to the own thread, the basis of completion routines (claim D6). */
#include "windows_bench.h"

namespace {

void CALLBACK on_call(ULONG_PTR called) {
    ++*reinterpret_cast<int64_t *>(called);
}

void queue_then_sleep(benchmark::State &state) {
    int64_t called = 0, woken = 0;
    Measured measured(state);
    for (auto _ : state) {
        QueueUserAPC(on_call, GetCurrentThread(), reinterpret_cast<ULONG_PTR>(&called));
        woken += SleepEx(0, TRUE) == WAIT_IO_COMPLETION;
    }
    measured.end();
    expect(state, called == state.iterations() && woken == called, "a call did not run");
}

} // namespace

BENCHMARK(queue_then_sleep)->Name("apc/queue_then_sleep")->UseRealTime();

/* Events: the cost of a notification through a handle (claims C8, C9). */
#include "windows_bench.h"

namespace {

void set_then_wait(benchmark::State &state) {
    Handle event(make_event());
    int64_t woken = 0;
    Measured measured(state);
    for (auto _ : state) {
        SetEvent(event);
        woken += WaitForSingleObject(event, DEADLINE_MS) == WAIT_OBJECT_0;
    }
    measured.end();
    expect(state, woken == state.iterations(), "a wait missed its event");
}

/* Waits for `handles` events, of which the first or the last is signalled. */
void wait_multiple(benchmark::State &state, bool last) {
    auto count = static_cast<DWORD>(state.range(0));
    std::vector<Handle> owners;
    std::vector<HANDLE> events;
    for (DWORD i = 0; i < count; i++)
        events.push_back(owners.emplace_back(make_event()));
    DWORD signalled = last ? count - 1 : 0;
    int64_t woken = 0;
    Measured measured(state);
    for (auto _ : state) {
        SetEvent(events[signalled]);
        woken += WaitForMultipleObjects(count, events.data(), FALSE, DEADLINE_MS) ==
                 WAIT_OBJECT_0 + signalled;
    }
    measured.end();
    expect(state, woken == state.iterations(),
           "a wait returned another event than the signalled one");
}

} // namespace

BENCHMARK(set_then_wait)->Name("event/set_then_wait")->UseRealTime();
BENCHMARK_CAPTURE(wait_multiple, first, false)
    ->Name("event/set_then_wait_multiple/first")
    ->ArgName("handles")
    ->RangeMultiplier(4)
    ->Range(1, MAXIMUM_WAIT_OBJECTS)
    ->UseRealTime();
BENCHMARK_CAPTURE(wait_multiple, last, true)
    ->Name("event/set_then_wait_multiple/last")
    ->ArgName("handles")
    ->RangeMultiplier(4)
    ->Range(1, MAXIMUM_WAIT_OBJECTS)
    ->UseRealTime();

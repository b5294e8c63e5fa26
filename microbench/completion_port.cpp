/* A completion port as a queue: the cost of a packet without I/O (claims B17, B29). */
#include "windows_bench.h"

#include <thread>

namespace {

/* packets posted or taken while the clock is stopped */
constexpr ULONG BATCH = 256;

bool post(HANDLE port, ULONG count) {
    for (ULONG i = 0; i < count; i++)
        if (!PostQueuedCompletionStatus(port, i, i, nullptr))
            return false;
    return true;
}

/* Takes `count` packets. Returns false if one is missing or out of order. */
bool take(HANDLE port, ULONG count) {
    for (ULONG i = 0; i < count; i++) {
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *overlapped;
        if (!GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, DEADLINE_MS) || key != i)
            return false;
    }
    return true;
}

void post_only(benchmark::State &state) {
    Handle port(make_port());
    bool whole = true;
    Measured measured(state);
    while (state.KeepRunningBatch(BATCH)) {
        whole &= post(port, BATCH);
        measured.pause();
        whole &= take(port, BATCH);
        measured.resume();
    }
    measured.end();
    expect(state, whole, "a posted packet is missing or out of order");
}

void get_only(benchmark::State &state) {
    Handle port(make_port());
    bool whole = true;
    Measured measured(state);
    while (state.KeepRunningBatch(BATCH)) {
        measured.pause();
        whole &= post(port, BATCH);
        measured.resume();
        whole &= take(port, BATCH);
    }
    measured.end();
    expect(state, whole, "a posted packet is missing or out of order");
}

/* Takes up to `batch` packets per call; the counter reports how many came. */
void get_ex(benchmark::State &state) {
    Handle port(make_port());
    auto most = static_cast<ULONG>(state.range(0));
    std::vector<OVERLAPPED_ENTRY> entries(most);
    uint64_t calls = 0, packets = 0;
    bool in_order = true;
    Measured measured(state);
    while (state.KeepRunningBatch(BATCH)) {
        measured.pause();
        in_order &= post(port, BATCH);
        measured.resume();
        for (ULONG taken = 0, count; taken < BATCH; taken += count) {
            if (!GetQueuedCompletionStatusEx(port, entries.data(), most, &count, DEADLINE_MS,
                                             FALSE)) {
                fail_call(state, "GetQueuedCompletionStatusEx", GetLastError());
                return;
            }
            in_order &= entries[0].lpCompletionKey == taken;
            calls++;
            packets += count;
        }
    }
    measured.end();
    expect(state, in_order && packets == static_cast<uint64_t>(state.iterations()),
           "packets are missing");
    state.counters["completions_per_wait"] =
        static_cast<double>(packets) / static_cast<double>(calls);
}

void post_then_get(benchmark::State &state) {
    Handle port(make_port());
    bool whole = true;
    Measured measured(state);
    for (auto _ : state)
        whole &= post(port, 1) && take(port, 1);
    measured.end();
    expect(state, whole, "a posted packet is missing");
}

/* Two threads with a port each: a packet travels there and back. */
void round_trip(benchmark::State &state) {
    Handle there(make_port()), back(make_port());
    std::thread echo([&] {
        DWORD more;
        ULONG_PTR key;
        OVERLAPPED *overlapped;
        while (GetQueuedCompletionStatus(there, &more, &key, &overlapped, DEADLINE_MS) && more)
            PostQueuedCompletionStatus(back, 1, key, nullptr);
    });
    uint64_t came = 0;
    {
        Measured measured(state);
        for (auto _ : state) {
            DWORD bytes;
            ULONG_PTR key;
            OVERLAPPED *overlapped;
            PostQueuedCompletionStatus(there, 1, static_cast<ULONG_PTR>(came), nullptr);
            came += GetQueuedCompletionStatus(back, &bytes, &key, &overlapped, DEADLINE_MS) &&
                    key == came;
        }
    }
    PostQueuedCompletionStatus(there, 0, 0, nullptr);
    echo.join();
    expect(state, came == static_cast<uint64_t>(state.iterations()), "a packet did not return");
}

struct Workers {
    Handle port{make_port()};
    Handle done{make_event()};
    volatile LONG left = 0;    /* packets of this batch that are still in the port */
    std::vector<LONG64> taken; /* taken packets per worker thread */

    void work(size_t worker) {
        DWORD bytes;
        ULONG_PTR more;
        OVERLAPPED *overlapped;
        while (GetQueuedCompletionStatus(port, &bytes, &more, &overlapped, INFINITE) && more) {
            taken[worker]++;
            if (InterlockedDecrement(&left) == 0)
                SetEvent(done);
        }
    }
};

/* This thread posts a batch, and 1 … N others take it. */
void workers(benchmark::State &state) {
    auto count = static_cast<size_t>(state.range(0));
    Workers all;
    all.taken.resize(count);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < count; i++)
        threads.emplace_back([&all, i] { all.work(i); });
    bool whole = true;
    {
        Measured measured(state);
        while (state.KeepRunningBatch(BATCH)) {
            all.left = BATCH;
            for (ULONG i = 0; i < BATCH; i++)
                whole &= PostQueuedCompletionStatus(all.port, 0, 1, nullptr) != FALSE;
            whole &= WaitForSingleObject(all.done, DEADLINE_MS) == WAIT_OBJECT_0;
        }
    }
    for (size_t i = 0; i < count; i++)
        PostQueuedCompletionStatus(all.port, 0, 0, nullptr);
    for (std::thread &thread : threads)
        thread.join();
    LONG64 sum = 0;
    for (LONG64 each : all.taken)
        sum += each;
    expect(state, whole && sum == state.iterations(),
           "the workers did not take each packet exactly once");
}

} // namespace

BENCHMARK(post_only)->Name("completion_port/post")->UseRealTime();
BENCHMARK(get_only)->Name("completion_port/get")->UseRealTime();
BENCHMARK(get_ex)
    ->Name("completion_port/get_ex")
    ->ArgName("batch")
    ->RangeMultiplier(4)
    ->Range(1, 256)
    ->UseRealTime();
BENCHMARK(post_then_get)->Name("completion_port/post_then_get")->UseRealTime();
BENCHMARK(round_trip)->Name("completion_port/round_trip")->UseRealTime();
BENCHMARK(workers)
    ->Name("completion_port/post_to_workers")
    ->ArgName("workers")
    ->RangeMultiplier(2)
    ->Range(1, 8)
    ->UseRealTime();

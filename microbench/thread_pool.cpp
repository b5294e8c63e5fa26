/* The thread pool's four kinds of work (claim C23): the time from the call that makes work ready to
 * the callback's first line. The pool is private and has one thread. */
#include "windows_bench.h"

extern "C" {
#include "common/clock.h"
}

namespace {

/* A pool with one thread, and the callback's results. */
struct Pool {
    Pool() {
        InitializeThreadpoolEnvironment(&environment);
        if (pool) {
            SetThreadpoolThreadMaximum(pool, 1);
            ok = SetThreadpoolThreadMinimum(pool, 1) != FALSE;
            SetThreadpoolCallbackPool(&environment, pool);
        }
    }
    Pool(const Pool &) = delete;
    Pool &operator=(const Pool &) = delete;
    ~Pool() {
        DestroyThreadpoolEnvironment(&environment);
        if (pool)
            CloseThreadpool(pool);
    }
    void called(PTP_CALLBACK_INSTANCE instance) {
        called_ns = clock_now_ns();
        calls++;
        SetEventWhenCallbackReturns(instance, done);
    }

    PTP_POOL pool = CreateThreadpool(nullptr);
    TP_CALLBACK_ENVIRON environment = {};
    bool ok = false;
    Handle done{make_event()};
    uint64_t called_ns = 0;
    int64_t calls = 0;
};

/* Calls `start` repeatedly; the time runs until the callback starts. */
template <typename Start> void time_callbacks(benchmark::State &state, Pool &pool, Start start) {
    bool whole = true;
    Measured measured(state);
    for (auto _ : state) {
        uint64_t begin_ns = clock_now_ns();
        whole &= start();
        whole &= WaitForSingleObject(pool.done, DEADLINE_MS) == WAIT_OBJECT_0;
        state.SetIterationTime(static_cast<double>(pool.called_ns - begin_ns) / 1e9);
        if (!whole)
            break;
    }
    measured.end();
    expect(state, whole && pool.calls == state.iterations(), "a callback did not run exactly once");
}

void CALLBACK on_work(PTP_CALLBACK_INSTANCE instance, void *pool, PTP_WORK) {
    static_cast<Pool *>(pool)->called(instance);
}

void work(benchmark::State &state) {
    Pool pool;
    PTP_WORK item = pool.ok ? CreateThreadpoolWork(on_work, &pool, &pool.environment) : nullptr;
    if (!item)
        return fail_call(state, "CreateThreadpoolWork", GetLastError());
    time_callbacks(state, pool, [&] {
        SubmitThreadpoolWork(item);
        return true;
    });
    WaitForThreadpoolWorkCallbacks(item, TRUE);
    CloseThreadpoolWork(item);
}

void CALLBACK on_timer(PTP_CALLBACK_INSTANCE instance, void *pool, PTP_TIMER) {
    static_cast<Pool *>(pool)->called(instance);
}

/* A timer that is due immediately. */
void timer(benchmark::State &state) {
    Pool pool;
    PTP_TIMER item = pool.ok ? CreateThreadpoolTimer(on_timer, &pool, &pool.environment) : nullptr;
    if (!item)
        return fail_call(state, "CreateThreadpoolTimer", GetLastError());
    time_callbacks(state, pool, [&] {
        FILETIME now = {};
        SetThreadpoolTimer(item, &now, 0, 0);
        return true;
    });
    SetThreadpoolTimer(item, nullptr, 0, 0);
    WaitForThreadpoolTimerCallbacks(item, TRUE);
    CloseThreadpoolTimer(item);
}

void CALLBACK on_wait(PTP_CALLBACK_INSTANCE instance, void *pool, PTP_WAIT, TP_WAIT_RESULT) {
    static_cast<Pool *>(pool)->called(instance);
}

/* The registration, for one callback, and the event that ends the wait. */
void wait(benchmark::State &state) {
    Pool pool;
    Handle event(make_event());
    PTP_WAIT item = pool.ok ? CreateThreadpoolWait(on_wait, &pool, &pool.environment) : nullptr;
    if (!item)
        return fail_call(state, "CreateThreadpoolWait", GetLastError());
    time_callbacks(state, pool, [&] {
        SetThreadpoolWait(item, event, nullptr);
        return SetEvent(event) != FALSE;
    });
    SetThreadpoolWait(item, nullptr, nullptr);
    WaitForThreadpoolWaitCallbacks(item, TRUE);
    CloseThreadpoolWait(item);
}

void CALLBACK on_io(PTP_CALLBACK_INSTANCE instance, void *pool, void *, ULONG error,
                    ULONG_PTR bytes, PTP_IO) {
    if (error == NO_ERROR && bytes == 1)
        static_cast<Pool *>(pool)->called(instance);
}

/* A send of one byte. The other end receives it between two sends, outside the measured time. */
void io(benchmark::State &state) {
    Pool pool;
    Pair pair;
    PTP_IO item = nullptr;
    if (pool.ok && pair.ok())
        item = CreateThreadpoolIo(reinterpret_cast<HANDLE>(static_cast<SOCKET>(pair.ours)), on_io,
                                  &pool, &pool.environment);
    if (!item)
        return fail_call(state, "CreateThreadpoolIo", GetLastError());
    OVERLAPPED overlapped = {};
    char byte = 'x', received = 0;
    bool first = true;
    time_callbacks(state, pool, [&] {
        if (!first && !receive_all(pair.peer, &received, 1))
            return false;
        first = false;
        overlapped = {};
        WSABUF buffer = {1, &byte};
        StartThreadpoolIo(item);
        if (WSASend(pair.ours, &buffer, 1, nullptr, 0, &overlapped, nullptr) == 0 ||
            WSAGetLastError() == WSA_IO_PENDING)
            return true;
        CancelThreadpoolIo(item);
        return false;
    });
    WaitForThreadpoolIoCallbacks(item, FALSE);
    CloseThreadpoolIo(item);
    expect(state, receive_all(pair.peer, &received, 1) && received == byte,
           "the other end received a wrong byte");
}

} // namespace

BENCHMARK(work)->Name("thread_pool/work")->UseManualTime();
BENCHMARK(timer)->Name("thread_pool/timer")->UseManualTime();
BENCHMARK(wait)->Name("thread_pool/wait")->UseManualTime();
BENCHMARK(io)->Name("thread_pool/io")->UseManualTime();

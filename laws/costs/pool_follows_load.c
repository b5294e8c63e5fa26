/* The size of Windows' thread pool follows the load: callbacks that come one by one need few
 * threads, and callbacks that block make the pool create more, up to SetThreadpoolThreadMaximum.
 * Threads without work end after a while, which is why this program takes seconds. */
#include "laws/shared/threads.h"
#include "laws/law.h"
#include "laws/verdict/pools.h"

enum { MAXIMUM = 4, SINGLE = 20, BLOCKED = 12, IDLE_MS = 8000, POLL_MS = 100 };

static HANDLE gate, done;
static volatile LONG inside, most, ran;

static void CALLBACK one(PTP_CALLBACK_INSTANCE instance, void *context, PTP_WORK work) {
    (void)instance, (void)context, (void)work;
    SetEvent(done);
}

static void CALLBACK block(PTP_CALLBACK_INSTANCE instance, void *context, PTP_WORK work) {
    (void)instance, (void)context, (void)work;
    LONG now = InterlockedIncrement(&inside);
    for (LONG before = most; now > before; before = most)
        if (InterlockedCompareExchange(&most, now, before) == before)
            break;
    WaitForSingleObject(gate, 2 * LAW_DEADLINE_MS);
    InterlockedDecrement(&inside);
    InterlockedIncrement(&ran);
}

/* Returns the threads of the pool: all but the `others`, of which some may have ended. */
static uint64_t pool_threads(uint32_t others) {
    uint32_t count = threads_count();
    return count > others ? count - others : 0;
}

static void load(PTP_WORK single, PTP_WORK blocked, uint32_t others,
                 struct pool_follows_load_seen *seen) {
    for (int i = 0; i < SINGLE; i++) {
        SubmitThreadpoolWork(single);
        law_wait(done);
    }
    seen->threads_light = pool_threads(others);
    for (LONG i = 0; i < BLOCKED; i++) { /* the load grows step by step */
        SubmitThreadpoolWork(blocked);
        if (i < MAXIMUM)
            law_reached(&inside, i + 1, LAW_DEADLINE_MS / MAXIMUM);
    }
    Sleep(LAW_ABSENT_MS); /* one too many would start now */
    seen->threads_loaded = pool_threads(others);
    seen->most = (uint64_t)most;
    SetEvent(gate);
    law_reached(&ran, BLOCKED, LAW_DEADLINE_MS);
    seen->ran = (uint64_t)ran;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "pool_follows_load", "The size of the thread pool follows the load.");
    gate = CreateEventW(NULL, TRUE, FALSE, NULL);
    done = CreateEventW(NULL, FALSE, FALSE, NULL);
    uint32_t others = threads_count();
    PTP_POOL pool = CreateThreadpool(NULL);
    law_require(gate && done && pool, "CreateThreadpool");
    SetThreadpoolThreadMaximum(pool, MAXIMUM);
    TP_CALLBACK_ENVIRON environment;
    InitializeThreadpoolEnvironment(&environment);
    SetThreadpoolCallbackPool(&environment, pool);
    PTP_WORK single = CreateThreadpoolWork(one, NULL, &environment);
    PTP_WORK blocked = CreateThreadpoolWork(block, NULL, &environment);
    law_require(single && blocked, "CreateThreadpoolWork");
    struct pool_follows_load_seen seen = {.maximum = MAXIMUM, .asked = BLOCKED};
    load(single, blocked, others, &seen);
    do {
        Sleep(POLL_MS);
        seen.idle_ms += POLL_MS;
        seen.threads_idle = pool_threads(others);
    } while (seen.threads_idle >= seen.threads_loaded && seen.idle_ms < IDLE_MS);
    struct json line = law_line();
    POOL_FOLLOWS_LOAD_SEEN(LAW_SEEN)
    struct judged judged = {"B8", judge_pool_follows_load(&seen)};
    return law_print(&line, &judged, 1);
}

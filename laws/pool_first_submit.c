/* A pool has no thread until it has work: the first submit creates one. The test uses a private
 * pool, because the loader may have used the default one. */
#include "laws/law.h"
#include "laws/verdict/threads_and_pool.h"

#include <tlhelp32.h>

enum { THREADS_MAX = 256 };

static HANDLE done;
static volatile LONG ran_on;

static void CALLBACK on_work(PTP_CALLBACK_INSTANCE instance, void *context, PTP_WORK work) {
    (void)instance, (void)context, (void)work;
    InterlockedExchange(&ran_on, (LONG)GetCurrentThreadId());
    SetEvent(done);
}

/* Returns the number of this process's threads and their ids. */
static uint64_t threads(LONG ids[THREADS_MAX]) {
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    law_require(snapshot != INVALID_HANDLE_VALUE, "CreateToolhelp32Snapshot");
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    uint64_t count = 0;
    for (BOOL more = Thread32First(snapshot, &entry); more; more = Thread32Next(snapshot, &entry))
        if (entry.th32OwnerProcessID == GetCurrentProcessId() && count < THREADS_MAX)
            ids[count++] = (LONG)entry.th32ThreadID;
    CloseHandle(snapshot);
    return count;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "pool_first_submit", "The first submit creates a thread of the pool.");
    LONG before[THREADS_MAX], now[THREADS_MAX];
    done = CreateEventW(NULL, FALSE, FALSE, NULL);
    struct pool_first_submit_seen seen = {.threads_before = threads(before)};
    PTP_POOL pool = CreateThreadpool(NULL);
    TP_CALLBACK_ENVIRON environment;
    InitializeThreadpoolEnvironment(&environment);
    law_require(pool && done, "CreateThreadpool");
    SetThreadpoolCallbackPool(&environment, pool);
    PTP_WORK work = CreateThreadpoolWork(on_work, NULL, &environment);
    law_require(work != NULL, "CreateThreadpoolWork");
    seen.threads_with_pool = threads(now);
    SubmitThreadpoolWork(work);
    law_wait(done);
    seen.threads_after = threads(now);
    seen.ran_on_new_thread = 1;
    for (uint64_t i = 0; i < seen.threads_before; i++)
        if (before[i] == ran_on)
            seen.ran_on_new_thread = 0;
    struct json line = law_line();
    POOL_FIRST_SUBMIT_SEEN(LAW_SEEN)
    struct judged judged = {"C24", judge_pool_first_submit(&seen)};
    return law_print(&line, &judged, 1);
}

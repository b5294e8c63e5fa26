/* A thread costs a kernel object, a stack, and the time to create it. The first part counts what
 * threads that only wait add to the process. The second part compares a thread that is created for
 * one request with a thread that waits for requests on a port. */
#include "laws/law.h"
#include "laws/shared/handles.h"
#include "laws/verdict/threads_cost.h"

#include <process.h>
#include <psapi.h>

enum { THREADS = 50, GROUPS = 10, REQUESTS = 5 /* of a group */ };

static HANDLE release, done;
static volatile LONG standing;
static volatile LONG64 reserved_bytes, committed_bytes;

/* Measures the stack on which it runs: from the base of its reservation to its top. */
static void look_at_stack(void) {
    MEMORY_BASIC_INFORMATION part;
    int here = 0;
    if (!VirtualQuery(&here, &part, sizeof part))
        return;
    const char *base = part.AllocationBase, *top = (const char *)part.BaseAddress + part.RegionSize;
    LONG64 committed = 0;
    for (const char *at = base; at < top && VirtualQuery(at, &part, sizeof part);
         at = (const char *)part.BaseAddress + part.RegionSize)
        committed += part.State == MEM_COMMIT ? (LONG64)part.RegionSize : 0;
    reserved_bytes = top - base;
    committed_bytes = committed;
}

static unsigned __stdcall stand(void *argument) {
    (void)argument;
    look_at_stack();
    InterlockedIncrement(&standing);
    WaitForSingleObject(release, INFINITE);
    return 0;
}

static uint64_t resident(void) {
    PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};
    return GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters)
               ? counters.WorkingSetSize
               : 0;
}

static void count_costs(struct thread_cost_seen *seen) {
    HANDLE threads[THREADS];
    uint64_t handles = law_handles(), bytes = resident();
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (HANDLE)_beginthreadex(NULL, 0, stand, NULL, 0, NULL);
        law_require(threads[i] != NULL, "_beginthreadex");
    }
    law_require(law_reached(&standing, THREADS, LAW_DEADLINE_MS), "the threads did not start");
    uint64_t handles_now = law_handles(), bytes_now = resident();
    seen->threads = THREADS;
    seen->handles = handles_now > handles ? handles_now - handles : 0;
    seen->resident_bytes = bytes_now > bytes ? (bytes_now - bytes) / THREADS : 0;
    seen->stack_reserved_bytes = (uint64_t)reserved_bytes;
    seen->stack_committed_bytes = (uint64_t)committed_bytes;
    SetEvent(release);
    for (int i = 0; i < THREADS; i++) {
        law_wait(threads[i]);
        CloseHandle(threads[i]);
    }
}

static unsigned __stdcall answer(void *argument) {
    (void)argument;
    SetEvent(done);
    return 0;
}

static void answer_packet(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)crew, (void)worker, (void)packet;
    SetEvent(done);
}

/* Returns the time of one request, one of REQUESTS in turn. */
static uint64_t time_group(struct crew *crew, bool create) {
    uint64_t start_ns = clock_now_ns();
    for (int i = 0; i < REQUESTS; i++) {
        if (!create)
            crew_post(crew, 1);
        HANDLE thread = create ? (HANDLE)_beginthreadex(NULL, 0, answer, NULL, 0, NULL) : NULL;
        law_require(thread != NULL || !create, "_beginthreadex");
        law_wait(done);
        if (create) {
            law_wait(thread); /* its exit is part of its cost */
            CloseHandle(thread);
        }
    }
    return (clock_now_ns() - start_ns) / REQUESTS;
}

/* The fastest group is nearest to the cost, because other programs only add time. */
static uint64_t time_requests(struct crew *crew, bool create) {
    uint64_t least_ns = UINT64_MAX;
    for (int group = 0; group < GROUPS; group++) {
        uint64_t ns = time_group(crew, create);
        least_ns = ns < least_ns ? ns : least_ns;
    }
    return least_ns;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "thread_cost",
              "A thread costs a kernel object and a stack, and its creation is slow.");
    release = CreateEventW(NULL, TRUE, FALSE, NULL);
    done = CreateEventW(NULL, FALSE, FALSE, NULL);
    law_require(release && done, "CreateEventW");
    struct thread_cost_seen seen = {0};
    count_costs(&seen);
    struct crew crew;
    uint64_t create_ns[RATIO_ROUNDS], dispatch_ns[RATIO_ROUNDS];
    crew_start(&crew, 0, 1, answer_packet);
    crew_open(&crew, 1);
    for (int round = 0; round < RATIO_ROUNDS; round++) {
        create_ns[round] = time_requests(&crew, true);
        dispatch_ns[round] = time_requests(&crew, false);
    }
    crew_stop(&crew);
    seen.create_to_dispatch = ratio_of(create_ns, dispatch_ns);
    seen.create_ns = law_median(create_ns, RATIO_ROUNDS);
    seen.dispatch_ns = law_median(dispatch_ns, RATIO_ROUNDS);
    struct json line = law_line();
    THREAD_COST_SEEN(LAW_SEEN)
    struct judged judged = {"C2", judge_thread_cost(&seen)};
    return law_print(&line, &judged, 1);
}

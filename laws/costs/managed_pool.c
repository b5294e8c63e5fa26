/* Is Windows' thread pool more efficient than a port with two worker threads per CPU? Measures the
 * time per request, also with one worker per CPU. Handlers first only compute, then block for half
 * of their time. Threads exist before the clock starts. */
#include "laws/law.h"
#include "laws/shared/rounds.h"
#include "laws/verdict/pools.h"

enum { PACKETS_EACH = 16, UNITS = 5, VISITS = 15 }; /* packets per CPU; 500 µs of work */

static bool blocks;
static volatile LONG left;
static HANDLE finished;

static void handle(void) {
    law_work(UNITS);
    if (blocks)
        clock_sleep_us(UNITS * 100);
}

static void serve(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)crew, (void)worker, (void)packet;
    handle();
}

static void CALLBACK on_work(PTP_CALLBACK_INSTANCE instance, void *context, PTP_WORK work) {
    (void)instance, (void)context, (void)work;
    handle();
    if (InterlockedDecrement(&left) == 0)
        SetEvent(finished);
}

static uint64_t pool_ns(PTP_WORK work, LONG packets) {
    left = packets;
    uint64_t start_ns = clock_now_ns();
    for (LONG i = 0; i < packets; i++)
        SubmitThreadpoolWork(work);
    law_wait(finished);
    return clock_now_ns() - start_ns;
}

static uint64_t port_ns(uint32_t workers, LONG packets) {
    struct crew crew;
    crew_start(&crew, 0, workers, serve);
    uint64_t took_ns = crew_run_ns(&crew, packets);
    crew_stop(&crew);
    return took_ns;
}

static uint64_t request_ns(int crew, PTP_WORK work, uint32_t processors) {
    LONG packets = PACKETS_EACH * (LONG)processors;
    uint64_t took_ns = crew == MANAGED_POOL
                           ? pool_ns(work, packets)
                           : port_ns(crew == PORT_ONCE ? processors : 2 * processors, packets);
    return took_ns / (uint64_t)packets + 1;
}

static void measure(PTP_WORK work, uint32_t processors, uint64_t ns[CREWS][RATIO_ROUNDS]) {
    request_ns(MANAGED_POOL, work, processors); /* creates the pool's threads */
    for (int visit = 0; visit < VISITS * RATIO_ROUNDS; visit++)
        for (int crew = 0; crew < CREWS; crew++)
            rounds_keep(&ns[crew][visit / VISITS], request_ns(crew, work, processors));
}

int main(int argc, char **argv) {
    law_start(argc, argv, "managed_pool",
              "A managed thread pool is more efficient than two workers per CPU.");
    uint32_t processors = law_processors();
    if (processors > LAW_WORKERS_MAX / 2)
        processors = LAW_WORKERS_MAX / 2;
    finished = CreateEventW(NULL, FALSE, FALSE, NULL);
    PTP_WORK work = CreateThreadpoolWork(on_work, NULL, NULL);
    law_require(finished && work, "CreateThreadpoolWork");
    static struct managed_pool_seen seen;
    seen.processors = processors;
    measure(work, processors, seen.ns[COMPUTES]);
    blocks = true;
    measure(work, processors, seen.ns[BLOCKS]);
    struct json line = law_line();
    LAW_SEEN(processors)
    rounds_seen(&line, "computing_ns_per_request", seen.ns[COMPUTES], CREWS);
    rounds_seen(&line, "blocking_ns_per_request", seen.ns[BLOCKS], CREWS);
    struct judged judged = {"C20", judge_managed_pool(&seen)};
    return law_print(&line, &judged, 1);
}

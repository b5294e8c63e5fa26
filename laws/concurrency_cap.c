/* A port runs at most NumberOfConcurrentThreads of its threads concurrently; 0 means the number of
 * CPUs. Handlers compute until one too many runs, or longer than any time slice. */
#include "laws/law.h"
#include "laws/verdict/cap.h"

enum { EXTRA = 2 }; /* packets and worker threads beyond the cap */

static LONG cap;

static void spin(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)worker;
    (void)packet;
    uint64_t deadline_ns = clock_now_ns() + (uint64_t)LAW_ABSENT_MS * 1000000;
    while (crew->most <= cap && clock_now_ns() < deadline_ns) {
    }
}

/* Returns the maximum number of concurrent handlers under `cap_asked`; `limit` is the expected
 * value. */
static uint64_t most_at(uint32_t cap_asked, uint32_t limit) {
    struct crew crew;
    cap = (LONG)limit;
    crew_start(&crew, cap_asked, limit + EXTRA, spin);
    crew_open(&crew, crew.workers);
    for (uint32_t packet = 1; packet <= limit + EXTRA; packet++)
        crew_post(&crew, packet);
    law_require(law_reached(&crew.handled, (LONG)limit + EXTRA, LAW_DEADLINE_MS),
                "packets were not taken");
    crew_stop(&crew);
    return (uint64_t)crew.most;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "concurrency_cap",
              "A port runs at most its cap of threads concurrently; 0 means one per CPU.");
    uint32_t processors = law_processors();
    if (processors > LAW_WORKERS_MAX - EXTRA)
        /* then the handlers cannot reach cap 0, and the law does not judge it */
        processors = LAW_WORKERS_MAX - EXTRA;
    struct concurrency_cap_seen seen = {.processors = law_processors(),
                                        .workers = processors + EXTRA};
    seen.most_at_1 = most_at(1, 1);
    seen.most_at_2 = most_at(2, 2);
    seen.most_at_0 = most_at(0, processors);
    struct json line = law_line();
    CONCURRENCY_CAP_SEEN(LAW_SEEN)
    struct judged judged[] = {{"B1 D9", judge_concurrency_cap(&seen)},
                              {"B3", judge_concurrency_cap_zero(&seen)}};
    return law_print(&line, judged, 2);
}

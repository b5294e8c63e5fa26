/* On one CPU, further worker threads only add cost. The process is pinned to one CPU, and handlers
 * only compute. */
#include "laws/law.h"
#include "laws/verdict/workers.h"

enum { PACKETS = 32, UNITS = 5 };

static void serve(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)crew;
    (void)worker;
    (void)packet;
    law_work(UNITS);
}

static uint64_t packets_per_second(uint32_t workers) {
    struct crew crew;
    crew_start(&crew, 0, workers, serve);
    uint64_t took_ns = crew_run_ns(&crew, PACKETS);
    crew_stop(&crew);
    return PACKETS * 1000000000ull / (took_ns + 1);
}

int main(int argc, char **argv) {
    law_start(argc, argv, "one_core", "On a single CPU more threads only waste its time.");
    law_require(SetProcessAffinityMask(GetCurrentProcess(), 1), "SetProcessAffinityMask");
    struct one_core_seen seen;
    uint64_t values[CORE_WORKERS][LAW_REPEATS];
    for (int repeat = 0; repeat < LAW_REPEATS; repeat++)
        for (int i = 0; i < CORE_WORKERS; i++)
            values[i][repeat] = packets_per_second(1u << i);
    struct json line = law_line();
    json_array(&line, "packets_per_second");
    for (int i = 0; i < CORE_WORKERS; i++) {
        seen.workers[i] = law_spread(values[i]);
        json_array(&line, NULL);
        json_u64(&line, NULL, seen.workers[i].low);
        json_u64(&line, NULL, seen.workers[i].median);
        json_u64(&line, NULL, seen.workers[i].high);
        json_close(&line);
    }
    json_close(&line);
    struct judged judged = {"C13", judge_one_core(&seen)};
    return law_print(&line, &judged, 1);
}

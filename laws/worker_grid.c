/* How many worker threads are best, under which cap? Measures packets per second for caps of 1, P
 * and 2P (P CPUs) and 1 to 4 times P workers. Handlers first only compute, then block for half of
 * their time. Repeats alternate. */
#include "laws/law.h"
#include "laws/verdict/workers.h"

enum { PACKETS_EACH = 36, UNITS = 5 }; /* packets per CPU; 500 µs of work */

static bool blocks;

static void serve(struct crew *crew, uint32_t worker, uint32_t packet) {
    (void)crew;
    (void)worker;
    (void)packet;
    law_work(UNITS);
    if (blocks)
        clock_sleep_us(UNITS * 100);
}

static uint64_t packets_per_second(uint32_t cap, uint32_t workers, LONG packets) {
    struct crew crew;
    crew_start(&crew, cap, workers, serve);
    uint64_t took_ns = crew_run_ns(&crew, packets);
    crew_stop(&crew);
    return (uint64_t)packets * 1000000000u / (took_ns + 1);
}

static void add_rates(struct json *line, const char *key,
                      struct rate rates[GRID_CAPS][GRID_WORKERS]) {
    json_array(line, key);
    for (int cap = 0; cap < GRID_CAPS; cap++) {
        json_array(line, NULL);
        for (int workers = 0; workers < GRID_WORKERS; workers++) {
            json_array(line, NULL);
            json_u64(line, NULL, rates[cap][workers].low);
            json_u64(line, NULL, rates[cap][workers].median);
            json_u64(line, NULL, rates[cap][workers].high);
            json_close(line);
        }
        json_close(line);
    }
    json_close(line);
}

static void measure(struct rate rates[GRID_CAPS][GRID_WORKERS], uint32_t processors) {
    uint64_t values[GRID_CAPS][GRID_WORKERS][LAW_REPEATS];
    const uint32_t caps[GRID_CAPS] = {1, processors, 2 * processors};
    for (int repeat = 0; repeat < LAW_REPEATS; repeat++)
        for (int cap = 0; cap < GRID_CAPS; cap++)
            for (uint32_t workers = 0; workers < GRID_WORKERS; workers++)
                values[cap][workers][repeat] = packets_per_second(
                    caps[cap], (workers + 1) * processors, PACKETS_EACH * (LONG)processors);
    for (int cap = 0; cap < GRID_CAPS; cap++)
        for (uint32_t workers = 0; workers < GRID_WORKERS; workers++)
            rates[cap][workers] = law_spread(values[cap][workers]);
}

int main(int argc, char **argv) {
    law_start(argc, argv, "worker_grid",
              "The best cap is the number of CPUs; more workers help if handlers block.");
    uint32_t processors = law_processors();
    if (processors > LAW_WORKERS_MAX / GRID_WORKERS)
        processors = LAW_WORKERS_MAX / GRID_WORKERS;
    struct worker_grid_seen seen = {.processors = processors};
    measure(seen.cpu, processors);
    blocks = true;
    measure(seen.blocking, processors);
    struct json line = law_line();
    LAW_SEEN(processors)
    add_rates(&line, "cpu_packets_per_second", seen.cpu);
    add_rates(&line, "blocking_packets_per_second", seen.blocking);
    struct judged judged[] = {{"B2 B30", judge_cap_is_processors(&seen)},
                              {"B18", judge_two_or_three(&seen)},
                              {"C14", judge_twice_when_blocking(&seen)},
                              {"D11", judge_as_many_as_processors(&seen)}};
    return law_print(&line, judged, 4);
}

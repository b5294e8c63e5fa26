#include "laws/verdict/workers.h"

#include <inttypes.h>

#define N "%" PRIu64

struct judgement judge_cap_is_processors(const struct worker_grid_seen *seen) {
    const int most = GRID_WORKERS - 1;
    struct rate one = seen->cpu[0][most], equal = seen->cpu[1][most], twice = seen->cpu[2][most];
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->processors < 2) {
        verdict = NOT_TESTABLE;
        because = "there is only one CPU";
    } else if (rate_unclear(equal, one) || rate_unclear(equal, twice)) {
        verdict = NOT_TESTABLE;
        because = RATES_TOO_SCATTERED;
    } else if (!rate_beats(equal, one) && !rate_beats(one, equal)) {
        verdict = NOT_TESTABLE;
        because = "a cap of 1 makes no difference: the cap is not honoured";
    } else {
        for (int workers = 0; workers < GRID_WORKERS; workers++)
            if (rate_beats(seen->cpu[0][workers], seen->cpu[1][workers]) ||
                rate_beats(seen->cpu[2][workers], seen->cpu[1][workers]))
                verdict = DOES_NOT_HOLD;
    }
    return judgement(verdict, because,
                     N " workers, packets/s: cap 1 " N ", cap " N " " N ", cap " N " " N,
                     4 * seen->processors, one.median, seen->processors, equal.median,
                     2 * seen->processors, twice.median);
}

/* Returns the verdict on workers P, 2P, 3P, 4P at cap P, unless the repeats vary too much. */
static struct judgement of_workers(enum verdict verdict, const char *because,
                                   const struct worker_grid_seen *seen) {
    const struct rate *cpu = seen->cpu[1], *blocking = seen->blocking[1];
    if (rates_unclear(cpu, GRID_WORKERS) || rates_unclear(blocking, GRID_WORKERS)) {
        verdict = NOT_TESTABLE;
        because = RATES_TOO_SCATTERED;
    }
    return judgement(verdict, because,
                     "packets/s at 1, 2, 3, 4 × " N " workers: " N ", " N ", " N ", " N
                     "; half blocked " N ", " N ", " N ", " N,
                     seen->processors, cpu[0].median, cpu[1].median, cpu[2].median, cpu[3].median,
                     blocking[0].median, blocking[1].median, blocking[2].median,
                     blocking[3].median);
}

struct judgement judge_two_or_three(const struct worker_grid_seen *seen) {
    const struct rate *cpu = seen->cpu[1], *blocking = seen->blocking[1];
    int top = rates_best(blocking, GRID_WORKERS);
    int middle = 1 + rates_best(&blocking[1], 2); /* 2P or 3P */
    bool enough = !rate_beats(blocking[top], blocking[middle]);
    bool better_blocking =
        rate_beats(blocking[1], blocking[0]) || rate_beats(blocking[2], blocking[0]);
    bool better_cpu = rate_beats(cpu[1], cpu[0]) || rate_beats(cpu[2], cpu[0]);
    if (enough && better_blocking && top > middle && rate_unclear(blocking[top], blocking[middle]))
        return of_workers(NOT_TESTABLE, "still more workers may do better", seen);
    if (!enough || !better_blocking)
        return of_workers(
            DOES_NOT_HOLD,
            enough ? "as many workers as CPUs do as well" : "still more workers do better", seen);
    return better_cpu ? of_workers(HOLDS, "", seen)
                      : of_workers(HOLDS_ONLY_WHEN, "handlers block", seen);
}

struct judgement judge_twice_when_blocking(const struct worker_grid_seen *seen) {
    const struct rate *cpu = seen->cpu[1], *blocking = seen->blocking[1];
    bool blocking_gains = rate_beats(blocking[1], blocking[0]),
         cpu_gains = rate_beats(cpu[1], cpu[0]);
    const char *because = !blocking_gains
                              ? "twice as many workers gain nothing for blocking handlers"
                          : cpu_gains ? "twice as many workers gain for computing handlers too"
                                      : "";
    return of_workers(blocking_gains && !cpu_gains ? HOLDS : DOES_NOT_HOLD, because, seen);
}

struct judgement judge_as_many_as_processors(const struct worker_grid_seen *seen) {
    const struct rate *cpu = seen->cpu[1], *blocking = seen->blocking[1];
    if (rate_beats(cpu[rates_best(cpu, GRID_WORKERS)], cpu[0]))
        return of_workers(DOES_NOT_HOLD, "more workers do better", seen);
    if (rate_beats(blocking[rates_best(blocking, GRID_WORKERS)], blocking[0]))
        return of_workers(HOLDS_ONLY_WHEN, "handlers do not block", seen);
    return of_workers(HOLDS, "", seen);
}

struct judgement judge_one_core(const struct one_core_seen *seen) {
    bool more =
        rate_beats(seen->workers[rates_best(seen->workers, CORE_WORKERS)], seen->workers[0]);
    enum verdict verdict = more ? DOES_NOT_HOLD : HOLDS;
    const char *because = more ? "more workers do better: taking a packet blocks here" : "";
    if (!more && rates_unclear(seen->workers, CORE_WORKERS)) {
        verdict = NOT_TESTABLE;
        because = RATES_TOO_SCATTERED;
    }
    return judgement(verdict, because,
                     "one CPU, packets/s with 1, 2, 4, 8 workers: " N ", " N ", " N ", " N,
                     seen->workers[0].median, seen->workers[1].median, seen->workers[2].median,
                     seen->workers[3].median);
}

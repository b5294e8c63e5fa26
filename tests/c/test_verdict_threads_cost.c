#include "laws/verdict/threads_cost.h"
#include "verdicts.h"

static const struct ratio half = {0.48, 0.5, 0.55}, same = {0.95, 1, 1.05}, ten = {8, 10, 12},
                          wide = {0.7, 1.2, 1.4};

static void threads(void) {
    struct thread_cost_seen seen = {.threads = 50,
                                    .handles = 50,
                                    .stack_reserved_bytes = 1048576,
                                    .stack_committed_bytes = 12288,
                                    .resident_bytes = 20480,
                                    .create_ns = 60000,
                                    .dispatch_ns = 6000,
                                    .create_to_dispatch = ten};
    EXPECT(HOLDS, judge_thread_cost(&seen));
    seen.create_to_dispatch = same;
    EXPECT(DOES_NOT_HOLD, judge_thread_cost(&seen));
    seen.create_to_dispatch = half;
    EXPECT(DOES_NOT_HOLD, judge_thread_cost(&seen));
    seen.create_to_dispatch = wide;
    EXPECT(NOT_TESTABLE, judge_thread_cost(&seen));
    seen.create_to_dispatch = ten;
    seen.handles = 49;
    EXPECT(DOES_NOT_HOLD, judge_thread_cost(&seen));
    seen.handles = 0;
    EXPECT(NOT_TESTABLE, judge_thread_cost(&seen));
    seen.handles = 50;
    seen.stack_reserved_bytes = 0;
    EXPECT(DOES_NOT_HOLD, judge_thread_cost(&seen));
}

static void tasks(void) {
    struct task_grain_seen seen = {.processors = 2,
                                   .work_us = 20000,
                                   .best = 3,
                                   .tasks = {1, 2, 4, 16, 100, 1000, 5000, 20000},
                                   .threads_to_whole = half,
                                   .best_to_whole = half,
                                   .finest_to_best = ten};
    EXPECT(HOLDS_ONLY_WHEN, judge_task_grain(&seen));
    CHECK(strstr(judge_task_grain(&seen).because, "1250 µs each were best, 1.0 µs too small"));
    seen.finest_to_best = same; /* dispatch is free: no U */
    EXPECT(HOLDS, judge_task_grain(&seen));
    seen.finest_to_best = wide;
    EXPECT(NOT_TESTABLE, judge_task_grain(&seen));
    seen.best_to_whole = same; /* the pool has one thread */
    EXPECT(DOES_NOT_HOLD, judge_task_grain(&seen));
    seen.threads_to_whole = same; /* another program uses the other CPU */
    EXPECT(NOT_TESTABLE, judge_task_grain(&seen));
    seen.threads_to_whole = wide;
    EXPECT(NOT_TESTABLE, judge_task_grain(&seen));
    seen.threads_to_whole = half;
    seen.best_to_whole = ten;
    EXPECT(DOES_NOT_HOLD, judge_task_grain(&seen));
    seen.best_to_whole = wide;
    EXPECT(NOT_TESTABLE, judge_task_grain(&seen));
    seen.best_to_whole = half;
    seen.finest_to_best = ten;
    seen.processors = 1;
    EXPECT(NOT_TESTABLE, judge_task_grain(&seen));
}

static void latencies(void) {
    const struct latencies_seen of_1996 = {2000,  3000,   4000,       8000,
                                           90000, 200000, 4000000000, 6000000000};
    EXPECT(HOLDS, judge_latencies(&of_1996));
    struct latencies_seen seen = of_1996;
    seen.disk_low_ps = seen.disk_high_ps = 0;
    EXPECT(NOT_TESTABLE, judge_latencies(&seen));
    CHECK(strstr(judge_latencies(&seen).figure, "disk unavailable"));
    seen.register_low_ps = 250;
    seen.register_high_ps = 500;
    EXPECT(DOES_NOT_HOLD, judge_latencies(&seen));
    CHECK(strstr(judge_latencies(&seen).because, ": register"));
    seen = of_1996;
    seen.disk_low_ps = 80000000;
    seen.disk_high_ps = 120000000;
    EXPECT(DOES_NOT_HOLD, judge_latencies(&seen));
    CHECK(strstr(judge_latencies(&seen).because, ": disk"));
    seen = of_1996;
    seen.cache_low_ps = 2500; /* across a limit */
    EXPECT(NOT_TESTABLE, judge_latencies(&seen));
}

int main(void) {
    threads();
    tasks();
    latencies();
    return 0;
}

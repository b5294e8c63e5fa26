#include "laws/verdict/threads_and_pool.h"
#include "laws/verdict/rates.h"

#include <inttypes.h>

#define N "%" PRIu64

static double us(uint64_t ns) {
    return (double)ns / 1000;
}

/* Expensive: at least EXPENSIVE times the pool. Cheap: less than CHEAP times. */
enum { EXPENSIVE = 10, CHEAP = 2 };

struct judgement judge_thread_creation(const struct thread_creation_seen *seen) {
    struct ratio times = seen->thread_to_pool;
    const char *because = RATIO_IS_UNCLEAR;
    enum verdict verdict = NOT_TESTABLE;
    if (times.low >= EXPENSIVE) {
        verdict = HOLDS;
        because = "";
    } else if (times.high < CHEAP) {
        verdict = DOES_NOT_HOLD;
        because = "a new thread costs less than twice a request to the pool";
    } else if (times.low >= CHEAP && times.high < EXPENSIVE) {
        verdict = HOLDS_ONLY_WHEN;
        because =
            "a request's work is shorter than a thread's start; the pool saves less than 90 %";
    }
    return judgement(verdict, because,
                     "one request: new thread %.1f µs, pool %.1f µs, waiting worker %.1f µs; "
                     "thread over pool %.1f [%.1f, %.1f]",
                     us(seen->thread_ns), us(seen->pool_ns), us(seen->queued_ns), times.median,
                     times.low, times.high);
}

struct judgement judge_switch_cost(const struct switch_cost_seen *seen) {
    struct rate threads = {seen->thread_low_ns, seen->thread_ns, seen->thread_high_ns};
    struct rate processes = {seen->process_low_ns, seen->process_ns, seen->process_high_ns};
    enum verdict verdict = DOES_NOT_HOLD;
    const char *because = "both cost the same";
    if (rate_beats(processes, threads)) {
        verdict = HOLDS;
        because = "";
    } else if (rate_beats(threads, processes)) {
        because = "it costs more";
    } else if (rate_unclear(threads, processes)) {
        verdict = NOT_TESTABLE;
        because = RATES_TOO_SCATTERED;
    }
    return judgement(verdict, because,
                     "one switch: threads %.1f µs [%.1f, %.1f], processes %.1f µs [%.1f, %.1f]",
                     us(threads.median), us(threads.low), us(threads.high), us(processes.median),
                     us(processes.low), us(processes.high));
}

struct judgement judge_thread_stacks(const struct thread_stacks_seen *seen) {
    const char *because = "";
    enum verdict verdict =
        seen->created < seen->asked && seen->created >= 1500 ? HOLDS : DOES_NOT_HOLD;
    if (seen->pointer_bytes > 4) {
        verdict = NOT_TESTABLE;
        because = "a 64-bit process: stacks do not exhaust its address space; needs a 32-bit build";
    }
    return judgement(verdict, because,
                     N " of " N " threads existed, with " N " KB reserved each; " N
                       "-byte pointers",
                     seen->created, seen->asked, seen->reserve_bytes / 1024, seen->pointer_bytes);
}

struct judgement judge_pool_work_kinds(const struct pool_work_kinds_seen *seen) {
    bool all = seen->work == seen->asked && seen->timer == seen->asked &&
               seen->wait == seen->asked && seen->io == seen->asked;
    return judgement(all && seen->asked > 0 ? HOLDS : DOES_NOT_HOLD,
                     all ? "" : "not every callback ran",
                     "callbacks of " N ": work " N " (%.0f µs), timer " N " (%.0f µs), wait " N
                     " (%.0f µs), I/O " N " (%.0f µs)",
                     seen->asked, seen->work, us(seen->work_ns), seen->timer, us(seen->timer_ns),
                     seen->wait, us(seen->wait_ns), seen->io, us(seen->io_ns));
}

struct judgement judge_pool_first_submit(const struct pool_first_submit_seen *seen) {
    bool lazily = seen->threads_with_pool == seen->threads_before;
    bool made = seen->threads_after > seen->threads_with_pool && seen->ran_on_new_thread;
    return judgement(lazily && made ? HOLDS : DOES_NOT_HOLD,
                     !lazily ? "the pool has threads before it has work"
                     : !made ? "the first work created no thread"
                             : "",
                     "threads: " N " before, " N " with an idle pool, " N " after the first work",
                     seen->threads_before, seen->threads_with_pool, seen->threads_after);
}

struct judgement judge_processors(const struct processors_seen *seen) {
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->system_info < seen->all_groups) {
        verdict = DOES_NOT_HOLD;
        because = "it counts one processor group only";
    } else if (seen->cores == 0) {
        verdict = NOT_TESTABLE;
        because = "the number of cores is unavailable";
    } else if (seen->cores < seen->system_info) {
        verdict = HOLDS_ONLY_WHEN;
        because = "a core has one logical CPU";
    }
    if (seen->cores == 0)
        return judgement(verdict, because, "GetSystemInfo " N ", all groups " N ", cores unknown",
                         seen->system_info, seen->all_groups);
    return judgement(verdict, because, "GetSystemInfo " N ", all groups " N ", cores " N,
                     seen->system_info, seen->all_groups, seen->cores);
}

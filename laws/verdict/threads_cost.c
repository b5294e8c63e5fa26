#include "laws/verdict/threads_cost.h"

#include <inttypes.h>
#include <stdio.h>

#define N "%" PRIu64

enum { PAGE_BYTES = 4096 };

static double us(uint64_t ns) {
    return (double)ns / 1000;
}

struct judgement judge_thread_cost(const struct thread_cost_seen *seen) {
    enum order order = ratio_order(seen->create_to_dispatch);
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->threads == 0 || seen->handles == 0) {
        verdict = NOT_TESTABLE;
        because = "the system does not count handles";
    } else if (seen->handles < seen->threads || seen->stack_reserved_bytes < PAGE_BYTES) {
        verdict = DOES_NOT_HOLD;
        because = "not every thread has a kernel object and a stack of its own";
    } else if (order == UNCLEAR) {
        verdict = NOT_TESTABLE;
        because = RATIO_IS_UNCLEAR;
    } else if (order != MORE) {
        verdict = DOES_NOT_HOLD;
        because = "a new thread is as fast as one that waits";
    }
    return judgement(verdict, because,
                     "per thread: %.1f handles, stack " N " KiB (" N " committed), " N
                     " KiB resident; new %.0f µs, waiting %.0f µs: %.1f times [%.1f, %.1f]",
                     (double)seen->handles / (double)(seen->threads ? seen->threads : 1),
                     seen->stack_reserved_bytes / 1024, seen->stack_committed_bytes / 1024,
                     seen->resident_bytes / 1024, us(seen->create_ns), us(seen->dispatch_ns),
                     seen->create_to_dispatch.median, seen->create_to_dispatch.low,
                     seen->create_to_dispatch.high);
}

struct judgement judge_task_grain(const struct task_grain_seen *seen) {
    enum order gain = ratio_order(seen->best_to_whole), loss = ratio_order(seen->finest_to_best);
    char because[160] = "";
    enum verdict verdict = NOT_TESTABLE;
    if (seen->processors < 2) {
        snprintf(because, sizeof because, "one CPU cannot compute two tasks concurrently");
    } else if (gain == UNCLEAR || (gain == LESS && loss == UNCLEAR)) {
        snprintf(because, sizeof because, RATIO_IS_UNCLEAR);
    } else if (gain != LESS && ratio_order(seen->threads_to_whole) != LESS) {
        snprintf(because, sizeof because,
                 "two threads without a pool are no faster: the process does not get two CPUs");
    } else if (gain != LESS) {
        verdict = DOES_NOT_HOLD;
        snprintf(because, sizeof because, "one task is as fast as any number of them");
    } else if (loss == MORE) {
        verdict = HOLDS_ONLY_WHEN;
        snprintf(because, sizeof because,
                 "the tasks are not too small: %.0f µs each were best, %.1f µs too small",
                 (double)seen->work_us / (double)seen->tasks[seen->best],
                 (double)seen->work_us / (double)seen->tasks[GRAINS - 1]);
    } else {
        verdict = HOLDS;
    }
    return judgement(
        verdict, because,
        N " µs of work on " N " CPUs: " N " tasks take %.2f [%.2f, %.2f] of one task's "
          "time; " N " tasks take %.2f [%.2f, %.2f] of that",
        seen->work_us, seen->processors, seen->tasks[seen->best], seen->best_to_whole.median,
        seen->best_to_whole.low, seen->best_to_whole.high, seen->tasks[GRAINS - 1],
        seen->finest_to_best.median, seen->finest_to_best.low, seen->finest_to_best.high);
}

/* A row of the table of 1996. It gives 5 ms for a disk: here, from half to twice of that. */
struct row {
    const char *name;
    uint64_t from_ps, to_ps, low_ps, high_ps;
};

struct judgement judge_latencies(const struct latencies_seen *seen) {
    const struct row rows[] = {
        {"register", 2000, 5000, seen->register_low_ps, seen->register_high_ps},
        {"cache", 3000, 10000, seen->cache_low_ps, seen->cache_high_ps},
        {"RAM", 80000, 400000, seen->ram_low_ps, seen->ram_high_ps},
        {"disk", 2500000000u, 10000000000u, seen->disk_low_ps, seen->disk_high_ps}};
    char outside[64] = "", disk[48] = "unavailable", because[160] = "";
    int length = 0, unclear = 0;
    for (int i = 0; i < 4; i++) {
        const struct row *row = &rows[i];
        if (row->high_ps && (row->high_ps < row->from_ps || row->low_ps > row->to_ps))
            length += snprintf(outside + length, sizeof outside - (size_t)length, "%s%s",
                               length ? ", " : "", row->name);
        else if (row->low_ps < row->from_ps || row->high_ps > row->to_ps)
            unclear++;
    }
    enum verdict verdict = length ? DOES_NOT_HOLD : unclear ? NOT_TESTABLE : HOLDS;
    if (length)
        snprintf(because, sizeof because, "outside the table of 1996: %s", outside);
    else if (unclear)
        snprintf(because, sizeof because,
                 "a row is unavailable or lies on a limit; unbuffered reads need Windows");
    if (seen->disk_high_ps)
        snprintf(disk, sizeof disk, "%.0f–%.0f µs", (double)seen->disk_low_ps / 1e6,
                 (double)seen->disk_high_ps / 1e6);
    return judgement(verdict, because,
                     "register %.2f–%.2f ns, cache %.2f–%.2f ns, RAM %.0f–%.0f ns, disk %s",
                     (double)seen->register_low_ps / 1e3, (double)seen->register_high_ps / 1e3,
                     (double)seen->cache_low_ps / 1e3, (double)seen->cache_high_ps / 1e3,
                     (double)seen->ram_low_ps / 1e3, (double)seen->ram_high_ps / 1e3, disk);
}

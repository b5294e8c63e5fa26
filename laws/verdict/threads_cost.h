/* Verdicts on what a thread costs, and on the size of pool tasks. */
#ifndef IOMODELS_VERDICT_THREADS_COST_H
#define IOMODELS_VERDICT_THREADS_COST_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

/* thread_cost: how much `threads` threads that wait add to the process. `handles` is 0 if the system
 * does not count them; memory is 0 if it is unavailable. A dispatch wakes a thread that exists. */
#define THREAD_COST_SEEN(X)                                                                        \
    X(threads)                                                                                     \
    X(handles)               /* more handles, while the program holds one per thread */            \
    X(stack_reserved_bytes)  /* of one stack: address space */                                     \
    X(stack_committed_bytes) /* of one stack: memory that Windows has set aside */                 \
    X(resident_bytes)        /* more memory of the process in RAM, per thread */                   \
    X(create_ns)             /* median: a thread from creation to exit */                          \
    X(dispatch_ns)           /* median: an answer of a thread that waits */
struct thread_cost_seen {
    THREAD_COST_SEEN(VERDICT_FIELD)
    struct ratio create_to_dispatch;
};
struct judgement judge_thread_cost(const struct thread_cost_seen *);

/* task_grain: the time of the same computation as 1, 2, 4 … tasks of a pool. best: the place of
 * the number of tasks that another round found fastest, without the first and the last. */
enum { GRAINS = 8 };
struct task_grain_seen {
    uint64_t processors, work_us, best;
    uint64_t tasks[GRAINS];
    struct ratio threads_to_whole; /* the control: two threads without a pool, to one task */
    struct ratio best_to_whole;    /* the time at the best number of tasks, to one task */
    struct ratio finest_to_best;   /* the time at the highest number of tasks, to the best one */
};
struct judgement judge_task_grain(const struct task_grain_seen *);

/* latencies: picoseconds of one access; of ten rounds the second lowest and the second highest.
 * disk_high_ps 0: reads of the disk are unavailable. */
#define LATENCIES_SEEN(X)                                                                          \
    X(register_low_ps) /* an operation that needs the result of the last one */                    \
    X(register_high_ps)                                                                            \
    X(cache_low_ps) /* a chain of pointers in 16 KiB */                                            \
    X(cache_high_ps)                                                                               \
    X(ram_low_ps) /* a chain of pointers in far more than the caches hold */                       \
    X(ram_high_ps)                                                                                 \
    X(disk_low_ps) /* an unbuffered read of 4 KiB at a random place */                             \
    X(disk_high_ps)
struct latencies_seen {
    LATENCIES_SEEN(VERDICT_FIELD)
};
struct judgement judge_latencies(const struct latencies_seen *);

#endif

/* Verdicts on threads, CPUs and the thread pool. */
#ifndef IOMODELS_VERDICT_THREADS_AND_POOL_H
#define IOMODELS_VERDICT_THREADS_AND_POOL_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

/* thread_creation: median time of one request served by a new thread, by the thread pool, and by a
 * worker thread that waits on a port. */
#define THREAD_CREATION_SEEN(X) X(requests) X(thread_ns) X(pool_ns) X(queued_ns)
struct thread_creation_seen {
    THREAD_CREATION_SEEN(VERDICT_FIELD)
    struct ratio thread_to_pool;
};
struct judgement judge_thread_creation(const struct thread_creation_seen *);

/* switch_cost: time of one switch on one CPU, between two threads and between two processes. */
#define SWITCH_COST_SEEN(X)                                                                        \
    X(switches)                                                                                    \
    X(thread_low_ns) /* median of the repeats and its interval, as in struct rate */               \
    X(thread_ns)                                                                                   \
    X(thread_high_ns)                                                                              \
    X(process_low_ns)                                                                              \
    X(process_ns)                                                                                  \
    X(process_high_ns)
struct switch_cost_seen {
    SWITCH_COST_SEEN(VERDICT_FIELD)
};
struct judgement judge_switch_cost(const struct switch_cost_seen *);

/* thread_stacks: `created` threads existed concurrently, of `asked`. */
#define THREAD_STACKS_SEEN(X) X(pointer_bytes) X(asked) X(created) X(reserve_bytes)
struct thread_stacks_seen {
    THREAD_STACKS_SEEN(VERDICT_FIELD)
};
struct judgement judge_thread_stacks(const struct thread_stacks_seen *);

/* pool_work_kinds: callbacks that ran, of `asked` per kind, and the median time until they ran. */
#define POOL_WORK_KINDS_SEEN(X)                                                                    \
    X(asked) X(work) X(timer) X(wait) X(io) X(work_ns) X(timer_ns) X(wait_ns) X(io_ns)
struct pool_work_kinds_seen {
    POOL_WORK_KINDS_SEEN(VERDICT_FIELD)
};
struct judgement judge_pool_work_kinds(const struct pool_work_kinds_seen *);

/* pool_first_submit: the process's threads without a pool, with an idle pool, and after the pool's
 * first work. ran_on_new_thread: 1 is yes. */
#define POOL_FIRST_SUBMIT_SEEN(X)                                                                  \
    X(threads_before) X(threads_with_pool) X(threads_after) X(ran_on_new_thread)
struct pool_first_submit_seen {
    POOL_FIRST_SUBMIT_SEEN(VERDICT_FIELD)
};
struct judgement judge_pool_first_submit(const struct pool_first_submit_seen *);

/* processors: logical CPUs by GetSystemInfo and in all processor groups; physical cores, 0 if
 * unknown. */
#define PROCESSORS_SEEN(X) X(system_info) X(all_groups) X(cores)
struct processors_seen {
    PROCESSORS_SEEN(VERDICT_FIELD)
};
struct judgement judge_processors(const struct processors_seen *);

#endif

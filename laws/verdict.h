/*
 * From what a law's experiment has seen to a verdict: pure functions on raw counts, no call of the system, so
 * that they are tested natively on made-up platforms where a law holds and where it does not. Times are
 * nanoseconds.
 */
#ifndef IOMODELS_VERDICT_H
#define IOMODELS_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

enum verdict { HOLDS, HOLDS_ONLY_WHEN, DOES_NOT_HOLD, NOT_TESTABLE };

struct judgement {
    enum verdict verdict;
    char because[160]; /* the condition, or the reason; "" where the figure says it all */
    char figure[160];  /* what decided */
};

const char *verdict_word(enum verdict);

/* fifo_packets: of `packets` posted by one thread and taken by one. */
struct fifo_seen {
    uint64_t packets, missing, out_of_order;
};
struct judgement judge_fifo(const struct fifo_seen *);

/* exactly_once: how often each of `packets` was taken by one of `workers`. */
struct once_seen {
    uint64_t packets, workers, workers_used, lost, duplicated;
};
struct judgement judge_once(const struct once_seen *);

/* lifo_waiters: who took packets that were posted one by one to `workers` waiting threads; and of how many
   packets posted at once (`burst_packets`, over several bursts) the takers were among as many newest waiters.
 */
struct lifo_seen {
    uint64_t workers, spaced_packets, newest, oldest, burst_packets, burst_newest;
};
struct judgement judge_lifo(const struct lifo_seen *);
struct judgement judge_lifo_burst(const struct lifo_seen *);

/* concurrency_cap: most handlers that ran at once with the cap set to 1, 2 and 0; all of them use the
 * processor. */
struct cap_seen {
    uint64_t processors, workers, most_at_1, most_at_2, most_at_0;
};
struct judgement judge_cap(const struct cap_seen *);
struct judgement judge_cap_zero(const struct cap_seen *);

/* blocked_frees_slot: handlers at once, when all of them spin and when all of them block. */
struct blocked_seen {
    uint64_t cap, workers, spinning_at_once, blocked_at_once;
};
struct judgement judge_blocked(const struct blocked_seen *);
struct judgement judge_never_more(const struct blocked_seen *);
struct judgement judge_listeners(const struct blocked_seen *);

/* running_takes_next: with a full queue and a cap of 1, how often a packet was taken by another thread than
 * the one before. */
struct takes_seen {
    uint64_t packets, workers, handovers, most_at_once;
};
struct judgement judge_takes(const struct takes_seen *);

/* last_port: whether a second worker got a packet of a port with cap 1 while the first one, which had taken a
   packet of it, was running: still as this port's thread (`held`), and after it had asked another port
   (`moved`). */
struct last_port_seen {
    uint64_t rounds, held, moved;
};
struct judgement judge_last_port(const struct last_port_seen *);

/* worker_grid: packets a second by workers and cap, lowest, median and highest of the repeats. */
enum { GRID_CAPS = 3, GRID_WORKERS = 4 }; /* caps 1, P, 2P; workers P, 2P, 3P, 4P; P processors */
struct rate {
    uint64_t low, median, high;
};
struct grid_seen {
    uint64_t processors;
    struct rate cpu[GRID_CAPS][GRID_WORKERS];      /* handlers that only compute */
    struct rate blocking[GRID_CAPS][GRID_WORKERS]; /* handlers that block half of their time */
};
struct judgement judge_cap_is_processors(const struct grid_seen *);
struct judgement judge_two_or_three(const struct grid_seen *);
struct judgement judge_twice_when_blocking(const struct grid_seen *);
struct judgement judge_as_many_as_processors(const struct grid_seen *);

/* one_core: the process may use one processor only; handlers only compute. */
enum { CORE_WORKERS = 4 }; /* 1, 2, 4, 8 */
struct core_seen {
    struct rate workers[CORE_WORKERS];
};
struct judgement judge_one_core(const struct core_seen *);

/* thread_creation: time of one request by a new thread, by the thread pool, by a worker that waits on a port.
 */
struct creation_seen {
    uint64_t requests, thread_ns, pool_ns, queued_ns;
};
struct judgement judge_creation(const struct creation_seen *);

/* switch_cost: one switch, between two threads and between two processes on one processor. */
struct switch_seen {
    uint64_t switches, thread_low_ns, thread_ns, thread_high_ns, process_low_ns, process_ns, process_high_ns;
};
struct judgement judge_switch(const struct switch_seen *);

/* thread_stacks: threads that stood at once, `asked` for; whether it was memory that ended it. */
struct stack_seen {
    uint64_t pointer_bytes, asked, created, reserve_bytes;
};
struct judgement judge_stacks(const struct stack_seen *);

/* pool_work_kinds: callbacks that ran, of `asked` of each kind. */
struct kinds_seen {
    uint64_t asked, work, timer, wait, io, work_ns, timer_ns, wait_ns, io_ns;
};
struct judgement judge_kinds(const struct kinds_seen *);

/* pool_first_submit: threads of the process, before, with a pool that has nothing to do, and after its first
 * work. */
struct submit_seen {
    uint64_t threads_before, threads_with_pool, threads_after, ran_on_new_thread;
};
struct judgement judge_submit(const struct submit_seen *);

/* wait_limit: error codes of WaitForMultipleObjects with 64 and 65 handles; 0 is success. */
struct wait_seen {
    uint64_t error_at_64, error_at_65;
};
struct judgement judge_wait_limit(const struct wait_seen *);

/* What the small facts about sockets and handles have seen; 1 is yes, errors are Windows' codes. */
struct inherit_seen {
    uint64_t accept_error, receive_error;
};
struct judgement judge_inherit(const struct inherit_seen *);

struct alertable_seen {
    uint64_t operations, ran_in_sleep, ran_in_alertable_sleep, context_kept;
};
struct judgement judge_alertable(const struct alertable_seen *);
struct judgement judge_event_field_free(const struct alertable_seen *);

struct association_seen {
    uint64_t packets_unassociated, packets_associated, again_error, pool_then_port_error;
};
struct judgement judge_association(const struct association_seen *);
struct judgement judge_pool_association(const struct association_seen *);

struct zero_seen {
    uint64_t fin_bytes, fin_error, reset_error, posted_zero_bytes, posted_zero_error, bytes_after;
};
struct judgement judge_zero(const struct zero_seen *);

struct parameters_seen {
    uint64_t odd_key_made_port, null_handle_error, existing_port_error;
};
struct judgement judge_parameters(const struct parameters_seen *);

struct callback_seen {
    uint64_t port_callbacks, port_packets, pool_callbacks;
};
struct judgement judge_callback(const struct callback_seen *);

struct two_waiters_seen {
    uint64_t waiters, woken;
};
struct judgement judge_two_waiters(const struct two_waiters_seen *);

struct zero_read_seen {
    uint64_t error, event_set, bytes;
};
struct judgement judge_zero_read(const struct zero_read_seen *);

struct context_seen {
    uint64_t peer_error_before, peer_error_after;
};
struct judgement judge_accept_context(const struct context_seen *);

struct processors_seen {
    uint64_t system_info, all_groups, cores; /* cores 0: unknown */
};
struct judgement judge_processors(const struct processors_seen *);

struct kind_seen {
    uint64_t packets, same_key, same_bytes, told_by_overlapped;
};
struct judgement judge_read_or_write(const struct kind_seen *);

struct returns_seen {
    uint64_t calls, pended, call_ns, completion_ns;
};
struct judgement judge_returns(const struct returns_seen *);

#endif

#include "laws/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define N "%" PRIu64

const char *verdict_word(enum verdict verdict) {
    static const char *const words[] = {"holds", "holds only when", "does not hold", "not testable here"};
    return words[verdict];
}

/* A judgement whose figure is printed from `format`. */
static struct judgement judgement(enum verdict verdict, const char *because, const char *format, ...) {
    struct judgement made = {.verdict = verdict};
    va_list arguments;
    snprintf(made.because, sizeof made.because, "%s", because);
    va_start(arguments, format);
    vsnprintf(made.figure, sizeof made.figure, format, arguments);
    va_end(arguments);
    return made;
}

static bool nearly_all(uint64_t part, uint64_t whole) {
    return whole > 0 && part * 10 >= whole * 9; /* a busy machine may spoil a few */
}

static double us(uint64_t ns) {
    return (double)ns / 1000;
}

struct judgement judge_fifo(const struct fifo_seen *seen) {
    bool holds = seen->packets > 0 && seen->missing == 0 && seen->out_of_order == 0;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "", N " of " N " packets out of order, " N " missing",
                     seen->out_of_order, seen->packets, seen->missing);
}

struct judgement judge_once(const struct once_seen *seen) {
    enum verdict verdict = seen->lost > 0 || seen->duplicated > 0 ? DOES_NOT_HOLD : HOLDS;
    const char *because = "";
    if (verdict == HOLDS && seen->workers_used < 2) { /* nothing was shared, so nothing was shown */
        verdict = NOT_TESTABLE;
        because = "one worker took every packet";
    }
    return judgement(verdict, because, N " packets, " N " of " N " workers: " N " lost, " N " twice",
                     seen->packets, seen->workers_used, seen->workers, seen->lost, seen->duplicated);
}

struct judgement judge_lifo(const struct lifo_seen *seen) {
    bool newest = nearly_all(seen->newest, seen->spaced_packets);
    bool oldest = nearly_all(seen->oldest, seen->spaced_packets);
    const char *because = newest   ? ""
                          : oldest ? "the thread that has waited longest is woken: first in, first out"
                                   : "neither the newest nor the oldest waiter is woken as a rule";
    return judgement(newest ? HOLDS : DOES_NOT_HOLD, because,
                     N " of " N " packets woke the newest of " N " waiters, " N " the oldest", seen->newest,
                     seen->spaced_packets, seen->workers, seen->oldest);
}

struct judgement judge_lifo_burst(const struct lifo_seen *seen) {
    bool newest = nearly_all(seen->burst_newest, seen->burst_packets);
    return judgement(newest ? HOLDS : DOES_NOT_HOLD,
                     newest ? "" : "a burst wakes other waiters than the last ones",
                     N " of " N " packets of bursts woke one of the last waiters", seen->burst_newest,
                     seen->burst_packets);
}

struct judgement judge_cap(const struct cap_seen *seen) {
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->most_at_1 > 1 || seen->most_at_2 > 2) {
        verdict = DOES_NOT_HOLD;
        because = "the cap is not honoured";
    } else if (seen->most_at_1 < 1 || seen->most_at_2 < 2) {
        verdict = NOT_TESTABLE;
        because = "too few handlers ran at once to reach the cap";
    }
    return judgement(verdict, because, "cap 1: " N " at once; cap 2: " N "; of " N " workers",
                     seen->most_at_1, seen->most_at_2, seen->workers);
}

struct judgement judge_cap_zero(const struct cap_seen *seen) {
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->most_at_0 > seen->processors) {
        verdict = DOES_NOT_HOLD;
        because = "the cap is not honoured";
    } else if (seen->most_at_0 < seen->processors) {
        verdict = NOT_TESTABLE;
        because = "too few handlers ran at once to reach the number of processors";
    }
    return judgement(verdict, because, "cap 0: " N " at once, " N " processors", seen->most_at_0,
                     seen->processors);
}

struct judgement judge_blocked(const struct blocked_seen *seen) {
    enum verdict verdict = seen->blocked_at_once > seen->cap ? HOLDS : DOES_NOT_HOLD;
    const char *because = "";
    if (seen->spinning_at_once > seen->cap) {
        verdict = NOT_TESTABLE;
        because = "the cap is not honoured: there is no slot to free";
    }
    return judgement(verdict, because,
                     "cap " N ": " N " blocked handlers at once, " N " running ones; of " N " workers",
                     seen->cap, seen->blocked_at_once, seen->spinning_at_once, seen->workers);
}

struct judgement judge_never_more(const struct blocked_seen *seen) {
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->spinning_at_once > seen->cap) {
        verdict = DOES_NOT_HOLD;
        because = "the cap is not honoured";
    } else if (seen->blocked_at_once > seen->cap) {
        verdict = HOLDS_ONLY_WHEN;
        because = "handlers do not block";
    }
    return judgement(verdict, because, "cap " N ": " N " running handlers at once, " N " blocked ones",
                     seen->cap, seen->spinning_at_once, seen->blocked_at_once);
}

struct judgement judge_listeners(const struct blocked_seen *seen) {
    bool more = seen->blocked_at_once > seen->cap;
    return judgement(more ? DOES_NOT_HOLD : NOT_TESTABLE,
                     more ? "more threads than that listen and are served"
                          : "no more threads than the cap were served",
                     "cap " N ": " N " of " N " listening threads were served at once", seen->cap,
                     seen->blocked_at_once, seen->workers);
}

struct judgement judge_takes(const struct takes_seen *seen) {
    enum verdict verdict = seen->handovers * 50 <= seen->packets ? HOLDS : DOES_NOT_HOLD;
    const char *because = "";
    if (seen->most_at_once > 1) {
        verdict = DOES_NOT_HOLD;
        because = "the cap is not honoured";
    }
    return judgement(verdict, because,
                     "cap 1, " N " workers: " N " changes of thread in " N " packets, " N " at once",
                     seen->workers, seen->handovers, seen->packets, seen->most_at_once);
}

struct judgement judge_last_port(const struct last_port_seen *seen) {
    enum verdict verdict = seen->moved == seen->rounds ? HOLDS : DOES_NOT_HOLD;
    const char *because = "";
    if (seen->held > 0) {
        verdict = NOT_TESTABLE;
        because = "the cap is not honoured: no port counts its threads";
    }
    return judgement(verdict, because,
                     "a second worker was served in " N " of " N " rounds before the first one moved, " N
                     " after",
                     seen->held, seen->rounds, seen->moved);
}

/* More than the spread of the repeats explains. */
static bool beats(struct rate one, struct rate other) {
    return one.low > other.high;
}

/* Neither equal within a tenth nor told apart by the repeats, which lie too far apart. */
static bool unclear(struct rate one, struct rate other) {
    uint64_t more = one.median > other.median ? one.median : other.median;
    uint64_t less = one.median > other.median ? other.median : one.median;
    return !beats(one, other) && !beats(other, one) && more * 10 > less * 11;
}

static bool any_unclear(const struct rate *rates, int count) {
    for (int i = 1; i < count; i++)
        if (unclear(rates[i], rates[0]))
            return true;
    return false;
}

static const char *const too_scattered = "the repeats lie too far apart to tell";

/* The level of `count` that none of the others beats, the median deciding among several. */
static int best(const struct rate *rates, int count) {
    int found = 0;
    for (int i = 1; i < count; i++)
        if (rates[i].median > rates[found].median)
            found = i;
    return found;
}

struct judgement judge_cap_is_processors(const struct grid_seen *seen) {
    const int most = GRID_WORKERS - 1;
    struct rate one = seen->cpu[0][most], equal = seen->cpu[1][most], twice = seen->cpu[2][most];
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->processors < 2) {
        verdict = NOT_TESTABLE;
        because = "there is one processor";
    } else if (unclear(equal, one) || unclear(equal, twice)) {
        verdict = NOT_TESTABLE;
        because = too_scattered;
    } else if (!beats(equal, one) && !beats(one, equal)) {
        verdict = NOT_TESTABLE;
        because = "a cap of 1 makes no difference: the cap is not honoured";
    } else {
        for (int workers = 0; workers < GRID_WORKERS; workers++)
            if (beats(seen->cpu[0][workers], seen->cpu[1][workers]) ||
                beats(seen->cpu[2][workers], seen->cpu[1][workers]))
                verdict = DOES_NOT_HOLD;
    }
    return judgement(verdict, because, N " workers, packets/s: cap 1 " N ", cap " N " " N ", cap " N " " N,
                     4 * seen->processors, one.median, seen->processors, equal.median, 2 * seen->processors,
                     twice.median);
}

/* The verdict on workers P, 2P, 3P, 4P at cap P, unless the repeats forbid any. */
static struct judgement of_workers(enum verdict verdict, const char *because, const struct grid_seen *seen) {
    const struct rate *cpu = seen->cpu[1], *blocking = seen->blocking[1];
    if (any_unclear(cpu, GRID_WORKERS) || any_unclear(blocking, GRID_WORKERS)) {
        verdict = NOT_TESTABLE;
        because = too_scattered;
    }
    return judgement(verdict, because,
                     "packets/s at 1, 2, 3, 4 × " N " workers: " N ", " N ", " N ", " N "; half blocked " N
                     ", " N ", " N ", " N,
                     seen->processors, cpu[0].median, cpu[1].median, cpu[2].median, cpu[3].median,
                     blocking[0].median, blocking[1].median, blocking[2].median, blocking[3].median);
}

struct judgement judge_two_or_three(const struct grid_seen *seen) {
    const struct rate *cpu = seen->cpu[1], *blocking = seen->blocking[1];
    int top = best(blocking, GRID_WORKERS);
    bool enough = !beats(blocking[top], blocking[1]) || !beats(blocking[top], blocking[2]);
    bool better_blocking = beats(blocking[1], blocking[0]) || beats(blocking[2], blocking[0]);
    bool better_cpu = beats(cpu[1], cpu[0]) || beats(cpu[2], cpu[0]);
    if (!enough || !better_blocking)
        return of_workers(
            DOES_NOT_HOLD,
            enough ? "as many workers as processors do as well" : "still more workers do better", seen);
    return better_cpu ? of_workers(HOLDS, "", seen) : of_workers(HOLDS_ONLY_WHEN, "handlers block", seen);
}

struct judgement judge_twice_when_blocking(const struct grid_seen *seen) {
    const struct rate *cpu = seen->cpu[1], *blocking = seen->blocking[1];
    bool blocking_gains = beats(blocking[1], blocking[0]), cpu_gains = beats(cpu[1], cpu[0]);
    const char *because = !blocking_gains ? "twice as many workers gain nothing for blocking handlers"
                          : cpu_gains     ? "twice as many workers gain for computing handlers too"
                                          : "";
    return of_workers(blocking_gains && !cpu_gains ? HOLDS : DOES_NOT_HOLD, because, seen);
}

struct judgement judge_as_many_as_processors(const struct grid_seen *seen) {
    const struct rate *cpu = seen->cpu[1], *blocking = seen->blocking[1];
    if (beats(cpu[best(cpu, GRID_WORKERS)], cpu[0]))
        return of_workers(DOES_NOT_HOLD, "more workers do better", seen);
    if (beats(blocking[best(blocking, GRID_WORKERS)], blocking[0]))
        return of_workers(HOLDS_ONLY_WHEN, "handlers do not block", seen);
    return of_workers(HOLDS, "", seen);
}

struct judgement judge_one_core(const struct core_seen *seen) {
    bool more = beats(seen->workers[best(seen->workers, CORE_WORKERS)], seen->workers[0]);
    enum verdict verdict = more ? DOES_NOT_HOLD : HOLDS;
    const char *because = more ? "more workers do better: taking a packet is itself a wait here" : "";
    if (!more && any_unclear(seen->workers, CORE_WORKERS)) {
        verdict = NOT_TESTABLE;
        because = too_scattered;
    }
    return judgement(
        verdict, because, "one processor, packets/s with 1, 2, 4, 8 workers: " N ", " N ", " N ", " N,
        seen->workers[0].median, seen->workers[1].median, seen->workers[2].median, seen->workers[3].median);
}

struct judgement judge_creation(const struct creation_seen *seen) {
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (2 * seen->pool_ns >= seen->thread_ns) {
        verdict = DOES_NOT_HOLD;
        because = "the pool costs at least half of a new thread";
    } else if (10 * seen->pool_ns > seen->thread_ns) {
        verdict = HOLDS_ONLY_WHEN;
        because = "a request's own work is not longer than a thread's start: the pool is less than 10 times "
                  "as cheap";
    }
    return judgement(verdict, because,
                     "a request by a new thread %.1f µs, by the pool %.1f µs, by a waiting worker %.1f µs",
                     us(seen->thread_ns), us(seen->pool_ns), us(seen->queued_ns));
}

struct judgement judge_switch(const struct switch_seen *seen) {
    struct rate threads = {seen->thread_low_ns, seen->thread_ns, seen->thread_high_ns};
    struct rate processes = {seen->process_low_ns, seen->process_ns, seen->process_high_ns};
    enum verdict verdict = DOES_NOT_HOLD;
    const char *because = "both cost the same";
    if (beats(processes, threads)) {
        verdict = HOLDS;
        because = "";
    } else if (beats(threads, processes)) {
        because = "it costs more";
    } else if (unclear(threads, processes)) {
        verdict = NOT_TESTABLE;
        because = too_scattered;
    }
    return judgement(verdict, because,
                     "one switch: threads %.1f µs [%.1f, %.1f], processes %.1f µs [%.1f, %.1f]",
                     us(threads.median), us(threads.low), us(threads.high), us(processes.median),
                     us(processes.low), us(processes.high));
}

struct judgement judge_stacks(const struct stack_seen *seen) {
    const char *because = "";
    enum verdict verdict = seen->created < seen->asked && seen->created >= 1500 ? HOLDS : DOES_NOT_HOLD;
    if (seen->pointer_bytes > 4) {
        verdict = NOT_TESTABLE;
        because = "a 64-bit process: stacks do not exhaust its address space";
    }
    return judgement(verdict, because,
                     N " of " N " threads stood, each with " N " KB reserved; pointers of " N " bytes",
                     seen->created, seen->asked, seen->reserve_bytes / 1024, seen->pointer_bytes);
}

struct judgement judge_kinds(const struct kinds_seen *seen) {
    bool all = seen->work == seen->asked && seen->timer == seen->asked && seen->wait == seen->asked &&
               seen->io == seen->asked;
    return judgement(all && seen->asked > 0 ? HOLDS : DOES_NOT_HOLD, all ? "" : "not every callback came",
                     "callbacks of " N ": work " N " (%.0f µs), timer " N " (%.0f µs), wait " N
                     " (%.0f µs), I/O " N " (%.0f µs)",
                     seen->asked, seen->work, us(seen->work_ns), seen->timer, us(seen->timer_ns), seen->wait,
                     us(seen->wait_ns), seen->io, us(seen->io_ns));
}

struct judgement judge_submit(const struct submit_seen *seen) {
    bool lazily = seen->threads_with_pool == seen->threads_before;
    bool made = seen->threads_after > seen->threads_with_pool && seen->ran_on_new_thread;
    return judgement(lazily && made ? HOLDS : DOES_NOT_HOLD,
                     !lazily ? "the pool has threads before it has work"
                     : !made ? "the first work made no thread"
                             : "",
                     "threads: " N " before, " N " with an idle pool, " N " after the first work",
                     seen->threads_before, seen->threads_with_pool, seen->threads_after);
}

struct judgement judge_wait_limit(const struct wait_seen *seen) {
    bool holds = seen->error_at_64 == 0 && seen->error_at_65 != 0;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "", "64 handles: error " N "; 65 handles: error " N,
                     seen->error_at_64, seen->error_at_65);
}

enum { WOULD_BLOCK = 10035, NOT_CONNECTED = 10057 }; /* WSAEWOULDBLOCK, WSAENOTCONN */

struct judgement judge_inherit(const struct inherit_seen *seen) {
    bool holds = seen->accept_error == WOULD_BLOCK && seen->receive_error == WOULD_BLOCK;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     "accept without a client: error " N "; receive on an accepted socket: error " N,
                     seen->accept_error, seen->receive_error);
}

struct judgement judge_alertable(const struct alertable_seen *seen) {
    bool holds = seen->ran_in_sleep == 0 && seen->ran_in_alertable_sleep == seen->operations;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     "routines of " N " operations: " N " ran in Sleep, " N " in SleepEx", seen->operations,
                     seen->ran_in_sleep, seen->ran_in_alertable_sleep);
}

struct judgement judge_event_field_free(const struct alertable_seen *seen) {
    bool holds = seen->operations > 0 && seen->context_kept == seen->operations;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     N " of " N " routines found the program's own value in hEvent", seen->context_kept,
                     seen->operations);
}

struct judgement judge_association(const struct association_seen *seen) {
    bool holds = seen->packets_unassociated == 0 && seen->packets_associated == 1 && seen->again_error != 0;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     "packets: " N " before association, " N " after; a second association: error " N,
                     seen->packets_unassociated, seen->packets_associated, seen->again_error);
}

struct judgement judge_pool_association(const struct association_seen *seen) {
    bool holds = seen->pool_then_port_error != 0;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD,
                     holds ? "" : "the handle could still be associated with another port",
                     "a port of our own after CreateThreadpoolIo: error " N, seen->pool_then_port_error);
}

struct judgement judge_zero(const struct zero_seen *seen) {
    bool fin = seen->fin_error == 0 && seen->fin_bytes == 0;
    bool posted = seen->posted_zero_error == 0 && seen->posted_zero_bytes == 0 && seen->bytes_after > 0;
    enum verdict verdict = !fin ? DOES_NOT_HOLD : posted ? HOLDS_ONLY_WHEN : HOLDS;
    return judgement(
        verdict, verdict == HOLDS_ONLY_WHEN ? "no receive of zero bytes was posted" : "",
        "FIN: " N " bytes, error " N "; RST: error " N "; posted with 0 bytes: " N " bytes, then " N " more",
        seen->fin_bytes, seen->fin_error, seen->reset_error, seen->posted_zero_bytes, seen->bytes_after);
}

struct judgement judge_parameters(const struct parameters_seen *seen) {
    bool others_matter = seen->null_handle_error != 0 || seen->existing_port_error != 0;
    enum verdict verdict = !seen->odd_key_made_port ? DOES_NOT_HOLD : others_matter ? HOLDS_ONLY_WHEN : HOLDS;
    return judgement(
        verdict,
        verdict == HOLDS_ONLY_WHEN ? "the handle is INVALID_HANDLE_VALUE and the existing port NULL" : "",
        "an odd key makes a port: %s; handle NULL: error " N "; existing port given: error " N,
        seen->odd_key_made_port ? "yes" : "no", seen->null_handle_error, seen->existing_port_error);
}

struct judgement judge_callback(const struct callback_seen *seen) {
    bool port = seen->port_callbacks > 0, pool = seen->pool_callbacks > 0;
    enum verdict verdict = port ? HOLDS : pool ? HOLDS_ONLY_WHEN : DOES_NOT_HOLD;
    return judgement(
        verdict, verdict == HOLDS_ONLY_WHEN ? "the thread pool waits for the port (CreateThreadpoolIo)" : "",
        "code run by the system: " N " times for a bare port (its packet stayed queued: " N "), " N
        " by the pool",
        seen->port_callbacks, seen->port_packets, seen->pool_callbacks);
}

struct judgement judge_two_waiters(const struct two_waiters_seen *seen) {
    bool both = seen->woken > 1;
    return judgement(
        both ? DOES_NOT_HOLD : HOLDS,
        both ? "any number may wait; that one thread owns the request is a rule for programs" : "",
        N " of " N " threads that waited for one request's event were woken", seen->woken, seen->waiters);
}

struct judgement judge_zero_read(const struct zero_read_seen *seen) {
    bool holds = seen->error == 0 && seen->event_set && seen->bytes == 0;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     "ReadFile of 0 bytes: error " N ", " N " bytes, event set: %s", seen->error, seen->bytes,
                     seen->event_set ? "yes" : "no");
}

struct judgement judge_accept_context(const struct context_seen *seen) {
    bool needed = seen->peer_error_before != 0 && seen->peer_error_after == 0;
    return judgement(needed ? HOLDS : DOES_NOT_HOLD, needed ? "" : "the socket is complete without it",
                     "getpeername before SO_UPDATE_ACCEPT_CONTEXT: error " N ", after: error " N,
                     seen->peer_error_before, seen->peer_error_after);
}

struct judgement judge_processors(const struct processors_seen *seen) {
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->system_info < seen->all_groups) {
        verdict = DOES_NOT_HOLD;
        because = "it counts one processor group";
    } else if (seen->cores == 0) {
        verdict = NOT_TESTABLE;
        because = "the system does not tell its cores";
    } else if (seen->cores < seen->system_info) {
        verdict = HOLDS_ONLY_WHEN;
        because = "a core has one logical processor";
    }
    if (seen->cores == 0)
        return judgement(verdict, because, "GetSystemInfo " N ", all groups " N ", cores unknown",
                         seen->system_info, seen->all_groups);
    return judgement(verdict, because, "GetSystemInfo " N ", all groups " N ", cores " N, seen->system_info,
                     seen->all_groups, seen->cores);
}

struct judgement judge_read_or_write(const struct kind_seen *seen) {
    bool alike = seen->same_key && seen->same_bytes;
    return judgement(
        alike && seen->packets == 2 ? HOLDS : DOES_NOT_HOLD, "",
        "packets of a send and a receive: same key %s, same bytes %s, told apart by the OVERLAPPED %s",
        seen->same_key ? "yes" : "no", seen->same_bytes ? "yes" : "no",
        seen->told_by_overlapped ? "yes" : "no");
}

struct judgement judge_returns(const struct returns_seen *seen) {
    bool at_once = seen->call_ns * 10 <= seen->completion_ns;
    enum verdict verdict = seen->pended < seen->calls ? NOT_TESTABLE : at_once ? HOLDS : DOES_NOT_HOLD;
    return judgement(verdict, verdict == NOT_TESTABLE ? "not every call was pending when it returned" : "",
                     N " of " N " calls pended; a call took %.1f µs, its completion came after %.0f µs",
                     seen->pended, seen->calls, us(seen->call_ns), us(seen->completion_ns));
}

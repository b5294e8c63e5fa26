#include "laws/verdict/sockets_and_handles.h"

#include <inttypes.h>

#define N "%" PRIu64

static double us(uint64_t ns) {
    return (double)ns / 1000;
}

struct judgement judge_wait_limit(const struct wait_limit_seen *seen) {
    bool holds = seen->error_at_64 == 0 && seen->error_at_65 != 0;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     "64 handles: error " N "; 65 handles: error " N, seen->error_at_64,
                     seen->error_at_65);
}

enum { WOULD_BLOCK = 10035 }; /* WSAEWOULDBLOCK */

struct judgement judge_accept_inherits(const struct accept_inherits_seen *seen) {
    bool holds = seen->accept_error == WOULD_BLOCK && seen->receive_error == WOULD_BLOCK;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     "accept without a client: error " N
                     "; receive on an accepted socket: error " N,
                     seen->accept_error, seen->receive_error);
}

struct judgement judge_accept_context(const struct accept_context_seen *seen) {
    bool needed = seen->peer_error_before != 0 && seen->peer_error_after == 0;
    return judgement(needed ? HOLDS : DOES_NOT_HOLD,
                     needed ? "" : "the socket is complete without it",
                     "getpeername before SO_UPDATE_ACCEPT_CONTEXT: error " N ", after: error " N,
                     seen->peer_error_before, seen->peer_error_after);
}

struct judgement judge_alertable_wait(const struct alertable_wait_seen *seen) {
    bool holds = seen->ran_in_sleep == 0 && seen->ran_in_alertable_sleep == seen->operations;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     "routines of " N " operations: " N " ran in Sleep, " N " in SleepEx",
                     seen->operations, seen->ran_in_sleep, seen->ran_in_alertable_sleep);
}

struct judgement judge_event_field_free(const struct alertable_wait_seen *seen) {
    bool holds = seen->operations > 0 && seen->context_kept == seen->operations;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     N " of " N " routines found the program's own value in hEvent",
                     seen->context_kept, seen->operations);
}

struct judgement judge_two_waiters(const struct two_waiters_seen *seen) {
    bool both = seen->woken > 1;
    return judgement(
        both ? DOES_NOT_HOLD : HOLDS,
        both ? "any number of threads may wait; one owner per operation is only a convention" : "",
        N " of " N " threads that waited for one operation's event were released", seen->woken,
        seen->waiters);
}

struct judgement judge_zero_read(const struct zero_read_seen *seen) {
    bool holds = seen->error == 0 && seen->event_set && seen->bytes == 0;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     "ReadFile of 0 bytes: error " N ", " N " bytes, event set: %s", seen->error,
                     seen->bytes, seen->event_set ? "yes" : "no");
}

struct judgement judge_call_returns(const struct call_returns_seen *seen) {
    bool at_once = seen->call_ns * 10 <= seen->completion_ns;
    enum verdict verdict = seen->pended < seen->calls ? NOT_TESTABLE
                           : at_once                  ? HOLDS
                                                      : DOES_NOT_HOLD;
    return judgement(verdict,
                     verdict == NOT_TESTABLE ? "not every call was pending when it returned" : "",
                     N " of " N " calls pended; a call took %.1f µs, its completion %.0f µs",
                     seen->pended, seen->calls, us(seen->call_ns), us(seen->completion_ns));
}

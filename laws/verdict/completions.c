#include "laws/verdict/completions.h"

#include <inttypes.h>

#define N "%" PRIu64

struct judgement judge_errors_are_packets(const struct errors_are_packets_seen *seen) {
    uint64_t all = seen->operations;
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (all == 0 || seen->pended < END_CAUSES * all) {
        verdict = NOT_TESTABLE;
        because = "not every receive was outstanding when its connection ended";
    } else if (seen->fin_once < all || seen->reset_once < all || seen->cancel_once < all ||
               seen->close_once < all) {
        verdict = DOES_NOT_HOLD;
        because = "an operation got no packet, or several";
    } else if (seen->reset_errors < all || seen->cancel_errors < all || seen->close_errors < all) {
        verdict = DOES_NOT_HOLD;
        because = "a packet of a failed operation reports success";
    }
    return judgement(verdict, because,
                     "one packet each: FIN " N "/" N ", RST " N "/" N ", CancelIoEx " N "/" N
                     ", closesocket " N "/" N "; errors " N ", " N ", " N ", " N,
                     seen->fin_once, all, seen->reset_once, all, seen->cancel_once, all,
                     seen->close_once, all, seen->fin_errors, seen->reset_errors,
                     seen->cancel_errors, seen->close_errors);
}

/* Returns how many blocks more than the unused objects leave. */
static uint64_t leaked(uint64_t blocks, uint64_t unused) {
    return blocks > unused ? blocks - unused : 0;
}

struct judgement judge_start_threadpool_io(const struct start_threadpool_io_seen *seen) {
    uint64_t cancelled = leaked(seen->blocks_cancelled, seen->blocks_unused);
    uint64_t not_cancelled = leaked(seen->blocks_not_cancelled, seen->blocks_unused);
    bool lost = seen->callbacks_not_started < seen->operations || seen->not_started_broke;
    /* half of the failures: the pool may still be freeing when the blocks are counted */
    bool leaks = 2 * not_cancelled >= 2 * cancelled + seen->failures || seen->not_cancelled_broke ||
                 seen->waits_that_hang;
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (seen->operations == 0 || seen->callbacks_started < seen->operations) {
        verdict = NOT_TESTABLE;
        because = "the correct use loses callbacks, too";
    } else if (!lost || !leaks) {
        verdict = DOES_NOT_HOLD;
        because = lost    ? "without CancelThreadpoolIo nothing leaks or hangs"
                  : leaks ? "without StartThreadpoolIo no callback is lost"
                          : "both misuses do no harm here";
    }
    return judgement(verdict, because,
                     "of " N " callbacks: " N " with Start, " N " without%s; leaks of " N
                     " failures: " N " with Cancel, " N " without%s%s",
                     seen->operations, seen->callbacks_started, seen->callbacks_not_started,
                     seen->not_started_broke ? " (crash)" : "", seen->failures, cancelled,
                     not_cancelled, seen->not_cancelled_broke ? " (crash)" : "",
                     seen->waits_that_hang ? "; the wait hangs" : "");
}

struct judgement judge_safe_stop(const struct safe_stop_seen *seen) {
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (seen->lost || seen->twice) {
        verdict = DOES_NOT_HOLD;
        because = "an operation does not complete exactly once";
    } else if (seen->late || seen->not_freed) {
        verdict = DOES_NOT_HOLD;
        because = "a callback runs after the wait, or its memory is never freed";
    } else if (seen->cancelled == 0) {
        verdict = NOT_TESTABLE;
        because = "no operation was outstanding at a stop";
    } else if (seen->late_without_wait == 0) {
        verdict = NOT_TESTABLE;
        because = "no callback ran late even without the wait";
    }
    return judgement(verdict, because,
                     N " stops, " N " operations, " N " cancelled: " N " lost, " N " twice, " N
                       " not freed; late callbacks: " N ", without the wait " N,
                     seen->stops, seen->operations, seen->cancelled, seen->lost, seen->twice,
                     seen->not_freed, seen->late, seen->late_without_wait);
}

struct judgement judge_own_overlapped(const struct own_overlapped_seen *seen) {
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (seen->answers == 0 || seen->pended < 4 * seen->rounds) {
        verdict = NOT_TESTABLE;
        because = "two receives were never outstanding concurrently";
    } else if (seen->wrong_own > 0) {
        verdict = NOT_TESTABLE;
        because = "answers are wrong with an OVERLAPPED for each client, too";
    } else if (seen->wrong_shared == 0) {
        verdict = DOES_NOT_HOLD;
        because = "a shared OVERLAPPED gives the right answers";
    }
    return judgement(verdict, because,
                     "wrong answers of " N ": " N " with two OVERLAPPED, " N
                     " with one for both clients",
                     seen->answers, seen->wrong_own, seen->wrong_shared);
}

struct judgement judge_key_and_operation(const struct key_and_operation_seen *seen) {
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (seen->sockets < 2 || seen->packets == 0) {
        verdict = NOT_TESTABLE;
        because = "no packets to compare";
    } else if (seen->wrong_keys || seen->wrong_operations || seen->packets != seen->operations) {
        verdict = DOES_NOT_HOLD;
        because = "a key or an OVERLAPPED does not come back";
    }
    return judgement(
        verdict, because,
        N " packets of " N " operations on " N " sockets: " N " wrong keys, " N " wrong operations",
        seen->packets, seen->operations, seen->sockets, seen->wrong_keys, seen->wrong_operations);
}

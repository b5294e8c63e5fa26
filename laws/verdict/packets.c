#include "laws/verdict/packets.h"

#include <inttypes.h>

#define N "%" PRIu64

/* Tolerates one packet in ten: a busy machine may spoil a few. */
static bool nearly_all(uint64_t part, uint64_t whole) {
    return whole > 0 && part * 10 >= whole * 9;
}

struct judgement judge_fifo_packets(const struct fifo_packets_seen *seen) {
    bool holds = seen->packets > 0 && seen->missing == 0 && seen->out_of_order == 0;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     N " of " N " packets out of order, " N " missing", seen->out_of_order,
                     seen->packets, seen->missing);
}

struct judgement judge_exactly_once(const struct exactly_once_seen *seen) {
    enum verdict verdict = seen->lost > 0 || seen->duplicated > 0 ? DOES_NOT_HOLD : HOLDS;
    const char *because = "";
    /* without sharing the packets prove nothing */
    if (verdict == HOLDS && seen->workers_used < 2) {
        verdict = NOT_TESTABLE;
        because = "one worker took every packet";
    }
    return judgement(verdict, because,
                     N " packets, " N " of " N " workers: " N " lost, " N " twice", seen->packets,
                     seen->workers_used, seen->workers, seen->lost, seen->duplicated);
}

struct judgement judge_lifo_waiters(const struct lifo_waiters_seen *seen) {
    bool newest = nearly_all(seen->newest, seen->spaced_packets);
    bool oldest = nearly_all(seen->oldest, seen->spaced_packets);
    const char *because = newest   ? ""
                          : oldest ? "the oldest waiter is released: first in, first out"
                                   : "neither the newest nor the oldest waiter is always released";
    return judgement(newest ? HOLDS : DOES_NOT_HOLD, because,
                     N " of " N " packets released the newest of " N " waiters, " N " the oldest",
                     seen->newest, seen->spaced_packets, seen->workers, seen->oldest);
}

struct judgement judge_lifo_waiters_burst(const struct lifo_waiters_seen *seen) {
    bool newest = nearly_all(seen->burst_newest, seen->burst_packets);
    return judgement(newest ? HOLDS : DOES_NOT_HOLD,
                     newest ? "" : "a burst releases other waiters than the newest",
                     N " of " N " packets of bursts released one of the newest waiters",
                     seen->burst_newest, seen->burst_packets);
}

struct judgement judge_read_or_write(const struct read_or_write_seen *seen) {
    bool alike = seen->same_key && seen->same_bytes;
    return judgement(alike && seen->packets == 2 ? HOLDS : DOES_NOT_HOLD, "",
                     "packets of a send and a receive: same key %s, same bytes %s, different "
                     "OVERLAPPED %s",
                     seen->same_key ? "yes" : "no", seen->same_bytes ? "yes" : "no",
                     seen->told_by_overlapped ? "yes" : "no");
}

struct judgement judge_zero_bytes(const struct zero_bytes_seen *seen) {
    bool fin = seen->fin_error == 0 && seen->fin_bytes == 0;
    bool posted =
        seen->posted_zero_error == 0 && seen->posted_zero_bytes == 0 && seen->bytes_after > 0;
    enum verdict verdict = !fin ? DOES_NOT_HOLD : posted ? HOLDS_ONLY_WHEN : HOLDS;
    return judgement(verdict,
                     verdict == HOLDS_ONLY_WHEN ? "no receive of zero bytes was posted" : "",
                     "FIN: " N " bytes, error " N "; RST: error " N "; posted with 0 bytes: " N
                     " bytes, then " N " more",
                     seen->fin_bytes, seen->fin_error, seen->reset_error, seen->posted_zero_bytes,
                     seen->bytes_after);
}

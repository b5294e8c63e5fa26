#include "laws/verdict/transfers.h"

#include <inttypes.h>

#define N "%" PRIu64

static double us(uint64_t ns) {
    return (double)ns / 1000;
}

struct judgement judge_kernel_transfers(const struct kernel_transfers_seen *seen) {
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (seen->operations == 0 || seen->receives_pended < seen->operations) {
        verdict = NOT_TESTABLE;
        because = "not every receive was outstanding when its call returned";
    } else if (seen->full_pended < seen->operations || seen->full_early > 0) {
        verdict = NOT_TESTABLE;
        because = "the send buffer did not become full";
    } else if (seen->bytes_arrived < seen->bytes_sent) {
        verdict = DOES_NOT_HOLD;
        because = "data of completed sends did not arrive";
    } else if (seen->free_inline < seen->operations) {
        verdict = HOLDS_ONLY_WHEN;
        because = "immediately means before the end: sends wait although their buffer is free";
    }
    if (verdict != NOT_TESTABLE && (seen->receive_call_ns * 10 > seen->receive_ns ||
                                    seen->full_call_ns * 10 > seen->full_ns)) {
        verdict = DOES_NOT_HOLD;
        because = "the call itself waits for the transfer";
    }
    return judgement(verdict, because,
                     "call, completion in µs: receive %.0f, %.0f; send %.0f inline (" N "/" N
                     "); send with full buffer %.0f, %.0f",
                     us(seen->receive_call_ns), us(seen->receive_ns), us(seen->free_call_ns),
                     seen->free_inline, seen->operations, us(seen->full_call_ns),
                     us(seen->full_ns));
}

struct judgement judge_accept_ex_pointer(const struct accept_ex_pointer_seen *seen) {
    bool works = seen->found && seen->accepts > 0 && seen->accepted == seen->accepts;
    return judgement(works ? HOLDS : DOES_NOT_HOLD,
                     works         ? ""
                     : seen->found ? "the pointer does not accept every client"
                                   : "WSAIoctl gives no pointer",
                     N " of " N " accepts by the pointer from WSAIoctl; another socket gets %s",
                     seen->accepted, seen->accepts,
                     seen->same_pointer ? "the same pointer" : "another pointer");
}

struct judgement judge_accept_with_data(const struct accept_with_data_seen *seen) {
    uint64_t all = seen->clients;
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (all == 0 || seen->addresses_right < all || seen->data_right < all) {
        verdict = DOES_NOT_HOLD;
        because = "an address or the first data is wrong";
    } else if (seen->without_buffer < all) {
        verdict = NOT_TESTABLE;
        because = "even without a buffer a silent client was not accepted";
    } else if (seen->silent_held == all) {
        verdict = HOLDS_ONLY_WHEN;
        because = "the client speaks first: a silent one holds the accept";
    }
    return judgement(verdict, because,
                     "addresses " N "/" N ", data " N "/" N "; silent clients: " N
                     " hold the accept, SO_CONNECT_TIME shows " N ", " N " complete later",
                     seen->addresses_right, all, seen->data_right, all, seen->silent_held,
                     seen->silent_timed, seen->silent_accepted);
}

struct judgement judge_posted_receives(const struct posted_receives_seen *seen) {
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (seen->receives == 0 || seen->pended < seen->receives) {
        verdict = NOT_TESTABLE;
        because = "not every receive was outstanding before the data came";
    } else if (seen->filled < seen->receives) {
        verdict = DOES_NOT_HOLD;
        because = "a posted receive got no data";
    } else if (seen->bytes_out_of_order > 0) {
        verdict = DOES_NOT_HOLD;
        because = "the buffers do not fill in the order of their receives";
    }
    return judgement(verdict, because,
                     N " of " N " posted receives took data that came later; " N " outstanding: " N
                       " of " N " bytes out of order",
                     seen->filled, seen->receives, seen->outstanding, seen->bytes_out_of_order,
                     seen->bytes);
}

struct judgement judge_gathered_send(const struct gathered_send_seen *seen) {
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (seen->sends == 0 || seen->most_pieces < 2) {
        verdict = NOT_TESTABLE;
        because = "no send had several pieces";
    } else if (seen->whole < seen->sends || seen->packets != seen->sends) {
        verdict = DOES_NOT_HOLD;
        because = "a send does not complete once with the bytes of all its pieces";
    } else if (seen->bytes_wrong > 0) {
        verdict = DOES_NOT_HOLD;
        because = "the pieces do not arrive in their order";
    }
    return judgement(
        verdict, because,
        N " sends of up to " N " pieces: " N " packets, " N " whole, " N " of " N " bytes wrong",
        seen->sends, seen->most_pieces, seen->packets, seen->whole, seen->bytes_wrong, seen->bytes);
}

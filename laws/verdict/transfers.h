/* Verdicts on overlapped transfers and accepts: what a call starts, and what its completion
 * brings. */
#ifndef IOMODELS_VERDICT_TRANSFERS_H
#define IOMODELS_VERDICT_TRANSFERS_H

#include "laws/verdict/verdict.h"

/* kernel_transfers: receives without data, sends with a free send buffer, sends with a full one.
 * `full_early`: sends on the full buffer that completed before the peer read. Times are medians: in
 * the call, and from its start to the completion. */
#define KERNEL_TRANSFERS_SEEN(X)                                                                   \
    X(operations) /* of each kind */                                                               \
    X(receives_pended)                                                                             \
    X(free_inline)                                                                                 \
    X(full_pended)                                                                                 \
    X(full_early)                                                                                  \
    X(bytes_sent)                                                                                  \
    X(bytes_arrived)                                                                               \
    X(receive_call_ns)                                                                             \
    X(receive_ns)                                                                                  \
    X(free_call_ns)                                                                                \
    X(full_call_ns)                                                                                \
    X(full_ns)
struct kernel_transfers_seen {
    KERNEL_TRANSFERS_SEEN(VERDICT_FIELD)
};
struct judgement judge_kernel_transfers(const struct kernel_transfers_seen *);

/* accept_ex_pointer: of `accepts` by the pointer from WSAIoctl, how many accepted their client.
 * The last field: 1 if two sockets got the same pointer. */
#define ACCEPT_EX_POINTER_SEEN(X) X(found) X(accepts) X(accepted) X(same_pointer)
struct accept_ex_pointer_seen {
    ACCEPT_EX_POINTER_SEEN(VERDICT_FIELD)
};
struct judgement judge_accept_ex_pointer(const struct accept_ex_pointer_seen *);

/* accept_with_data: clients that speak first and clients that are silent at first, by AcceptEx with
 * a receive buffer. `silent_timed`: SO_CONNECT_TIME gave the age of a silent connection. */
#define ACCEPT_WITH_DATA_SEEN(X)                                                                   \
    X(clients) /* of each kind */                                                                  \
    X(addresses_right)                                                                             \
    X(data_right)                                                                                  \
    X(silent_held) /* no completion while the client was silent */                                 \
    X(silent_timed)                                                                                \
    X(silent_accepted) /* the completion came with the first byte */                               \
    X(without_buffer)  /* silent clients, accepted immediately if AcceptEx has no buffer */
struct accept_with_data_seen {
    ACCEPT_WITH_DATA_SEEN(VERDICT_FIELD)
};
struct judgement judge_accept_with_data(const struct accept_with_data_seen *);

/* posted_receives: receives that were started before the peer sent. */
#define POSTED_RECEIVES_SEEN(X)                                                                    \
    X(receives)    /* in all rounds */                                                             \
    X(outstanding) /* per connection */                                                            \
    X(pended)                                                                                      \
    X(filled) /* completed with the data that arrived later, by no further call */                 \
    X(bytes)                                                                                       \
    X(bytes_out_of_order)
struct posted_receives_seen {
    POSTED_RECEIVES_SEEN(VERDICT_FIELD)
};
struct judgement judge_posted_receives(const struct posted_receives_seen *);

/* gathered_send: one WSASend of up to `most_pieces` buffers each. */
#define GATHERED_SEND_SEEN(X) X(sends) X(most_pieces) X(whole) X(packets) X(bytes) X(bytes_wrong)
struct gathered_send_seen {
    GATHERED_SEND_SEEN(VERDICT_FIELD)
};
struct judgement judge_gathered_send(const struct gathered_send_seen *);

#endif

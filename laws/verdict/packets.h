/* Verdicts on completion packets: order, delivery, contents. */
#ifndef IOMODELS_VERDICT_PACKETS_H
#define IOMODELS_VERDICT_PACKETS_H

#include "laws/verdict/verdict.h"

/* fifo_packets: one thread posts `packets`, one thread takes them. */
#define FIFO_PACKETS_SEEN(X) X(packets) X(missing) X(out_of_order)
struct fifo_packets_seen {
    FIFO_PACKETS_SEEN(VERDICT_FIELD)
};
struct judgement judge_fifo_packets(const struct fifo_packets_seen *);

/* exactly_once: how often one of `workers` took each of `packets`. */
#define EXACTLY_ONCE_SEEN(X) X(packets) X(workers) X(workers_used) X(lost) X(duplicated)
struct exactly_once_seen {
    EXACTLY_ONCE_SEEN(VERDICT_FIELD)
};
struct judgement judge_exactly_once(const struct exactly_once_seen *);

/* lifo_waiters: which of `workers` waiting threads took each packet. */
#define LIFO_WAITERS_SEEN(X)                                                                       \
    X(workers)                                                                                     \
    X(spaced_packets) /* posted one by one */                                                      \
    X(newest)         /* of these, taken by the newest waiter */                                   \
    X(oldest)         /* of these, taken by the oldest waiter */                                   \
    X(burst_packets)  /* posted in bursts of n */                                                  \
    X(burst_newest)   /* of these, taken by one of the n newest waiters */
struct lifo_waiters_seen {
    LIFO_WAITERS_SEEN(VERDICT_FIELD)
};
struct judgement judge_lifo_waiters(const struct lifo_waiters_seen *);
struct judgement judge_lifo_waiters_burst(const struct lifo_waiters_seen *);

/* read_or_write: packets of a send and of a receive of the same length. The last three fields: 1 is
 * yes. */
#define READ_OR_WRITE_SEEN(X) X(packets) X(same_key) X(same_bytes) X(told_by_overlapped)
struct read_or_write_seen {
    READ_OR_WRITE_SEEN(VERDICT_FIELD)
};
struct judgement judge_read_or_write(const struct read_or_write_seen *);

/* zero_bytes: what a receive reports after a FIN, after an RST, and with a buffer of 0 bytes. */
#define ZERO_BYTES_SEEN(X)                                                                         \
    X(fin_bytes)                                                                                   \
    X(fin_error)                                                                                   \
    X(reset_error)                                                                                 \
    X(posted_zero_bytes) /* bytes of the receive with a buffer of 0 bytes */                       \
    X(posted_zero_error)                                                                           \
    X(bytes_after) /* bytes of a second receive, with a larger buffer */
struct zero_bytes_seen {
    ZERO_BYTES_SEEN(VERDICT_FIELD)
};
struct judgement judge_zero_bytes(const struct zero_bytes_seen *);

#endif

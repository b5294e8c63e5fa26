/* Verdicts on servers that pass data between the network and a disk. */
#ifndef IOMODELS_VERDICT_RELAY_H
#define IOMODELS_VERDICT_RELAY_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

/* relay: a server stores what it receives. It receives and writes in turn with one thread, or has a
 * second thread that writes, or does both by overlapped calls with one thread. wrong: stored blocks
 * with wrong bytes; overfull: passes in which a queue had more blocks than it may. Rates are KB/s
 * (1000 bytes), times medians. taken: when the last byte of a burst was sent. */
#define RELAY_SEEN(X)                                                                              \
    X(blocks)                                                                                      \
    X(wrong)                                                                                       \
    X(overfull)                                                                                    \
    X(blocking_kb_per_s)                                                                           \
    X(writer_thread_kb_per_s)                                                                      \
    X(overlapped_kb_per_s)                                                                         \
    X(blocking_taken_us)                                                                           \
    X(writer_thread_taken_us)                                                                      \
    X(overlapped_taken_us)                                                                         \
    X(percent_sent_during_writes) /* of the bytes, while the one thread was blocked in a write */
struct relay_seen {
    RELAY_SEEN(VERDICT_FIELD)
    /* overlapped to blocking: */
    struct ratio sustained; /* time to store a stream that is longer than the queue */
    struct ratio equal;     /* the same if network and disk are equally fast */
    struct ratio burst;     /* time to take a burst that fits the queue */
};
struct judgement judge_relay(const struct relay_seen *);

#endif

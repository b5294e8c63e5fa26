/* A server's counters. Every thread has its own block, so that counting needs no lock and shares
 * no cache line. A report adds up the blocks while their threads run, and may be a few counts
 * behind. */
#ifndef IOMODELS_STATS_H
#define IOMODELS_STATS_H

#include <stdint.h>

#define STATS_COUNTERS(X)                                                                          \
    X(accepted) /* connections admitted */                                                         \
    X(refused)  /* connections closed immediately: --max-conns are open, or a queue is full */     \
    X(aborted)  /* connections that the client reset before the model accepted them */             \
    X(closed)   /* admitted connections that are closed */                                         \
    X(requests) /* requests whose reply is complete */                                             \
    X(bytes_received)                                                                              \
    X(bytes_sent)                                                                                  \
    X(receives)           /* receives that returned bytes */                                       \
    X(sends)              /* sends that took bytes */                                              \
    X(partial_sends)      /* sends that took fewer bytes than offered */                           \
    X(waits)              /* returns from the call in which the model waits */                     \
    X(events)             /* completions or ready sockets that those waits returned */             \
    X(inline_completions) /* overlapped operations that completed inline */                        \
    X(protocol_errors)    /* connections closed for a header beyond the limits of frame.h */       \
    X(truncated)          /* connections that the client half-closed inside a frame */             \
    X(resets)             /* connections that the client reset */                                  \
    X(failures)           /* any other error that ended a connection */

struct stats {
#define STATS_MEMBER(name) uint64_t name;
    STATS_COUNTERS(STATS_MEMBER)
#undef STATS_MEMBER
};

#endif

/*
 * What a server counts. Every thread counts in a block of its own, so that counting costs no lock and no
 * shared cache line; whoever reports adds the blocks up while their owners go on, and may be a few counts
 * behind.
 */
#ifndef IOMODELS_STATS_H
#define IOMODELS_STATS_H

#include <stdint.h>

#define STATS_COUNTERS(X)                                                                                    \
    X(accepted) /* connections admitted */                                                                   \
    X(refused)  /* connections closed at once because --max-conns were open */                               \
    X(closed)   /* admitted connections that are closed */                                                   \
    X(requests) /* requests whose reply has been made */                                                     \
    X(bytes_received)                                                                                        \
    X(bytes_sent)                                                                                            \
    X(receives)      /* receives that brought bytes */                                                       \
    X(sends)         /* sends that took bytes */                                                             \
    X(partial_sends) /* sends that took fewer bytes than they were offered */                                \
    X(waits)         /* returns from the call in which the model waits */                                    \
    X(events)        /* completions, or ready sockets, that those waits brought */                           \
    X(inline_completions) /* overlapped operations that had ended when the call that starts them returned */ \
    X(protocol_errors) /* connections closed for a header that breaks the limits of frame.h */               \
    X(truncated)       /* connections that the peer ended inside a frame */                                  \
    X(resets)          /* connections that the peer reset */                                                 \
    X(failures)        /* any other error that cost a connection */

struct stats {
#define STATS_MEMBER(name) uint64_t name;
    STATS_COUNTERS(STATS_MEMBER)
#undef STATS_MEMBER
};

#endif

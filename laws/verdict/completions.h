/* Verdicts on overlapped operations: each completes once, to its own OVERLAPPED, and may be freed
 * only after that. */
#ifndef IOMODELS_VERDICT_COMPLETIONS_H
#define IOMODELS_VERDICT_COMPLETIONS_H

#include "laws/verdict/verdict.h"

/* errors_are_packets: `operations` receives were outstanding per cause when their connection ended
 * by it. `…_once`: of these, how many got exactly one packet; `…_errors`: packets with an error. */
#define ERRORS_ARE_PACKETS_SEEN(X)                                                                 \
    X(operations)                                                                                  \
    X(pended)                                                                                      \
    X(fin_once)                                                                                    \
    X(reset_once)                                                                                  \
    X(cancel_once)                                                                                 \
    X(close_once)                                                                                  \
    X(fin_errors)                                                                                  \
    X(reset_errors)                                                                                \
    X(cancel_errors)                                                                               \
    X(close_errors)
enum { END_CAUSES = 4 };
struct errors_are_packets_seen {
    ERRORS_ARE_PACKETS_SEEN(VERDICT_FIELD)
};
struct judgement judge_errors_are_packets(const struct errors_are_packets_seen *);

/* start_threadpool_io: callbacks of `operations` with and without StartThreadpoolIo; heap blocks
 * that stay after as many closed objects as `failures`: without an operation, and after one that
 * failed, with and without CancelThreadpoolIo. Each use runs in a process of its own; `…_broke` is
 * 1 if that process crashed, hung or damaged its heap. */
#define START_THREADPOOL_IO_SEEN(X)                                                                \
    X(operations)                                                                                  \
    X(callbacks_started)                                                                           \
    X(callbacks_not_started)                                                                       \
    X(not_started_broke)                                                                           \
    X(failures)                                                                                    \
    X(blocks_unused)                                                                               \
    X(blocks_cancelled)                                                                            \
    X(blocks_not_cancelled)                                                                        \
    X(not_cancelled_broke)                                                                         \
    X(waits_that_hang) /* 1: without CancelThreadpoolIo the wait for callbacks does not return */
struct start_threadpool_io_seen {
    START_THREADPOOL_IO_SEEN(VERDICT_FIELD)
};
struct judgement judge_start_threadpool_io(const struct start_threadpool_io_seen *);

/* safe_stop: connections closed under load. A late callback runs after the memory is given up. */
#define SAFE_STOP_SEEN(X)                                                                          \
    X(stops)                                                                                       \
    X(operations)                                                                                  \
    X(cancelled) /* of these, ended by CancelIoEx */                                               \
    X(lost)                                                                                        \
    X(twice)                                                                                       \
    X(not_freed)                                                                                   \
    X(late)              /* with the wait */                                                       \
    X(late_without_wait) /* in as many stops that give the memory up after CancelIoEx */
struct safe_stop_seen {
    SAFE_STOP_SEEN(VERDICT_FIELD)
};
struct judgement judge_safe_stop(const struct safe_stop_seen *);

/* own_overlapped: two clients receive concurrently. `wrong_…`: answers about the state or the
 * length of a receive that belong to the other client's. */
#define OWN_OVERLAPPED_SEEN(X) X(rounds) X(answers) X(pended) X(wrong_own) X(wrong_shared)
struct own_overlapped_seen {
    OWN_OVERLAPPED_SEEN(VERDICT_FIELD)
};
struct judgement judge_own_overlapped(const struct own_overlapped_seen *);

/* key_and_operation: packets of receives and sends on `sockets` sockets. */
#define KEY_AND_OPERATION_SEEN(X)                                                                  \
    X(sockets) X(operations) X(packets) X(wrong_keys) X(wrong_operations)
struct key_and_operation_seen {
    KEY_AND_OPERATION_SEEN(VERDICT_FIELD)
};
struct judgement judge_key_and_operation(const struct key_and_operation_seen *);

#endif

/* Verdicts on sockets, handles and waits. */
#ifndef IOMODELS_VERDICT_SOCKETS_AND_HANDLES_H
#define IOMODELS_VERDICT_SOCKETS_AND_HANDLES_H

#include "laws/verdict/verdict.h"

/* wait_limit: the errors of WaitForMultipleObjects with 64 and 65 handles. */
#define WAIT_LIMIT_SEEN(X) X(error_at_64) X(error_at_65)
struct wait_limit_seen {
    WAIT_LIMIT_SEEN(VERDICT_FIELD)
};
struct judgement judge_wait_limit(const struct wait_limit_seen *);

/* accept_inherits: the errors of accept without a client, and of a receive on an accepted socket,
 * if the listener is non-blocking. */
#define ACCEPT_INHERITS_SEEN(X) X(accept_error) X(receive_error)
struct accept_inherits_seen {
    ACCEPT_INHERITS_SEEN(VERDICT_FIELD)
};
struct judgement judge_accept_inherits(const struct accept_inherits_seen *);

/* accept_context: the errors of getpeername before and after SO_UPDATE_ACCEPT_CONTEXT. */
#define ACCEPT_CONTEXT_SEEN(X) X(peer_error_before) X(peer_error_after)
struct accept_context_seen {
    ACCEPT_CONTEXT_SEEN(VERDICT_FIELD)
};
struct judgement judge_accept_context(const struct accept_context_seen *);

/* alertable_wait: completion routines that ran in Sleep and in SleepEx. context_kept: routines that
 * found the program's own value in hEvent. */
#define ALERTABLE_WAIT_SEEN(X)                                                                     \
    X(operations) X(ran_in_sleep) X(ran_in_alertable_sleep) X(context_kept)
struct alertable_wait_seen {
    ALERTABLE_WAIT_SEEN(VERDICT_FIELD)
};
struct judgement judge_alertable_wait(const struct alertable_wait_seen *);
struct judgement judge_event_field_free(const struct alertable_wait_seen *);

/* two_waiters: `woken` of `waiters` threads that waited for the event of one operation. */
#define TWO_WAITERS_SEEN(X) X(waiters) X(woken)
struct two_waiters_seen {
    TWO_WAITERS_SEEN(VERDICT_FIELD)
};
struct judgement judge_two_waiters(const struct two_waiters_seen *);

/* zero_read: what ReadFile of zero bytes reports. event_set: 1 is yes. */
#define ZERO_READ_SEEN(X) X(error) X(event_set) X(bytes)
struct zero_read_seen {
    ZERO_READ_SEEN(VERDICT_FIELD)
};
struct judgement judge_zero_read(const struct zero_read_seen *);

/* call_returns: `pended` of `calls` were outstanding on return; median times until return and until
 * completion. */
#define CALL_RETURNS_SEEN(X) X(calls) X(pended) X(call_ns) X(completion_ns)
struct call_returns_seen {
    CALL_RETURNS_SEEN(VERDICT_FIELD)
};
struct judgement judge_call_returns(const struct call_returns_seen *);

#endif

/* Verdicts on a port's concurrency value (the cap). */
#ifndef IOMODELS_VERDICT_CAP_H
#define IOMODELS_VERDICT_CAP_H

#include "laws/verdict/verdict.h"

/* concurrency_cap: the maximum number of handlers that ran concurrently under caps 1, 2 and 0. All
 * handlers use the CPU. */
#define CONCURRENCY_CAP_SEEN(X) X(processors) X(workers) X(most_at_1) X(most_at_2) X(most_at_0)
struct concurrency_cap_seen {
    CONCURRENCY_CAP_SEEN(VERDICT_FIELD)
};
struct judgement judge_concurrency_cap(const struct concurrency_cap_seen *);
struct judgement judge_concurrency_cap_zero(const struct concurrency_cap_seen *);

/* blocked_frees_slot: the maximum number of concurrent handlers, if all of them spin and if all of
 * them block. */
#define BLOCKED_FREES_SLOT_SEEN(X) X(cap) X(workers) X(spinning_at_once) X(blocked_at_once)
struct blocked_frees_slot_seen {
    BLOCKED_FREES_SLOT_SEEN(VERDICT_FIELD)
};
struct judgement judge_blocked_frees_slot(const struct blocked_frees_slot_seen *);
struct judgement judge_never_more(const struct blocked_frees_slot_seen *);
struct judgement judge_listeners(const struct blocked_frees_slot_seen *);

/* running_takes_next: with a full queue and a cap of 1, `handovers` counts packets taken by another
 * thread than the previous packet. */
#define RUNNING_TAKES_NEXT_SEEN(X) X(packets) X(workers) X(handovers) X(most_at_once)
struct running_takes_next_seen {
    RUNNING_TAKES_NEXT_SEEN(VERDICT_FIELD)
};
struct judgement judge_running_takes_next(const struct running_takes_next_seen *);

/* last_port: rounds in which a second worker got a packet of a port with cap 1 while the first
 * worker ran. `held`: the first worker still belonged to that port. `moved`: it had asked another
 * port since. */
#define LAST_PORT_SEEN(X) X(rounds) X(held) X(moved)
struct last_port_seen {
    LAST_PORT_SEEN(VERDICT_FIELD)
};
struct judgement judge_last_port(const struct last_port_seen *);

#endif

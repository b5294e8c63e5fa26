/* Verdicts on the order of messages behind a port with several worker threads. */
#ifndef IOMODELS_VERDICT_ORDER_H
#define IOMODELS_VERDICT_ORDER_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

/* order_of_workers: numbered messages of one connection, by the number of workers and of outstanding
 * receives. late: messages after a later one; used: workers that took messages. */
enum { ORDER_LEVELS = 4 };
extern const uint32_t order_levels[ORDER_LEVELS]; /* 1, 2, 4, 8 */
struct order_of_workers_seen {
    uint64_t messages;                         /* of each cell */
    uint64_t late[ORDER_LEVELS][ORDER_LEVELS]; /* [workers][receives] */
    uint64_t used[ORDER_LEVELS][ORDER_LEVELS];
};
struct judgement judge_order_of_workers(const struct order_of_workers_seen *);

/* order_keepers: several workers and four ways to keep order. ANY keeps none. */
enum keeper { KEEP_ANY, KEEP_ONE_RECEIVE, KEEP_NUMBERS, KEEP_STRAND, KEEPERS };
struct order_keepers_seen {
    uint64_t messages, workers;  /* messages of all rounds */
    uint64_t late[KEEPERS];      /* in all measurements */
    uint64_t median_ns[KEEPERS]; /* per message */
    struct ratio over_any[KEEPERS];
};
/* Holds if each way but ANY keeps the order. */
struct judgement judge_order_keepers(const struct order_keepers_seen *);
/* What a way costs; holds if it costs more than no order at all. */
struct judgement judge_order_cost(const struct order_keepers_seen *, enum keeper);

#endif

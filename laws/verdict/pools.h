/* Verdicts on thread pools that manage their size. */
#ifndef IOMODELS_VERDICT_POOLS_H
#define IOMODELS_VERDICT_POOLS_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

/* pool_follows_load: the pool's threads after callbacks one by one, while more callbacks block than
 * it may have threads, and after idle_ms without work. most: callbacks that ran concurrently. */
#define POOL_FOLLOWS_LOAD_SEEN(X)                                                                  \
    X(maximum) X(asked) X(ran) X(most) X(threads_light) X(threads_loaded) X(threads_idle) X(idle_ms)
struct pool_follows_load_seen {
    POOL_FOLLOWS_LOAD_SEEN(VERDICT_FIELD)
};
struct judgement judge_pool_follows_load(const struct pool_follows_load_seen *);

/* managed_pool: time per request of the thread pool and of a port with 1 and 2 workers per CPU, if
 * handlers only compute and if they block for half of their time. */
enum { MANAGED_POOL, PORT_ONCE, PORT_TWICE, CREWS };
enum { COMPUTES, BLOCKS, HANDLERS };
struct managed_pool_seen {
    uint64_t processors;
    uint64_t ns[HANDLERS][CREWS][RATIO_ROUNDS];
};
struct judgement judge_managed_pool(const struct managed_pool_seen *);

#endif

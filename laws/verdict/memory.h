/* Verdicts on what accepting and allocating cost together. */
#ifndef IOMODELS_VERDICT_MEMORY_H
#define IOMODELS_VERDICT_MEMORY_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

enum block_kind { BLOCKS_MALLOC, BLOCKS_HEAP, BLOCKS_LIST, BLOCKS_THREAD_POOL, BLOCK_KINDS };

/* accept_and_lists: time per connection of a server that accepts, allocates, receives and replies,
 * by both factors. */
enum { SERVER_ACCEPT, SERVER_ACCEPT_EX, SERVER_LISTS, SERVER_BOTH, SERVER_KINDS };
struct accept_and_lists_seen {
    uint64_t ns[SERVER_KINDS][RATIO_ROUNDS];
};
struct judgement judge_accept_and_lists(const struct accept_and_lists_seen *);

/* lookaside_lists: time per block of each kind, while so many threads take and give blocks. */
struct lookaside_lists_seen {
    uint64_t threads, median_ns[BLOCK_KINDS];
    struct ratio to_malloc[BLOCK_KINDS];
};
/* Holds if a lookaside list is faster than malloc. */
struct judgement judge_lookaside_list(const struct lookaside_lists_seen *);

#endif

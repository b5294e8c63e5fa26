/* Verdicts on what accepting and allocating cost together. */
#ifndef IOMODELS_VERDICT_MEMORY_H
#define IOMODELS_VERDICT_MEMORY_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

enum block_kind { BLOCKS_MALLOC, BLOCKS_HEAP, BLOCKS_LIST, BLOCKS_THREAD_POOL, BLOCK_KINDS };

/* accept_and_lists: time per connection of a server that accepts, allocates, receives and replies,
 * by both factors; and the time per block of each kind, by the number of threads. */
enum { SERVER_ACCEPT, SERVER_ACCEPT_EX, SERVER_LISTS, SERVER_BOTH, SERVER_KINDS };
enum { THREAD_COUNTS = 5 }; /* 1, 2, 4, 8, 16 */
enum { FIRST_COUNT = 0, LAST_COUNT = THREAD_COUNTS - 1 };
struct accept_and_lists_seen {
    uint64_t ns[SERVER_KINDS][RATIO_ROUNDS];
    uint64_t block_ns[THREAD_COUNTS][BLOCK_KINDS][RATIO_ROUNDS];
};
struct judgement judge_accept_and_lists(const struct accept_and_lists_seen *);

#endif

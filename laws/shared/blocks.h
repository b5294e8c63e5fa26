/* Four ways to get a block of memory and to give it back. */
#ifndef IOMODELS_SHARED_BLOCKS_H
#define IOMODELS_SHARED_BLOCKS_H

#include "laws/law.h"
#include "laws/verdict/memory.h"

enum { BLOCK_BYTES = 4096 };

/* Sets up the lookaside list. Call it first. */
void blocks_start(void);

/* The blocks that one thread keeps for itself, for BLOCKS_THREAD_POOL. */
struct block_pool {
    void *blocks[8];
    int count;
};

void *block_take(enum block_kind, struct block_pool *own);
void block_give(enum block_kind, struct block_pool *own, void *block);

/* Stores the time per block of each kind, in turn, round by round: `threads` threads take four
 * blocks, write to each, and give them back, all concurrently. The fastest of several visits counts
 * per round, because other programs only add time. */
void blocks_measure(uint32_t threads, uint64_t ns[BLOCK_KINDS][RATIO_ROUNDS]);

#endif

#include "laws/shared/blocks.h"
#include "laws/shared/rounds.h"

#include <process.h>
#include <stdlib.h>

enum { BLOCKS_MEASURED = 16384, HELD = 4, VISITS = 4 };

/* A lookaside list is a list without a lock, shared by all threads. Its header and its entries need
 * MEMORY_ALLOCATION_ALIGNMENT: the type SLIST_HEADER has it, and so has memory of HeapAlloc. Blocks
 * are never freed, because a thread may still read one that another has just popped. */
static SLIST_HEADER list;

void blocks_start(void) {
    InitializeSListHead(&list);
}

static void *from_heap(void) {
    return HeapAlloc(GetProcessHeap(), 0, BLOCK_BYTES);
}

void *block_take(enum block_kind kind, struct block_pool *own) {
    void *block = NULL;
    if (kind == BLOCKS_MALLOC)
        block = malloc(BLOCK_BYTES);
    else if (kind == BLOCKS_LIST)
        block = InterlockedPopEntrySList(&list);
    else if (kind == BLOCKS_THREAD_POOL && own->count > 0)
        block = own->blocks[--own->count];
    if (!block && kind != BLOCKS_MALLOC) /* an empty list or pool, or the heap itself */
        block = from_heap();
    law_require(block != NULL, "a block of memory");
    return block;
}

void block_give(enum block_kind kind, struct block_pool *own, void *block) {
    if (kind == BLOCKS_MALLOC)
        free(block);
    else if (kind == BLOCKS_LIST)
        InterlockedPushEntrySList(&list, block);
    else if (kind == BLOCKS_THREAD_POOL && own->count < HELD)
        own->blocks[own->count++] = block;
    else
        HeapFree(GetProcessHeap(), 0, block);
}

struct taker {
    enum block_kind kind;
    uint32_t rounds;
    HANDLE gate;
};

static unsigned __stdcall take_and_give(void *argument) {
    const struct taker *taker = argument;
    struct block_pool own = {.count = 0};
    WaitForSingleObject(taker->gate, INFINITE);
    for (uint32_t i = 0; i < taker->rounds; i++) {
        char *held[HELD];
        for (int j = 0; j < HELD; j++) {
            held[j] = block_take(taker->kind, &own);
            held[j][BLOCK_BYTES / 2] = (char)i;
        }
        for (int j = 0; j < HELD; j++)
            block_give(taker->kind, &own, held[j]);
    }
    while (own.count > 0)
        HeapFree(GetProcessHeap(), 0, own.blocks[--own.count]);
    return 0;
}

static uint64_t block_ns(enum block_kind kind, uint32_t threads) {
    struct taker taker = {kind, BLOCKS_MEASURED / HELD / threads, NULL};
    HANDLE handles[LAW_WORKERS_MAX];
    taker.gate = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(taker.gate && threads <= LAW_WORKERS_MAX, "CreateEventW");
    for (uint32_t i = 0; i < threads; i++) {
        handles[i] = (HANDLE)_beginthreadex(NULL, 0, take_and_give, &taker, 0, NULL);
        law_require(handles[i] != NULL, "_beginthreadex");
    }
    uint64_t start_ns = clock_now_ns();
    SetEvent(taker.gate);
    law_require(WaitForMultipleObjects(threads, handles, TRUE, LAW_DEADLINE_MS) < threads,
                "the threads did not end");
    uint64_t took_ns = clock_now_ns() - start_ns;
    for (uint32_t i = 0; i < threads; i++)
        CloseHandle(handles[i]);
    CloseHandle(taker.gate);
    return took_ns / BLOCKS_MEASURED + 1;
}

void blocks_measure(uint32_t threads, uint64_t ns[BLOCK_KINDS][RATIO_ROUNDS]) {
    for (int kind = 0; kind < BLOCK_KINDS; kind++)
        for (int round = 0; round < RATIO_ROUNDS; round++)
            ns[kind][round] = 0; /* none yet */
    for (int visit = 0; visit < VISITS * RATIO_ROUNDS; visit++)
        for (int kind = 0; kind < BLOCK_KINDS; kind++)
            rounds_keep(&ns[kind][visit / VISITS], block_ns((enum block_kind)kind, threads));
}

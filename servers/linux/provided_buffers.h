/* The stock of buffers that io_uring fills (provided buffers), and the pieces of data in them.
 *
 * The kernel takes a buffer from the stock only when bytes arrive. A multishot receive goes on while
 * its client waits for something else, so the pieces of each client are kept in order until the
 * session takes them. Then their buffers return to the stock. */
#ifndef IOMODELS_PROVIDED_BUFFERS_H
#define IOMODELS_PROVIDED_BUFFERS_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { STOCK_BUFFERS = 1024, STOCK_BYTES = 4096, STOCK_GROUP = 0, NO_PIECE = -1 };

struct stock {
    struct io_uring_buf_ring *ring;
    char *memory;
    struct piece {
        uint32_t begin, end; /* bytes that nobody has taken yet */
        int next;            /* of the same client */
    } pieces[STOCK_BUFFERS]; /* by the number of their buffer */
};

/* The pieces of one client, in the order of their arrival. */
struct pieces {
    int first, last;
    uint32_t count;
};

static inline void stock_return(struct stock *stock, int number) {
    io_uring_buf_ring_add(stock->ring, stock->memory + (size_t)number * STOCK_BYTES, STOCK_BYTES,
                          (unsigned short)number, io_uring_buf_ring_mask(STOCK_BUFFERS), 0);
    io_uring_buf_ring_advance(stock->ring, 1);
}

/* Gives the kernel a full stock. Returns 0, or the error. On failure, process exit frees all. */
static inline int stock_open(struct stock *stock, struct io_uring *ring) {
    size_t bytes = STOCK_BUFFERS * sizeof(struct io_uring_buf), page = 4096;
    void *ring_memory = NULL;
    stock->ring = posix_memalign(&ring_memory, page, bytes) == 0 ? ring_memory : NULL;
    stock->memory = malloc((size_t)STOCK_BUFFERS * STOCK_BYTES);
    if (!stock->ring || !stock->memory)
        return ENOMEM;
    memset(stock->ring, 0, bytes);
    /* not 0, which a compiler turns into memory that is not there before its first use */
    memset(stock->memory, 1, (size_t)STOCK_BUFFERS * STOCK_BYTES);
    struct io_uring_buf_reg request = {
        .ring_addr = (uint64_t)(uintptr_t)stock->ring,
        .ring_entries = STOCK_BUFFERS,
        .bgid = STOCK_GROUP,
    };
    int result = io_uring_register_buf_ring(ring, &request, 0);
    if (result < 0)
        return -result;
    io_uring_buf_ring_init(stock->ring);
    for (int number = 0; number < STOCK_BUFFERS; number++)
        stock_return(stock, number);
    return 0;
}

static inline void stock_close(struct stock *stock) {
    free(stock->ring);
    free(stock->memory);
}

/* Puts the buffer of a completed receive behind the client's other pieces. */
static inline void stock_keep(struct stock *stock, struct pieces *pieces, int number,
                              uint32_t bytes) {
    stock->pieces[number] = (struct piece){.end = bytes, .next = NO_PIECE};
    if (pieces->count++ == 0)
        pieces->first = number;
    else
        stock->pieces[pieces->last].next = number;
    pieces->last = number;
}

/* Copies bytes of the first piece into `room`. Returns how many, at least 1. */
static inline uint32_t stock_take(struct stock *stock, struct pieces *pieces, char *room,
                                  uint32_t room_bytes) {
    int number = pieces->first;
    struct piece *piece = &stock->pieces[number];
    uint32_t left = piece->end - piece->begin, count = left < room_bytes ? left : room_bytes;
    memcpy(room, stock->memory + (size_t)number * STOCK_BYTES + piece->begin, count);
    piece->begin += count;
    if (count == left) {
        pieces->first = piece->next;
        pieces->count--;
        stock_return(stock, number);
    }
    return count;
}

/* Returns all buffers of a client that closes. */
static inline void stock_drop(struct stock *stock, struct pieces *pieces) {
    for (; pieces->count > 0; pieces->count--) {
        int number = pieces->first;
        pieces->first = stock->pieces[number].next;
        stock_return(stock, number);
    }
}

#endif

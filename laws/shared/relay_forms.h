/* A server that stores what it receives, in three forms. */
#ifndef IOMODELS_LAW_RELAY_FORMS_H
#define IOMODELS_LAW_RELAY_FORMS_H

#include "laws/shared/slow_disk.h"

enum relay_form {
    RELAY_BLOCKING,      /* one thread receives a block, then writes it, in turn */
    RELAY_WRITER_THREAD, /* a second thread writes what the first one has queued */
    RELAY_OVERLAPPED,    /* one thread, a completion port, receive and write outstanding together */
    RELAY_FORMS
};

enum { RELAY_BLOCK = 65536, RELAY_QUEUE = 8 }; /* bytes; blocks in the queue */

struct relay {
    SOCKET socket;
    struct slow_disk *disk;
    uint32_t blocks;
    volatile LONG64 *sent; /* bytes that the sender has passed to its socket */
    /* results: bytes that were sent while the only thread was blocked in a write; whether the queue
     * ever held more blocks than RELAY_QUEUE */
    uint64_t sent_during_writes;
    bool overfull;
};

/* Receives all blocks and writes them. The last write may be incomplete on return. */
void relay_run(struct relay *, enum relay_form);

#endif

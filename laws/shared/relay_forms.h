/* A server that stores what it receives, in four forms: verdict/relay.h names them. */
#ifndef IOMODELS_LAW_RELAY_FORMS_H
#define IOMODELS_LAW_RELAY_FORMS_H

#include "laws/shared/pump.h"
#include "laws/shared/slow_disk.h"
#include "laws/verdict/relay.h"

struct relay {
    SOCKET socket;
    struct slow_disk *disk;
    uint32_t blocks;
    volatile LONG64 *sent; /* bytes that the sender has passed to its socket */
    /* results: bytes that were sent while the only thread was blocked in a write; whether the queue
     * ever held more blocks than PUMP_QUEUE */
    uint64_t sent_during_writes;
    bool overfull;
};

/* Receives all blocks and writes them. The last write may be incomplete on return. */
void relay_run(struct relay *, enum relay_form);

#endif

/* A pump passes blocks from a source to a sink by overlapped calls, with one read and one write
 * outstanding. Between them is a queue of PUMP_QUEUE blocks. A full queue stops the reads: that is
 * its back-pressure. Both ends are open for overlapped I/O. */
#ifndef IOMODELS_LAW_PUMP_H
#define IOMODELS_LAW_PUMP_H

#include "laws/law.h"

enum { PUMP_BLOCK = 65536, PUMP_QUEUE = 8 }; /* bytes; blocks */

struct pump {
    HANDLE source, sink;
    bool sends; /* from a file to a socket; otherwise from a socket to a pipe */
    uint32_t blocks;
    bool overfull; /* result: the queue once had more than PUMP_QUEUE blocks */
    /* of the pump: blocks written … read wait in the queue; `part` bytes of the next one are here */
    OVERLAPPED reading, writing;
    uint32_t read, written, part;
    bool read_outstanding, write_outstanding;
    PTP_IO source_io, sink_io; /* NULL without a thread pool */
    SRWLOCK lock;
    HANDLE done;
};

/* Each passes all blocks. By a completion port that this thread serves alone, or by callbacks of the
 * thread pool. */
void pump_by_port(struct pump *);
void pump_by_pool(struct pump *);

/* Returns the place of a block in the queue's memory. */
char *pump_slot(uint32_t block);

#endif

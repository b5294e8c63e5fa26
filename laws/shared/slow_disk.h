/* A "disk" of known speed: a pipe whose reader takes whole blocks at a fixed rate and compares their
 * bytes. A write of a block is complete when the block is stored, not before. So an experiment about
 * slow disks does not depend on the machine's disk. */
#ifndef IOMODELS_LAW_SLOW_DISK_H
#define IOMODELS_LAW_SLOW_DISK_H

#include "laws/shared/file.h"

struct slow_disk {
    HANDLE handle; /* to write to */
    HANDLE read_end, thread;
    uint32_t block, blocks;
    uint64_t block_ns;
    volatile LONG wrong;           /* blocks with other contents than file_fill() with seed 0 */
    volatile LONG64 last_block_ns; /* when the last block was stored, on clock_now_ns() */
};

/* Stores `blocks` blocks. `overlapped`: the writer uses overlapped calls. */
void disk_start(struct slow_disk *, bool overlapped, uint32_t block, uint32_t blocks,
                uint32_t bytes_per_us);

/* Blocks until all blocks are stored, and frees all. */
void disk_stop(struct slow_disk *);

#endif

/* Six ways to keep several reads or writes of a file outstanding. Each passes over the file once;
 * every block that was read is compared byte by byte. */
#ifndef IOMODELS_LAW_FILE_WAYS_H
#define IOMODELS_LAW_FILE_WAYS_H

#include "laws/shared/file.h"
#include "laws/verdict/files.h"

enum { FILE_DEPTH_MAX = 32, FILE_WORKERS = 2 };

struct file_plan {
    bool write, random;            /* in random order, every block occurs once, too */
    DWORD flags;                   /* 0, FILE_FLAG_NO_BUFFERING, FILE_FLAG_WRITE_THROUGH */
    uint32_t block, depth, blocks; /* bytes; requests outstanding; a power of two */
    uint64_t seed;                 /* of the contents */
};

/* workers: threads that took completions. pended: transfers that were incomplete when the call
 * returned. call_ns, completion_ns: the time in the calls and until the completions, of all blocks. */
struct file_pass {
    uint64_t took_ns, wrong, workers, pended, call_ns, completion_ns;
};

/* Returns whether this platform has the way for reads or for writes. */
bool file_way_exists(enum file_way, bool write);
struct file_pass file_run(const struct file *, const struct file_plan *, enum file_way);

/* ---- for the ways themselves ---- */

struct transfer {
    const struct file *file;
    const struct file_plan *plan;
    HANDLE handle, done; /* `done` is set when all blocks are complete */
    volatile LONG started, finished, wrong, pended;
    volatile LONG64 call_ns, completion_ns;
    volatile LONG took_part[FILE_DEPTH_MAX]; /* per worker thread: 1 is yes */
    struct request *requests;
};

/* A buffer that carries one block after another. */
struct request {
    OVERLAPPED overlapped;
    struct transfer *transfer;
    char *buffer;
    uint64_t offset, start_ns;
    volatile LONG turn; /* counts its blocks */
};

/* Gives the request its next block. Returns false if none is left. */
bool request_next(struct request *);

/* Starts the transfer of that block. The result counts only if `handle` is synchronous. */
BOOL request_start(struct request *, HANDLE handle, DWORD *bytes);

/* Notes whether the call that has returned left its transfer outstanding, and its time. `turn` is that
 * of the block. Another thread may already use the request for its next block. */
void request_called(struct request *, LONG turn, uint64_t start_ns);

/* Checks a complete block and counts it. */
void request_end(struct request *, bool good, uint64_t bytes);

/* Each returns the time of the pass. */
uint64_t pass_by_threads(struct transfer *);
uint64_t pass_by_event(struct transfer *);
uint64_t pass_by_routine(struct transfer *);
uint64_t pass_by_port(struct transfer *);
uint64_t pass_by_pool(struct transfer *);
uint64_t pass_by_ring(struct transfer *);
bool ring_exists(bool write);

#endif

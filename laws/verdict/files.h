/* Verdicts on files: which calls pend, and whether outstanding requests help. */
#ifndef IOMODELS_VERDICT_FILES_H
#define IOMODELS_VERDICT_FILES_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

/* file_calls: of `calls` asynchronous calls of each kind, those that returned before their transfer
 * was complete. Times are medians of unbuffered reads. unbuffered_is_real: 1 is yes. */
#define FILE_CALLS_SEEN(X)                                                                         \
    X(calls)                                                                                       \
    X(receives) /* on a socket, before data arrives */                                             \
    X(cached_reads)                                                                                \
    X(unbuffered_reads)                                                                            \
    X(cached_writes)                                                                               \
    X(through_writes)                                                                              \
    X(unbuffered_writes)                                                                           \
    X(extending_writes) /* past the end of the file */                                             \
    X(unbuffered_is_real)                                                                          \
    X(call_ns)                                                                                     \
    X(completion_ns)
struct file_calls_seen {
    FILE_CALLS_SEEN(VERDICT_FIELD)
};
struct judgement judge_file_calls(const struct file_calls_seen *);

/* file_transfers: blocks that were read and compared byte by byte, and whether reads pend here. */
#define FILE_READ_SEEN(X)                                                                          \
    X(event_blocks) /* by one event per request, 4 outstanding */                                  \
    X(event_wrong)  /* of these */                                                                 \
    X(port_blocks)  /* by worker threads of a completion port */                                   \
    X(port_wrong)   /* of these */                                                                 \
    X(port_workers) /* the most worker threads that took packets of one pass */                    \
    X(probes)       /* asynchronous unbuffered reads */                                            \
    X(pended)       /* of these, complete only after the call returned */                          \
    X(unbuffered_is_real)                                                                          \
    X(call_ns)                                                                                     \
    X(completion_ns)
struct file_read_seen {
    FILE_READ_SEEN(VERDICT_FIELD)
    /* the time of a block: a port with 4 outstanding to one blocking thread */
    struct ratio port_to_blocking;
    /* the same by events: 4 outstanding to 1 */
    struct ratio four_to_one;
};
struct judgement judge_port_reads_files(const struct file_read_seen *);
struct judgement judge_four_outstanding(const struct file_read_seen *);

/* Ways to keep several reads or writes of a file outstanding. */
enum file_way {
    WAY_THREADS, /* as many threads that block, each with a handle of its own */
    WAY_EVENT,   /* one thread and one event per request; WaitForMultipleObjects, any */
    WAY_ROUTINE, /* one thread and completion routines in an alertable wait */
    WAY_PORT,    /* several threads on a completion port */
    WAY_POOL,    /* the thread pool's I/O callbacks */
    WAY_RING,    /* one thread and an I/O ring (Windows 11) */
    FILE_WAYS
};
extern const char *const file_way_names[FILE_WAYS];

/* One cell of a grid: reads or writes of one size, order and cache, by every way. blocks: 0 if the
 * platform lacks the way; pended: of these, incomplete when the call returned. Times are per block;
 * call_ns and completion_ns are those of the port: in the call, and until the completion. */
struct file_cell_seen {
    const char *what;
    uint64_t blocks[FILE_WAYS], wrong[FILE_WAYS], pended[FILE_WAYS], block_ns[FILE_WAYS];
    uint64_t call_ns, completion_ns;
    struct ratio port_to_threads;
};
/* Holds if a completion port is faster than as many threads that block. */
struct judgement judge_file_cell(const struct file_cell_seen *);

#endif

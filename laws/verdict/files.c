#include "laws/verdict/files.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define N             "%" PRIu64
#define NEEDS_WINDOWS "every read is complete before its call returns, so the speed needs Windows"

static double us(uint64_t ns) {
    return (double)ns / 1000;
}

static bool mostly(uint64_t pended, uint64_t calls) {
    return calls > 0 && 2 * pended > calls;
}

struct judgement judge_file_calls(const struct file_calls_seen *seen) {
    const struct {
        const char *name;
        uint64_t pended;
    } kinds[] = {{"cached reads", seen->cached_reads},
                 {"unbuffered reads", seen->unbuffered_reads},
                 {"cached writes", seen->cached_writes},
                 {"write-through", seen->through_writes},
                 {"unbuffered writes", seen->unbuffered_writes},
                 {"extending writes", seen->extending_writes}};
    enum { KINDS = sizeof kinds / sizeof *kinds };
    char because[160] = "";
    int length = 0, inside = 0;
    for (int i = 0; i < KINDS; i++)
        if (!mostly(kinds[i].pended, seen->calls))
            length += snprintf(because + length, sizeof because - (size_t)length, "%s%s",
                               inside++ ? ", " : "the call pends; these do not: ", kinds[i].name);
    enum verdict verdict = inside == 0 ? HOLDS : HOLDS_ONLY_WHEN;
    if (!mostly(seen->receives, seen->calls)) {
        verdict = NOT_TESTABLE;
        snprintf(because, sizeof because, "a receive without data did not pend either");
    } else if (inside == KINDS) {
        snprintf(because, sizeof because,
                 "the handle is a socket; a file's transfer is complete before the call returns");
    }
    return judgement(verdict, because,
                     "pended of " N ": receives " N "; reads: cached " N ", unbuffered " N
                     "; writes: cached " N ", through " N ", unbuffered " N ", extending " N,
                     seen->calls, seen->receives, seen->cached_reads, seen->unbuffered_reads,
                     seen->cached_writes, seen->through_writes, seen->unbuffered_writes,
                     seen->extending_writes);
}

/* The cost of the asynchronous way decides where reads pend; elsewhere only the bytes do. */
static enum verdict of_cost(const struct file_read_seen *seen, struct ratio ratio,
                            const char **because) {
    *because = NEEDS_WINDOWS;
    if (!mostly(seen->pended, seen->probes))
        return HOLDS;
    switch (ratio_order(ratio)) {
    case UNCLEAR:
        *because = RATIO_IS_UNCLEAR;
        return NOT_TESTABLE;
    case MORE:
    case EQUAL:
        *because = "speed is not the aim: it is not faster here";
        return HOLDS_ONLY_WHEN;
    case LESS:
        break;
    }
    *because = "";
    return HOLDS;
}

struct judgement judge_port_reads_files(const struct file_read_seen *seen) {
    const char *because = "not every block arrived, or it was wrong";
    enum verdict verdict = DOES_NOT_HOLD;
    if (seen->port_blocks > 0 && seen->port_wrong == 0) {
        verdict = NOT_TESTABLE;
        because = "one worker thread took all packets";
        if (seen->port_workers > 1)
            verdict = of_cost(seen, seen->port_to_blocking, &because);
    }
    return judgement(verdict, because,
                     N " blocks, " N " wrong, " N " workers; time to one blocking thread %.2f "
                       "[%.2f, %.2f]; " N " of " N " reads pended",
                     seen->port_blocks, seen->port_wrong, seen->port_workers,
                     seen->port_to_blocking.median, seen->port_to_blocking.low,
                     seen->port_to_blocking.high, seen->pended, seen->probes);
}

struct judgement judge_four_outstanding(const struct file_read_seen *seen) {
    const char *because = "not every block arrived, or it was wrong";
    enum verdict verdict = DOES_NOT_HOLD;
    if (seen->event_blocks > 0 && seen->event_wrong == 0)
        verdict = of_cost(seen, seen->four_to_one, &because);
    return judgement(verdict, because,
                     N " blocks, " N " wrong; time with 4 to 1 outstanding %.2f [%.2f, %.2f]; " N
                       " of " N " reads pended (call %.0f µs, completion %.0f µs)",
                     seen->event_blocks, seen->event_wrong, seen->four_to_one.median,
                     seen->four_to_one.low, seen->four_to_one.high, seen->pended, seen->probes,
                     us(seen->call_ns), us(seen->completion_ns));
}

const char *const file_way_names[FILE_WAYS] = {"threads", "event", "routine",
                                               "port",    "pool",  "ring"};

/* 'threads 9.8, event 21.9 (0 %), ring none': µs per block, and the share that pended. */
static void list_ways(char *text, size_t size, const struct file_cell_seen *seen) {
    size_t length = 0;
    for (int way = 0; way < FILE_WAYS; way++) {
        const char *comma = way ? ", " : "";
        uint64_t blocks = seen->blocks[way];
        char *end = text + length;
        if (!blocks)
            snprintf(end, size - length, "%s%s none", comma, file_way_names[way]);
        else if (way == WAY_THREADS)
            snprintf(end, size - length, "%s %.1f", file_way_names[way], us(seen->block_ns[way]));
        else
            snprintf(end, size - length, "%s%s %.1f (" N " %%)", comma, file_way_names[way],
                     us(seen->block_ns[way]), seen->pended[way] * 100 / blocks);
        length += strlen(end);
    }
}

struct judgement judge_file_cell(const struct file_cell_seen *seen) {
    uint64_t wrong = 0;
    char ways[160];
    for (int way = 0; way < FILE_WAYS; way++)
        wrong += seen->wrong[way];
    list_ways(ways, sizeof ways, seen);
    if (!seen->blocks[WAY_PORT] || !seen->blocks[WAY_THREADS])
        return judgement(NOT_TESTABLE, "the disk is too slow to measure all cells",
                         "%s: not measured", seen->what);
    enum order order = ratio_order(seen->port_to_threads);
    enum verdict verdict = order == LESS ? HOLDS : order == UNCLEAR ? NOT_TESTABLE : DOES_NOT_HOLD;
    const char *because = order == UNCLEAR ? RATIO_IS_UNCLEAR
                          : order == EQUAL ? "both take the same time here"
                          : order == MORE  ? "it takes longer here"
                                           : "";
    if (wrong > 0) {
        verdict = DOES_NOT_HOLD;
        because = "a block was wrong";
    } else if (!mostly(seen->pended[WAY_PORT], seen->blocks[WAY_PORT])) {
        verdict = NOT_TESTABLE;
        because =
            "transfers are complete before their calls return; asynchronous files need Windows";
    }
    return judgement(verdict, because,
                     "%s: µs per block (pended): %s; port: call %.1f, completion %.1f; to threads "
                     "%.2f [%.2f, %.2f]",
                     seen->what, ways, us(seen->call_ns), us(seen->completion_ns),
                     seen->port_to_threads.median, seen->port_to_threads.low,
                     seen->port_to_threads.high);
}

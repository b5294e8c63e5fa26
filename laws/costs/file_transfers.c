/* How to read a file: by threads that block, events, completion routines, a completion port, the
 * thread pool, or an I/O ring. Every byte is compared.
 *
 * Outstanding requests are faster if the disk works while the program does. If a call transfers
 * before it returns, they cannot be. So the program first finds out what the calls do. Blocks that
 * are small and cached favour a thread that blocks, because it never has to wait. */
#include "laws/shared/file_grid.h"
#include "laws/verdict/files.h"

enum { FILE_BYTES = 16 * 1048576 };

#define PAST_CACHE FILE_FLAG_NO_BUFFERING

enum { ONE, FOUR }; /* the cells that decide */

static struct file_cell cells[] = {
    [ONE] = {.plan = {.random = true, .flags = PAST_CACHE, .block = 4096, .depth = 1}},
    [FOUR] = {.plan = {.random = true, .flags = PAST_CACHE, .block = 4096, .depth = 4}},
    {.plan = {.random = true, .flags = PAST_CACHE, .block = 4096, .depth = 32}},
    {.plan = {.flags = PAST_CACHE, .block = 4096, .depth = 4}},
    {.plan = {.random = true, .flags = PAST_CACHE, .block = 16384, .depth = 4}},
    {.plan = {.flags = PAST_CACHE, .block = 65536, .depth = 1}},
    {.plan = {.flags = PAST_CACHE, .block = 65536, .depth = 4}},
    {.plan = {.flags = PAST_CACHE, .block = 65536, .depth = 32}},
    {.plan = {.random = true, .block = 4096, .depth = 4}},
    {.plan = {.block = 65536, .depth = 4}},
    {.plan = {.block = 1024, .depth = 1}},
    {.plan = {.random = true, .block = 1024, .depth = 32}},
};
enum { CELLS = sizeof cells / sizeof *cells };

static void count_reads(struct file_read_seen *seen) {
    for (int i = 0; i < CELLS; i++) {
        seen->port_blocks += cells[i].blocks[WAY_PORT];
        seen->port_wrong += cells[i].wrong[WAY_PORT];
        if (cells[i].workers[WAY_PORT] > seen->port_workers)
            seen->port_workers = cells[i].workers[WAY_PORT];
    }
    seen->event_blocks = cells[FOUR].blocks[WAY_EVENT];
    seen->event_wrong = cells[FOUR].wrong[WAY_EVENT];
    seen->port_to_blocking = ratio_of(cells[FOUR].ns[WAY_PORT], cells[ONE].ns[WAY_THREADS]);
    seen->four_to_one = ratio_of(cells[FOUR].ns[WAY_EVENT], cells[ONE].ns[WAY_EVENT]);
}

int main(int argc, char **argv) {
    law_start(argc, argv, "file_transfers",
              "A completion port reads a file faster than as many threads that block.");
    struct file file = file_make(FILE_BYTES);
    struct file_probe probe = file_probe(&file, PAST_CACHE, false, 0);
    struct file_read_seen seen = {.probes = probe.calls,
                                  .pended = probe.pended,
                                  .call_ns = probe.call_ns,
                                  .completion_ns = probe.completion_ns,
                                  .unbuffered_is_real = file_unbuffered_is_real(&file)};
    grid_measure(&file, cells, CELLS);
    file_remove(&file);
    count_reads(&seen);
    struct json line = law_line();
    FILE_READ_SEEN(LAW_SEEN)
    grid_add(&line, cells, CELLS);
    struct judged judged[2 + CELLS] = {{"B7", judge_port_reads_files(&seen)},
                                       {"C6", judge_four_outstanding(&seen)}};
    for (int i = 0; i < CELLS; i++)
        judged[2 + i] = (struct judged){"", grid_judge(&cells[i])};
    return law_print(&line, judged, 2 + CELLS);
}

/* How to write a file: by threads that block, events, completion routines, a completion port, the
 * thread pool, or an I/O ring. After each pass the program reads the blocks back and compares every
 * byte. Three handles: writes to the cache, through the cache, and past it.
 *
 * Each pass counts the calls that return before their transfer is complete. So each cell says
 * whether the way was asynchronous. Outstanding writes are faster only if it was.
 *
 * All bytes of the file exist before the first write. A write that extends a file is synchronous on
 * Windows, even on a handle for overlapped I/O; the law file_calls shows that. */
#include "laws/shared/file_grid.h"

enum { FILE_BYTES = 16 * 1048576 };

#define PAST_CACHE FILE_FLAG_NO_BUFFERING
#define THROUGH    FILE_FLAG_WRITE_THROUGH

static struct file_cell cells[] = {
    {.plan = {.write = true, .random = true, .flags = THROUGH, .block = 4096, .depth = 1}},
    {.plan = {.write = true, .random = true, .flags = THROUGH, .block = 4096, .depth = 4}},
    {.plan = {.write = true, .random = true, .flags = PAST_CACHE, .block = 4096, .depth = 1}},
    {.plan = {.write = true, .random = true, .flags = PAST_CACHE, .block = 4096, .depth = 4}},
    {.plan = {.write = true, .random = true, .block = 4096, .depth = 1}},
    {.plan = {.write = true, .random = true, .block = 4096, .depth = 4}},
    {.plan = {.write = true, .random = true, .flags = THROUGH, .block = 4096, .depth = 32}},
    {.plan = {.write = true, .random = true, .flags = PAST_CACHE, .block = 4096, .depth = 32}},
    {.plan = {.write = true, .random = true, .block = 4096, .depth = 32}},
    {.plan = {.write = true, .flags = THROUGH, .block = 4096, .depth = 4}},
    {.plan = {.write = true, .flags = PAST_CACHE, .block = 4096, .depth = 4}},
    {.plan = {.write = true, .block = 4096, .depth = 4}},
    {.plan = {.write = true, .random = true, .flags = PAST_CACHE, .block = 16384, .depth = 4}},
    {.plan = {.write = true, .flags = THROUGH, .block = 65536, .depth = 4}},
    {.plan = {.write = true, .flags = PAST_CACHE, .block = 65536, .depth = 4}},
    {.plan = {.write = true, .flags = PAST_CACHE, .block = 65536, .depth = 32}},
    {.plan = {.write = true, .block = 65536, .depth = 4}},
    {.plan = {.write = true, .random = true, .flags = THROUGH, .block = 1024, .depth = 4}},
    {.plan = {.write = true, .random = true, .block = 1024, .depth = 4}},
};
enum { CELLS = sizeof cells / sizeof *cells };

int main(int argc, char **argv) {
    law_start(argc, argv, "file_writes",
              "A completion port writes a file faster than as many threads that block.");
    struct file file = file_make(FILE_BYTES);
    bool unbuffered_is_real = file_unbuffered_is_real(&file);
    grid_measure(&file, cells, CELLS);
    file_remove(&file);
    struct json line = law_line();
    json_bool(&line, "unbuffered_is_real", unbuffered_is_real);
    grid_add(&line, cells, CELLS);
    struct judged judged[CELLS];
    for (int i = 0; i < CELLS; i++)
        judged[i] = (struct judged){"", grid_judge(&cells[i])};
    return law_print(&line, judged, CELLS);
}

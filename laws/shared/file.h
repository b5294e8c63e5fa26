/* A temporary file of known contents, and a probe: does a call on it return before its transfer is
 * complete? */
#ifndef IOMODELS_LAW_FILE_H
#define IOMODELS_LAW_FILE_H

#include "laws/law.h"

enum { FILE_SECTOR = 4096, FILE_PROBES = 16, FILE_PROBE_BYTES = 65536 };

/* The handle owns the file: closing it removes the file, and so does the end of the process. */
struct file {
    HANDLE handle;
    wchar_t path[MAX_PATH];
    uint64_t bytes;
};

/* Makes a file in the folder for temporary files. Its contents are those of file_fill(), seed 0. */
struct file file_make(uint64_t bytes);
void file_remove(struct file *);

/* Opens the file again. `flags`: FILE_FLAG_OVERLAPPED, _NO_BUFFERING, _WRITE_THROUGH. */
HANDLE file_open(const struct file *, DWORD flags);

/* Every word depends on its place and the seed. So a block at the wrong place is found. */
void file_fill(void *block, uint64_t offset, uint32_t bytes, uint64_t seed);
bool file_right(const void *block, uint64_t offset, uint32_t bytes, uint64_t seed);

/* Reads the first `bytes` back and returns how many blocks of `block` bytes are wrong. */
uint64_t file_wrong_blocks(const struct file *, uint64_t bytes, uint32_t block, uint64_t seed);

/* Returns memory that an unbuffered transfer accepts: aligned to a page, hence to a sector. Free it
 * with VirtualFree(memory, 0, MEM_RELEASE). */
char *file_memory(size_t bytes);

/* Returns whether the platform bypasses its cache for this flag. If it does, it must reject a read
 * that is not aligned to sectors. */
bool file_unbuffered_is_real(const struct file *);

/* FILE_PROBES calls, one after the other. `pended`: calls that returned before their transfer was
 * complete. Times are medians. */
struct file_probe {
    uint64_t calls, pended, call_ns, completion_ns;
};
struct file_probe file_probe(const struct file *, DWORD flags, bool write, uint64_t offset);

#endif

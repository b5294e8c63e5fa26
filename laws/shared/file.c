#include "laws/shared/file.h"

enum { CHUNK = 65536 };

static uint64_t word_at(uint64_t offset, uint64_t seed) {
    return (offset + seed) * 0x9E3779B97F4A7C15u + 1;
}

void file_fill(void *block, uint64_t offset, uint32_t bytes, uint64_t seed) {
    uint64_t *words = block;
    for (uint32_t i = 0; i < bytes / sizeof *words; i++)
        words[i] = word_at(offset + i * sizeof *words, seed);
}

bool file_right(const void *block, uint64_t offset, uint32_t bytes, uint64_t seed) {
    const uint64_t *words = block;
    for (uint32_t i = 0; i < bytes / sizeof *words; i++)
        if (words[i] != word_at(offset + i * sizeof *words, seed))
            return false;
    return true;
}

char *file_memory(size_t bytes) {
    char *memory = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    law_require(memory != NULL, "VirtualAlloc");
    return memory;
}

struct file file_make(uint64_t bytes) {
    struct file file = {.bytes = bytes};
    wchar_t folder[MAX_PATH];
    law_require(GetTempPathW(MAX_PATH, folder) > 0 &&
                    GetTempFileNameW(folder, L"law", 0, file.path) > 0,
                "GetTempFileNameW");
    file.handle = CreateFileW(file.path, GENERIC_READ | GENERIC_WRITE | DELETE,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL);
    law_require(file.handle != INVALID_HANDLE_VALUE, "CreateFileW");
    char *chunk = file_memory(CHUNK);
    for (uint64_t offset = 0; offset < bytes; offset += CHUNK) {
        DWORD wrote = 0;
        file_fill(chunk, offset, CHUNK, 0);
        law_require(WriteFile(file.handle, chunk, CHUNK, &wrote, NULL) && wrote == CHUNK,
                    "WriteFile");
    }
    VirtualFree(chunk, 0, MEM_RELEASE);
    law_require(FlushFileBuffers(file.handle), "FlushFileBuffers");
    return file;
}

void file_remove(struct file *file) {
    CloseHandle(file->handle);
    file->handle = INVALID_HANDLE_VALUE;
}

HANDLE file_open(const struct file *file, DWORD flags) {
    HANDLE handle = CreateFileW(file->path, GENERIC_READ | GENERIC_WRITE,
                                FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                                OPEN_EXISTING, flags, NULL);
    law_require(handle != INVALID_HANDLE_VALUE, "CreateFileW");
    return handle;
}

uint64_t file_wrong_blocks(const struct file *file, uint64_t bytes, uint32_t block, uint64_t seed) {
    HANDLE handle = file_open(file, 0);
    char *memory = file_memory(block);
    uint64_t wrong = 0;
    for (uint64_t offset = 0; offset < bytes; offset += block) {
        DWORD read = 0;
        wrong += !ReadFile(handle, memory, block, &read, NULL) || read != block ||
                 !file_right(memory, offset, block, seed);
    }
    VirtualFree(memory, 0, MEM_RELEASE);
    CloseHandle(handle);
    return wrong;
}

bool file_unbuffered_is_real(const struct file *file) {
    HANDLE handle = file_open(file, FILE_FLAG_NO_BUFFERING);
    char *memory = file_memory(2 * FILE_SECTOR);
    DWORD read = 0;
    BOOL accepted = ReadFile(handle, memory + 1, 7, &read, NULL);
    VirtualFree(memory, 0, MEM_RELEASE);
    CloseHandle(handle);
    return !accepted;
}

struct file_probe file_probe(const struct file *file, DWORD flags, bool write, uint64_t offset) {
    HANDLE handle = file_open(file, flags | FILE_FLAG_OVERLAPPED);
    char *memory = file_memory(FILE_PROBE_BYTES);
    OVERLAPPED overlapped = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    law_require(overlapped.hEvent != NULL, "CreateEventW");
    uint64_t call_ns[FILE_PROBES], completion_ns[FILE_PROBES];
    struct file_probe seen = {.calls = FILE_PROBES};
    for (int i = 0; i < FILE_PROBES; i++, offset += FILE_PROBE_BYTES) {
        DWORD bytes = 0;
        overlapped.Offset = (DWORD)offset;
        overlapped.OffsetHigh = (DWORD)(offset >> 32);
        file_fill(memory, offset, FILE_PROBE_BYTES, 0);
        uint64_t start_ns = clock_now_ns();
        BOOL good = write ? WriteFile(handle, memory, FILE_PROBE_BYTES, NULL, &overlapped)
                          : ReadFile(handle, memory, FILE_PROBE_BYTES, NULL, &overlapped);
        bool outstanding = !HasOverlappedIoCompleted(&overlapped);
        call_ns[i] = clock_now_ns() - start_ns;
        law_require(good || GetLastError() == ERROR_IO_PENDING, "ReadFile or WriteFile");
        seen.pended += outstanding;
        law_wait(overlapped.hEvent);
        completion_ns[i] = clock_now_ns() - start_ns;
        law_require(GetOverlappedResult(handle, &overlapped, &bytes, FALSE) &&
                        bytes == FILE_PROBE_BYTES,
                    "GetOverlappedResult");
    }
    seen.call_ns = law_median(call_ns, FILE_PROBES);
    seen.completion_ns = law_median(completion_ns, FILE_PROBES);
    CloseHandle(handle);
    CloseHandle(overlapped.hEvent);
    VirtualFree(memory, 0, MEM_RELEASE);
    return seen;
}

#include "laws/shared/slow_disk.h"

#include <process.h>
#include <stdio.h>

static void read_all(HANDLE from, char *bytes, uint32_t count) {
    for (DWORD got = 0; count > 0; bytes += got, count -= got)
        law_require(ReadFile(from, bytes, count, &got, NULL) && got > 0, "the pipe's writer left");
}

/* The first byte shows that a block has arrived. The rest stays in the pipe as long as a disk would
 * take, so the write of a block cannot complete earlier. */
static unsigned __stdcall store(void *argument) {
    struct slow_disk *disk = argument;
    char *memory = file_memory(disk->block);
    for (uint32_t i = 0; i < disk->blocks; i++) {
        read_all(disk->read_end, memory, 1);
        clock_sleep_until_ns(clock_now_ns() + disk->block_ns);
        read_all(disk->read_end, memory + 1, disk->block - 1);
        if (!file_right(memory, (uint64_t)i * disk->block, disk->block, 0))
            InterlockedIncrement(&disk->wrong);
    }
    InterlockedExchange64(&disk->last_block_ns, (LONG64)clock_now_ns());
    VirtualFree(memory, 0, MEM_RELEASE);
    return 0;
}

void disk_start(struct slow_disk *disk, bool overlapped, uint32_t block, uint32_t blocks,
                uint32_t bytes_per_us) {
    static LONG number;
    wchar_t name[64];
    swprintf(name, sizeof name / sizeof *name, L"\\\\.\\pipe\\law-%lu-%ld",
             (unsigned long)GetCurrentProcessId(), (long)InterlockedIncrement(&number));
    *disk = (struct slow_disk){.block = block, .blocks = blocks};
    disk->block_ns = (uint64_t)block * 1000 / bytes_per_us;
    disk->read_end =
        CreateNamedPipeW(name, PIPE_ACCESS_INBOUND | FILE_FLAG_FIRST_PIPE_INSTANCE,
                         PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT, 1, 0, 0, 0, NULL);
    law_require(disk->read_end != INVALID_HANDLE_VALUE, "CreateNamedPipeW");
    disk->handle = CreateFileW(name, GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                               overlapped ? FILE_FLAG_OVERLAPPED : 0, NULL);
    law_require(disk->handle != INVALID_HANDLE_VALUE, "CreateFileW of the pipe");
    law_require(ConnectNamedPipe(disk->read_end, NULL) || GetLastError() == ERROR_PIPE_CONNECTED,
                "ConnectNamedPipe");
    disk->thread = (HANDLE)_beginthreadex(NULL, 0, store, disk, 0, NULL);
    law_require(disk->thread != NULL, "_beginthreadex");
}

void disk_stop(struct slow_disk *disk) {
    law_wait(disk->thread);
    CloseHandle(disk->thread);
    CloseHandle(disk->handle);
    CloseHandle(disk->read_end);
}

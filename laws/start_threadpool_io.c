/* The rules of the thread pool's I/O: call StartThreadpoolIo before each operation; if the
 * operation fails, or completes inline without a packet, call CancelThreadpoolIo. The pool counts
 * both. Without the first call it ignores the completion, or its memory is damaged. Without the
 * second it waits for a callback that never comes, and keeps its memory.
 *
 * Each use runs in a process of its own, because a misuse may crash or hang. The process is this
 * program again; its exit code is its count. */
#include "laws/law.h"
#include "laws/verdict/completions.h"

#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPERATIONS = 20, FAILURES = 50 };
enum { BROKEN = 1000 }; /* exit code of a process that found a damaged heap */
enum use { STARTED, NOT_STARTED, UNUSED, CANCELLED, NOT_CANCELLED, WAITING, USES };

static volatile LONG callbacks;

static void CALLBACK on_io(PTP_CALLBACK_INSTANCE instance, void *context, void *overlapped,
                           ULONG error, ULONG_PTR bytes, PTP_IO io) {
    (void)instance, (void)context, (void)overlapped, (void)error, (void)bytes, (void)io;
    InterlockedIncrement(&callbacks);
}

/* Receives one byte after the other. Returns the number of callbacks. */
static LONG receive(bool started) {
    static OVERLAPPED overlapped[OPERATIONS];
    static char bytes[OPERATIONS];
    SOCKET pair[2];
    law_pair(pair);
    PTP_IO io = CreateThreadpoolIo((HANDLE)pair[0], on_io, NULL, NULL);
    law_require(io != NULL, "CreateThreadpoolIo");
    for (int i = 0; i < OPERATIONS; i++) {
        WSABUF buffer = {1, &bytes[i]};
        DWORD flags = 0;
        if (started)
            StartThreadpoolIo(io);
        int result = WSARecv(pair[0], &buffer, 1, NULL, &flags, &overlapped[i], NULL);
        law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
        law_require(send(pair[1], "x", 1, 0) == 1, "send");
        law_reached(&callbacks, i + 1, started ? LAW_DEADLINE_MS : 10);
    }
    Sleep(LAW_ABSENT_MS); /* no operation is outstanding; late callbacks may come */
    LONG seen = callbacks;
    closesocket(pair[0]);
    CloseThreadpoolIo(io);
    Sleep(10);
    return HeapValidate(GetProcessHeap(), 0, NULL) ? seen : BROKEN;
}

static LONG heap_blocks(void) {
    PROCESS_HEAP_ENTRY entry = {0};
    LONG blocks = 0;
    law_require(HeapLock(GetProcessHeap()), "HeapLock");
    while (HeapWalk(GetProcessHeap(), &entry))
        blocks += (entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) != 0;
    HeapUnlock(GetProcessHeap());
    return blocks;
}

/* Starts a send that fails immediately: the socket is not connected. */
static void fail(SOCKET socket, PTP_IO io, bool cancelled) {
    static OVERLAPPED overlapped;
    WSABUF buffer = {1, "x"};
    law_require(io != NULL, "CreateThreadpoolIo");
    StartThreadpoolIo(io);
    int result = WSASend(socket, &buffer, 1, NULL, 0, &overlapped, NULL);
    law_require(result != 0 && WSAGetLastError() != WSA_IO_PENDING, "WSASend has to fail");
    if (cancelled)
        CancelThreadpoolIo(io);
}

/* Returns the number of heap blocks that stay. UNUSED shows what the objects leave by themselves. */
static LONG fail_and_close(enum use use) {
    LONG before = 0;
    for (int i = -5; i < FAILURES; i++) { /* the first ones warm up */
        SOCKET socket = law_socket();
        if (i == 0)
            before = heap_blocks();
        PTP_IO io = CreateThreadpoolIo((HANDLE)socket, on_io, NULL, NULL);
        if (use != UNUSED)
            fail(socket, io, use == CANCELLED);
        closesocket(socket);
        CloseThreadpoolIo(io);
    }
    Sleep(LAW_ABSENT_MS); /* the pool frees them on its own threads */
    LONG after = heap_blocks();
    return after > before ? after - before : 0;
}

static unsigned __stdcall wait(void *io) {
    WaitForThreadpoolIoCallbacks(io, FALSE);
    return 0;
}

/* Returns 1 if the wait for callbacks does not return. */
static LONG fail_and_wait(void) {
    SOCKET socket = law_socket();
    PTP_IO io = CreateThreadpoolIo((HANDLE)socket, on_io, NULL, NULL);
    fail(socket, io, false);
    HANDLE waiter = (HANDLE)_beginthreadex(NULL, 0, wait, io, 0, NULL);
    law_require(waiter != NULL, "_beginthreadex");
    return WaitForSingleObject(waiter, 2 * LAW_ABSENT_MS) == WAIT_TIMEOUT;
}

static int use(enum use use) {
    switch (use) {
    case STARTED:
    case NOT_STARTED:
        return receive(use == STARTED);
    case UNUSED:
    case CANCELLED:
    case NOT_CANCELLED:
        return fail_and_close(use);
    case WAITING:
        return fail_and_wait();
    case USES:
        break;
    }
    return BROKEN;
}

static HANDLE start(enum use use) {
    wchar_t path[MAX_PATH], command[MAX_PATH + 32];
    STARTUPINFOW info = {.cb = sizeof info};
    PROCESS_INFORMATION process;
    law_require(GetModuleFileNameW(NULL, path, MAX_PATH) > 0, "GetModuleFileNameW");
    swprintf(command, MAX_PATH + 32, L"\"%ls\" --use %d", path, (int)use);
    law_require(CreateProcessW(path, command, NULL, NULL, FALSE, 0, NULL, NULL, &info, &process),
                "CreateProcessW");
    CloseHandle(process.hThread);
    return process.hProcess;
}

/* Returns the count of a process. Sets *broke if it crashed, hung or damaged its heap. */
static uint64_t result(HANDLE process, uint64_t *broke) {
    DWORD code = BROKEN;
    if (WaitForSingleObject(process, LAW_DEADLINE_MS) != WAIT_OBJECT_0) {
        TerminateProcess(process, BROKEN);
        law_wait(process);
    }
    law_require(GetExitCodeProcess(process, &code), "GetExitCodeProcess");
    CloseHandle(process);
    *broke = code >= BROKEN;
    return *broke ? 0 : code;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--use") == 0) {
        WSADATA data;
        SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX); /* a crash shows no window */
        law_require(WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup");
        ExitProcess((UINT)use((enum use)atoi(argv[2])));
    }
    law_start(
        argc, argv, "start_threadpool_io",
        "StartThreadpoolIo precedes each operation, and CancelThreadpoolIo follows failures.");
    HANDLE processes[USES];
    for (enum use use = STARTED; use < USES; use++)
        processes[use] = start(use);
    uint64_t started_broke, unused_broke, cancelled_broke, waiting_broke;
    struct start_threadpool_io_seen seen = {.operations = OPERATIONS, .failures = FAILURES};
    seen.callbacks_started = result(processes[STARTED], &started_broke);
    seen.callbacks_not_started = result(processes[NOT_STARTED], &seen.not_started_broke);
    seen.blocks_unused = result(processes[UNUSED], &unused_broke);
    seen.blocks_cancelled = result(processes[CANCELLED], &cancelled_broke);
    seen.blocks_not_cancelled = result(processes[NOT_CANCELLED], &seen.not_cancelled_broke);
    seen.waits_that_hang = result(processes[WAITING], &waiting_broke);
    seen.not_cancelled_broke |= waiting_broke;
    law_require(!started_broke && !unused_broke && !cancelled_broke,
                "the correct use crashed or hung");
    struct json line = law_line();
    START_THREADPOOL_IO_SEEN(LAW_SEEN)
    struct judged judged = {"C25", judge_start_threadpool_io(&seen)};
    return law_print(&line, &judged, 1);
}

/* Does an asynchronous call return before its transfer is complete? On Windows that depends on the
 * call. The cache serves a read inside the call, and a write that extends the file always
 * completes inside it. A receive without data must pend, which checks the probe itself.
 *
 * Return codes cannot answer this: Wine transfers inside the call and yet returns
 * ERROR_IO_PENDING. So the program looks at the OVERLAPPED as soon as the call returns. */
#include "laws/shared/file.h"
#include "laws/verdict/files.h"

enum { FILE_BYTES = 2 * FILE_PROBES * FILE_PROBE_BYTES };

static uint64_t pending_receives(void) {
    SOCKET pair[2];
    law_pair(pair);
    OVERLAPPED overlapped = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    uint64_t pended = 0;
    for (int i = 0; i < FILE_PROBES; i++) {
        char byte;
        WSABUF buffer = {1, &byte};
        DWORD flags = 0, bytes;
        int result = WSARecv(pair[0], &buffer, 1, NULL, &flags, &overlapped, NULL);
        pended += !HasOverlappedIoCompleted(&overlapped);
        law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
        law_require(send(pair[1], "x", 1, 0) == 1, "send");
        law_wait(overlapped.hEvent);
        law_require(WSAGetOverlappedResult(pair[0], &overlapped, &bytes, FALSE, &flags),
                    "WSAGetOverlappedResult");
    }
    closesocket(pair[0]);
    closesocket(pair[1]);
    CloseHandle(overlapped.hEvent);
    return pended;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "file_calls",
              "Asynchronous calls return immediately and the transfer follows.");
    struct file file = file_make(FILE_BYTES);
    struct file_probe unbuffered = file_probe(&file, FILE_FLAG_NO_BUFFERING, false, 0);
    struct file_calls_seen seen = {
        .calls = FILE_PROBES,
        .receives = pending_receives(),
        .cached_reads = file_probe(&file, 0, false, 0).pended,
        .unbuffered_reads = unbuffered.pended,
        .cached_writes = file_probe(&file, 0, true, 0).pended,
        .through_writes = file_probe(&file, FILE_FLAG_WRITE_THROUGH, true, 0).pended,
        .unbuffered_writes = file_probe(&file, FILE_FLAG_NO_BUFFERING, true, 0).pended,
        .extending_writes = file_probe(&file, FILE_FLAG_NO_BUFFERING, true, FILE_BYTES).pended,
        .unbuffered_is_real = file_unbuffered_is_real(&file),
        .call_ns = unbuffered.call_ns,
        .completion_ns = unbuffered.completion_ns};
    file_remove(&file);
    struct json line = law_line();
    FILE_CALLS_SEEN(LAW_SEEN)
    struct judged judged = {"C4", judge_file_calls(&seen)};
    return law_print(&line, &judged, 1);
}

/* Does Windows call the program's code when an operation completes? With a bare port, no code
 * runs until a thread asks the port. The thread pool's threads ask their port, and so run the
 * callback. */
#include "laws/law.h"
#include "laws/verdict/ports.h"

static volatile LONG called;
static HANDLE done;

static void CALLBACK on_io(PTP_CALLBACK_INSTANCE instance, void *context, void *overlapped,
                           ULONG error, ULONG_PTR bytes, PTP_IO io) {
    (void)instance, (void)context, (void)overlapped, (void)error, (void)bytes, (void)io;
    InterlockedIncrement(&called);
    SetEvent(done);
}

static void complete_receive(const SOCKET pair[2]) {
    static OVERLAPPED overlapped;
    static char byte;
    WSABUF buffer = {1, &byte};
    DWORD flags = 0;
    overlapped = (OVERLAPPED){0};
    int result = WSARecv(pair[0], &buffer, 1, NULL, &flags, &overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
    law_require(send(pair[1], "x", 1, 0) == 1, "send");
}

int main(int argc, char **argv) {
    law_start(argc, argv, "port_callback",
              "Windows calls a callback of the program when an operation completes.");
    SOCKET pair[2];
    law_pair(pair);
    /* Windows could call only code that the key or the OVERLAPPED points to. */
    HANDLE port = CreateIoCompletionPort((HANDLE)pair[0], NULL, (ULONG_PTR)(void *)&called, 0);
    done = CreateEventW(NULL, FALSE, FALSE, NULL);
    law_require(port && done, "CreateIoCompletionPort");
    complete_receive(pair);
    SleepEx(LAW_ABSENT_MS, TRUE);
    struct port_callback_seen seen = {.port_callbacks = (uint64_t)called};
    DWORD bytes;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
    seen.port_packets = (uint64_t)(GetQueuedCompletionStatus(port, &bytes, &key, &overlapped,
                                                             LAW_DEADLINE_MS) != FALSE);
    law_pair(pair);
    PTP_IO io = CreateThreadpoolIo((HANDLE)pair[0], on_io, NULL, NULL);
    law_require(io != NULL, "CreateThreadpoolIo");
    called = 0;
    StartThreadpoolIo(io);
    complete_receive(pair);
    WaitForSingleObject(done, LAW_DEADLINE_MS);
    seen.pool_callbacks = (uint64_t)called;
    struct json line = law_line();
    PORT_CALLBACK_SEEN(LAW_SEEN)
    struct judged judged = {"A1 B19", judge_port_callback(&seen)};
    return law_print(&line, &judged, 1);
}

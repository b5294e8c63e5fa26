/* A handle must be associated with a port before its completions arrive there, and with one port
 * only. The thread pool associates it with its own port. */
#include "laws/law.h"
#include "laws/verdict/ports.h"

static SOCKET pair[2];

/* Completes one receive. Returns whether its packet arrives at the port. */
static uint64_t packets(HANDLE port) {
    static OVERLAPPED overlapped;
    static char byte;
    WSABUF buffer = {1, &byte};
    DWORD flags = 0, bytes;
    ULONG_PTR key;
    OVERLAPPED *came;
    overlapped = (OVERLAPPED){0};
    int result = WSARecv(pair[0], &buffer, 1, NULL, &flags, &overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
    law_require(send(pair[1], "x", 1, 0) == 1, "send");
    for (uint64_t deadline_ns = clock_now_ns() + LAW_DEADLINE_MS * 1000000ull;
         !HasOverlappedIoCompleted(&overlapped);) {
        law_require(clock_now_ns() < deadline_ns, "the receive did not complete");
        Sleep(1);
    }
    return GetQueuedCompletionStatus(port, &bytes, &key, &came, LAW_ABSENT_MS) &&
           came == &overlapped;
}

static void CALLBACK on_io(PTP_CALLBACK_INSTANCE instance, void *context, void *overlapped,
                           ULONG error, ULONG_PTR bytes, PTP_IO io) {
    (void)instance, (void)context, (void)overlapped, (void)error, (void)bytes, (void)io;
}

static uint64_t error_of(HANDLE port) {
    return port ? 0 : GetLastError();
}

int main(int argc, char **argv) {
    law_start(argc, argv, "port_association",
              "A handle belongs to one port, and must first be associated with it.");
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    HANDLE other = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    law_require(port && other, "CreateIoCompletionPort");
    law_pair(pair);
    struct port_association_seen seen = {.packets_unassociated = packets(port)};
    law_require(CreateIoCompletionPort((HANDLE)pair[0], port, 1, 0) == port,
                "CreateIoCompletionPort");
    seen.packets_associated = packets(port);
    seen.again_error = error_of(CreateIoCompletionPort((HANDLE)pair[0], other, 2, 0));
    law_pair(pair);
    law_require(CreateThreadpoolIo((HANDLE)pair[0], on_io, NULL, NULL) != NULL,
                "CreateThreadpoolIo");
    seen.pool_then_port_error = error_of(CreateIoCompletionPort((HANDLE)pair[0], port, 1, 0));
    struct json line = law_line();
    PORT_ASSOCIATION_SEEN(LAW_SEEN)
    struct judged judged[] = {{"B36", judge_port_association(&seen)},
                              {"C26", judge_pool_association(&seen)}};
    return law_print(&line, judged, 2);
}

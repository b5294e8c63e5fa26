/* A packet does not say whether a send or a receive completed. Both transfer five bytes here, and
 * only the OVERLAPPED differs. */
#include "laws/law.h"
#include "laws/verdict/packets.h"

int main(int argc, char **argv) {
    law_start(argc, argv, "read_or_write",
              "A port does not distinguish a read from a write; the program must.");
    SOCKET pair[2];
    law_pair(pair);
    HANDLE port = CreateIoCompletionPort((HANDLE)pair[0], NULL, 1, 0);
    law_require(port != NULL, "CreateIoCompletionPort");
    static char out[] = "hello", in[5];
    static OVERLAPPED sending, receiving;
    WSABUF from = {5, out}, to = {5, in};
    DWORD flags = 0, bytes[2] = {0};
    ULONG_PTR keys[2] = {0};
    OVERLAPPED *overlapped[2] = {0};
    law_require(send(pair[1], out, 5, 0) == 5, "send");
    int sent = WSASend(pair[0], &from, 1, NULL, 0, &sending, NULL);
    law_require(sent == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSASend");
    int received = WSARecv(pair[0], &to, 1, NULL, &flags, &receiving, NULL);
    law_require(received == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
    struct read_or_write_seen seen = {0};
    for (; seen.packets < 2; seen.packets++)
        law_require(GetQueuedCompletionStatus(port, &bytes[seen.packets], &keys[seen.packets],
                                              &overlapped[seen.packets], LAW_DEADLINE_MS),
                    "GetQueuedCompletionStatus");
    seen.same_key = keys[0] == keys[1];
    seen.same_bytes = bytes[0] == bytes[1];
    seen.told_by_overlapped = overlapped[0] != overlapped[1];
    struct json line = law_line();
    READ_OR_WRITE_SEEN(LAW_SEEN)
    struct judged judged = {"D12", judge_read_or_write(&seen)};
    return law_print(&line, &judged, 1);
}

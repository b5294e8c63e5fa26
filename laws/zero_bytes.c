/* A receive that completes with zero bytes means that the client has left, with one exception. A
 * receive with a buffer of zero bytes only reports that data arrived. */
#include "laws/law.h"
#include "laws/verdict/packets.h"

static HANDLE port;

struct completion {
    uint64_t bytes, error;
};

static void post_receive(SOCKET socket, OVERLAPPED *overlapped, char *bytes, ULONG room) {
    WSABUF buffer = {room, bytes};
    DWORD flags = 0;
    law_require(CreateIoCompletionPort((HANDLE)socket, port, 0, 0) == port,
                "CreateIoCompletionPort");
    int result = WSARecv(socket, &buffer, 1, NULL, &flags, overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
}

static struct completion completed(void) {
    DWORD bytes = 0;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
    BOOL good = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, LAW_DEADLINE_MS);
    law_require(overlapped != NULL, "GetQueuedCompletionStatus");
    return (struct completion){bytes, good ? 0 : GetLastError()};
}

int main(int argc, char **argv) {
    law_start(argc, argv, "zero_bytes",
              "A completion of zero bytes means that the client has left.");
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    law_require(port != NULL, "CreateIoCompletionPort");
    SOCKET fin[2], reset[2], alive[2];
    static OVERLAPPED overlapped[3];
    static char bytes[4];
    law_pair(fin);
    post_receive(fin[0], &overlapped[0], bytes, sizeof bytes);
    shutdown(fin[1], SD_SEND);
    struct completion of_fin = completed();

    law_pair(reset);
    post_receive(reset[0], &overlapped[1], bytes, sizeof bytes);
    struct linger hard = {1, 0}; /* makes closesocket() send RST */
    setsockopt(reset[1], SOL_SOCKET, SO_LINGER, (const char *)&hard, sizeof hard);
    closesocket(reset[1]);
    struct completion of_reset = completed();

    law_pair(alive);
    post_receive(alive[0], &overlapped[2], NULL, 0);
    law_require(send(alive[1], "x", 1, 0) == 1, "send");
    struct completion of_none = completed();
    int after = recv(alive[0], bytes, sizeof bytes, 0);

    struct zero_bytes_seen seen = {of_fin.bytes,  of_fin.error,  of_reset.error,
                                   of_none.bytes, of_none.error, after > 0 ? (uint64_t)after : 0};
    struct json line = law_line();
    ZERO_BYTES_SEEN(LAW_SEEN)
    struct judged judged = {"E3", judge_zero_bytes(&seen)};
    return law_print(&line, &judged, 1);
}

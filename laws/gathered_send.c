/* One WSASend takes several pieces (WSABUF). It completes once, with the bytes of all pieces, and
 * they arrive in their order. So a server sends a header and a body without joining them first, and
 * no other send can come between. */
#include "laws/law.h"
#include "laws/verdict/transfers.h"

enum { PIECES = 16, LENGTH = 7, SENDS = 4 * PIECES };

static uint8_t pieces[PIECES][LENGTH];

/* Gives the pieces running numbers and lists them. Returns the number of bytes. */
static DWORD number(WSABUF *buffers, DWORD count, uint8_t *next) {
    DWORD bytes = 0;
    for (DWORD i = 0; i < count; i++) {
        DWORD length = i % LENGTH + 1; /* of several lengths */
        for (DWORD j = 0; j < length; j++)
            pieces[i][j] = (*next)++;
        buffers[i] = (WSABUF){length, (char *)pieces[i]};
        bytes += length;
    }
    return bytes;
}

static void check(SOCKET peer, DWORD bytes, uint8_t *expected, struct gathered_send_seen *seen) {
    uint8_t arrived[PIECES * LENGTH] = {0};
    DWORD have = 0;
    while (have < bytes) {
        int got = recv(peer, (char *)arrived + have, (int)(bytes - have), 0);
        law_require(got > 0, "recv");
        have += (DWORD)got;
    }
    for (DWORD i = 0; i < bytes; i++)
        seen->bytes_wrong += arrived[i] != (*expected)++;
    seen->bytes += bytes;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "gathered_send", "One send takes several pieces and keeps their order.");
    SOCKET pair[2];
    law_pair(pair);
    DWORD patience_ms = LAW_DEADLINE_MS;
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    law_require(port != NULL && CreateIoCompletionPort((HANDLE)pair[0], port, 0, 0) == port &&
                    setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, (char *)&patience_ms,
                               sizeof patience_ms) == 0,
                "CreateIoCompletionPort");
    struct gathered_send_seen seen = {.sends = SENDS, .most_pieces = PIECES};
    uint8_t next = 0, expected = 0;
    for (DWORD i = 0; i < SENDS; i++) {
        WSABUF buffers[PIECES];
        OVERLAPPED overlapped = {0};
        DWORD count = i % PIECES + 1, bytes = number(buffers, count, &next);
        int result = WSASend(pair[0], buffers, count, NULL, 0, &overlapped, NULL);
        law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSASend");
        check(pair[1], bytes, &expected, &seen);
        struct law_packet packet;
        law_require(law_take(port, &packet, LAW_DEADLINE_MS), "a packet is missing");
        seen.packets++;
        seen.whole += packet.overlapped == &overlapped && packet.bytes == bytes;
    }
    struct law_packet packet;
    seen.packets += law_take(port, &packet, LAW_ABSENT_MS);
    struct json line = law_line();
    GATHERED_SEND_SEEN(LAW_SEEN)
    struct judged judged = {"E7", judge_gathered_send(&seen)};
    return law_print(&line, &judged, 1);
}

/* A server starts its receives before the data comes and waits for packets. Each posted receive
 * takes data that arrive later, without another call. Several of them on one connection fill in the
 * order in which they were started. TCP keeps no messages, so a buffer may fill only partly: the
 * lengths join the stream again. */
#include "laws/law.h"
#include "laws/verdict/transfers.h"

enum { ROUNDS = 20, OUTSTANDING = 4, LENGTH = 16 };

struct receive {
    OVERLAPPED overlapped;
    uint8_t data[LENGTH];
    DWORD bytes;
};

static struct posted_receives_seen seen = {.outstanding = OUTSTANDING};

static void post(SOCKET socket, struct receive *receive) {
    *receive = (struct receive){.bytes = 0};
    WSABUF buffer = {LENGTH, (char *)receive->data};
    DWORD flags = 0;
    int result = WSARecv(socket, &buffer, 1, NULL, &flags, &receive->overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
    seen.receives++;
    seen.pended += result != 0;
}

/* The peer sends `length` numbered bytes. */
static void send_numbered(SOCKET peer, uint8_t *next, int length) {
    char bytes[LENGTH];
    for (int i = 0; i < length; i++)
        bytes[i] = (char)(*next)++;
    law_require(send(peer, bytes, length, 0) == length, "send");
}

/* Posts receives, then lets the peer send pieces until each has a packet. Returns false if one got
 * none, because Windows still owns it. */
static bool fill(const SOCKET pair[2], HANDLE port, uint8_t *sent, uint8_t *received) {
    static struct receive receives[OUTSTANDING];
    for (int i = 0; i < OUTSTANDING; i++)
        post(pair[0], &receives[i]);
    for (int i = 0; i < OUTSTANDING; i++) {
        send_numbered(pair[1], sent, LENGTH - i);
        struct law_packet packet;
        if (!law_take(port, &packet, LAW_DEADLINE_MS))
            return false;
        struct receive *receive = CONTAINING_RECORD(packet.overlapped, struct receive, overlapped);
        receive->bytes = packet.error ? 0 : packet.bytes;
        seen.filled += receive->bytes > 0;
    }
    for (int i = 0; i < OUTSTANDING; i++)
        for (DWORD j = 0; j < receives[i].bytes; j++) {
            seen.bytes++;
            seen.bytes_out_of_order += receives[i].data[j] != (*received)++;
        }
    return true;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "posted_receives",
              "Receives posted in advance take later data, in the order of the receives.");
    SOCKET pair[2];
    law_pair(pair);
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    law_require(port != NULL && CreateIoCompletionPort((HANDLE)pair[0], port, 0, 0) == port,
                "CreateIoCompletionPort");
    uint8_t sent = 0, received = 0;
    for (int round = 0; round < ROUNDS && fill(pair, port, &sent, &received); round++)
        ;
    struct json line = law_line();
    POSTED_RECEIVES_SEEN(LAW_SEEN)
    struct judged judged = {"E6", judge_posted_receives(&seen)};
    return law_print(&line, &judged, 1);
}

/* One thread serves 1, 8 and 64 sockets: each has an outstanding receive with an event of its own,
 * and the thread waits for any event. A second thread is all clients: it sends one message on every
 * socket before it reads the first reply. */
#include "laws/shared/stream.h"
#include "laws/verdict/overlapped.h"

#include <process.h>
#include <stdio.h>
#include <string.h>

enum { SOCKETS_MAX = MAXIMUM_WAIT_OBJECTS, ROUNDS = 4, BYTES = 16 };

static struct connection {
    SOCKET server, client;
    OVERLAPPED overlapped;
    char bytes[BYTES];
    uint64_t right;
} connections[SOCKETS_MAX];
static HANDLE events[SOCKETS_MAX];
static uint32_t count;

static void compose(char message[BYTES], uint32_t socket, uint32_t round) {
    memset(message, 0, BYTES);
    snprintf(message, BYTES, "%u:%u", socket, round);
}

static unsigned __stdcall be_clients(void *argument) {
    (void)argument;
    char message[BYTES], reply[BYTES];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < count; i++) {
            compose(message, i, round);
            law_require(send(connections[i].client, message, BYTES, 0) == BYTES, "send");
        }
        for (uint32_t i = 0; i < count; i++) {
            compose(message, i, round);
            stream_receive(connections[i].client, reply, BYTES);
            connections[i].right += memcmp(message, reply, BYTES) == 0;
        }
    }
    return 0;
}

static void receive(struct connection *connection) {
    WSABUF buffer = {BYTES, connection->bytes};
    DWORD flags = 0;
    int result =
        WSARecv(connection->server, &buffer, 1, NULL, &flags, &connection->overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
}

/* Echoes what arrives until all bytes of all clients have come. Parts of a message are echoed as
 * they come. */
static void serve(void) {
    for (uint32_t left = count * ROUNDS * BYTES; left > 0;) {
        DWORD which = WaitForMultipleObjects(count, events, FALSE, LAW_DEADLINE_MS);
        law_require(which < WAIT_OBJECT_0 + count, "an expected event did not occur");
        struct connection *connection = &connections[which - WAIT_OBJECT_0];
        DWORD bytes = 0, flags;
        law_require(WSAGetOverlappedResult(connection->server, &connection->overlapped, &bytes,
                                           FALSE, &flags) &&
                        bytes > 0,
                    "WSAGetOverlappedResult");
        law_require(send(connection->server, connection->bytes, (int)bytes, 0) == (int)bytes,
                    "send");
        left -= bytes;
        receive(connection);
    }
}

static void run(uint32_t sockets, struct one_thread_sockets_seen *seen) {
    count = sockets;
    for (uint32_t i = 0; i < count; i++) {
        SOCKET pair[2];
        stream_pair(pair);
        connections[i] = (struct connection){.server = pair[0], .client = pair[1]};
        events[i] = CreateEventW(NULL, TRUE, FALSE, NULL);
        law_require(events[i] != NULL, "CreateEventW");
        connections[i].overlapped.hEvent = events[i];
        receive(&connections[i]);
    }
    HANDLE clients = (HANDLE)_beginthreadex(NULL, 0, be_clients, NULL, 0, NULL);
    law_require(clients != NULL, "_beginthreadex");
    serve();
    law_wait(clients);
    CloseHandle(clients);
    for (uint32_t i = 0; i < count; i++) {
        closesocket(connections[i].client); /* completes the outstanding receive */
        law_wait(events[i]);
        closesocket(connections[i].server);
        CloseHandle(events[i]);
        seen->messages += ROUNDS;
        seen->right += connections[i].right;
        seen->silent += connections[i].right == 0;
    }
    seen->most_sockets = sockets;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "one_thread_sockets",
              "Overlapped calls and WaitForMultipleObjects let one thread watch several sockets.");
    struct one_thread_sockets_seen seen = {0};
    run(1, &seen);
    run(8, &seen);
    run(SOCKETS_MAX, &seen);
    struct json line = law_line();
    ONE_THREAD_SOCKETS_SEEN(LAW_SEEN)
    struct judged judged = {"C8", judge_one_thread_sockets(&seen)};
    return law_print(&line, &judged, 1);
}

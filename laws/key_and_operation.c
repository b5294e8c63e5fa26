/* A packet carries two pointers of the program: the completion key names the handle, thus its
 * client, and the OVERLAPPED names the operation. Both come back as they were given, so a handler
 * finds its data without a search. CONTAINING_RECORD leads from the OVERLAPPED to the struct around
 * it. */
#include "laws/law.h"
#include "laws/verdict/completions.h"

enum { SOCKETS = 50, ROUNDS = 4, OPERATIONS = 2 * SOCKETS * ROUNDS };
enum kind { RECEIVE, SEND };

struct client;
struct operation {
    uint32_t before; /* the OVERLAPPED need not come first */
    OVERLAPPED overlapped;
    struct client *client;
    enum kind kind;
    char byte;
    bool outstanding;
};
struct client {
    SOCKET pair[2];
    struct operation operations[2];
};

static struct client clients[SOCKETS];

static void start(struct client *client, enum kind kind) {
    struct operation *operation = &client->operations[kind];
    *operation = (struct operation){.client = client, .kind = kind, .outstanding = true};
    WSABUF buffer = {1, &operation->byte};
    DWORD flags = 0;
    OVERLAPPED *overlapped = &operation->overlapped;
    int result = kind == RECEIVE
                     ? WSARecv(client->pair[0], &buffer, 1, NULL, &flags, overlapped, NULL)
                     : WSASend(client->pair[0], &buffer, 1, NULL, 0, overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv or WSASend");
}

/* Starts a receive and a send on every client, lets its peer answer, and compares the packets. */
static void exchange(HANDLE port, struct key_and_operation_seen *seen) {
    for (int i = 0; i < SOCKETS; i++) {
        start(&clients[i], RECEIVE);
        start(&clients[i], SEND);
    }
    for (int i = SOCKETS; i-- > 0;) { /* in another order than they were started */
        char byte;
        law_require(recv(clients[i].pair[1], &byte, 1, 0) == 1 &&
                        send(clients[i].pair[1], &byte, 1, 0) == 1,
                    "the peer's answer");
    }
    for (int i = 0; i < 2 * SOCKETS; i++) {
        struct law_packet packet;
        law_require(law_take(port, &packet, LAW_DEADLINE_MS), "a packet is missing");
        seen->packets++;
        /* search, so that a wrong pointer is counted and never followed */
        struct operation *found = NULL;
        for (int j = 0; j < 2 * SOCKETS; j++)
            if (packet.overlapped == &clients[j / 2].operations[j % 2].overlapped)
                found = CONTAINING_RECORD(packet.overlapped, struct operation, overlapped);
        bool expected = found && found->outstanding;
        seen->wrong_operations += !expected;
        seen->wrong_keys += !found || packet.key != (ULONG_PTR)found->client;
        if (expected)
            found->outstanding = false;
    }
}

int main(int argc, char **argv) {
    law_start(argc, argv, "key_and_operation",
              "The completion key carries the client, and the OVERLAPPED the operation.");
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    law_require(port != NULL, "CreateIoCompletionPort");
    struct key_and_operation_seen seen = {.sockets = SOCKETS, .operations = OPERATIONS};
    for (int i = 0; i < SOCKETS; i++) {
        struct client *client = &clients[i];
        law_pair(client->pair);
        law_require(CreateIoCompletionPort((HANDLE)client->pair[0], port, (ULONG_PTR)client, 0) ==
                        port,
                    "CreateIoCompletionPort of a socket");
    }
    for (int round = 0; round < ROUNDS; round++)
        exchange(port, &seen);
    struct json line = law_line();
    KEY_AND_OPERATION_SEEN(LAW_SEEN)
    struct judged judged = {"E2", judge_key_and_operation(&seen)};
    return law_print(&line, &judged, 1);
}

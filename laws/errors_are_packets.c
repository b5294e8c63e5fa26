/* A disconnect and an error arrive as completion packets, like data. Several receives wait on each
 * connection, which then ends: by the peer's FIN, by its RST, by CancelIoEx or by closesocket. Each
 * receive gets exactly one packet, and only that packet returns the OVERLAPPED and the buffer to
 * the program. So a server needs no second path for errors, and it may free nothing earlier:
 * CancelIoEx and closesocket return before the packets come. */
#include "laws/law.h"
#include "laws/verdict/completions.h"

enum { SOCKETS = 10, RECEIVES = 4, OPERATIONS = SOCKETS * RECEIVES };
enum cause { BY_FIN, BY_RESET, BY_CANCEL, BY_CLOSE };

struct operation {
    OVERLAPPED overlapped;
    char byte;
    uint32_t packets, errors;
};

static struct operation operations[END_CAUSES][OPERATIONS]; /* nothing of it is freed or reused */

/* Returns whether the receive is outstanding. */
static bool receive(SOCKET socket, struct operation *operation) {
    WSABUF buffer = {1, &operation->byte};
    DWORD flags = 0;
    int result = WSARecv(socket, &buffer, 1, NULL, &flags, &operation->overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
    return result != 0;
}

/* Ends the connection of pair[0]; pair[1] is the peer. */
static void end(enum cause cause, SOCKET pair[2]) {
    struct linger hard = {1, 0};
    switch (cause) {
    case BY_FIN:
        law_require(shutdown(pair[1], SD_SEND) == 0, "shutdown");
        return;
    case BY_RESET:
        law_require(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, (const char *)&hard, sizeof hard) ==
                            0 &&
                        closesocket(pair[1]) == 0,
                    "closesocket of the peer");
        return;
    case BY_CANCEL:
        law_require(CancelIoEx((HANDLE)pair[0], NULL), "CancelIoEx");
        return;
    case BY_CLOSE:
        law_require(closesocket(pair[0]) == 0, "closesocket");
        return;
    }
}

/* Counts the operations of a cause with exactly one packet, and their errors. */
static void sum(enum cause cause, uint64_t *once, uint64_t *errors) {
    for (int i = 0; i < OPERATIONS; i++) {
        *once += operations[cause][i].packets == 1;
        *errors += operations[cause][i].errors;
    }
}

int main(int argc, char **argv) {
    law_start(argc, argv, "errors_are_packets",
              "Errors and disconnects arrive as packets: one for each operation.");
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    law_require(port != NULL, "CreateIoCompletionPort");
    struct errors_are_packets_seen seen = {.operations = OPERATIONS};
    for (enum cause cause = BY_FIN; cause <= BY_CLOSE; cause++) {
        for (int i = 0; i < SOCKETS; i++) {
            SOCKET pair[2];
            law_pair(pair);
            law_require(CreateIoCompletionPort((HANDLE)pair[0], port, 0, 0) == port,
                        "CreateIoCompletionPort of a socket");
            for (int j = 0; j < RECEIVES; j++)
                seen.pended += receive(pair[0], &operations[cause][i * RECEIVES + j]);
            end(cause, pair);
        }
    }
    struct law_packet packet;
    /* the last round waits in vain: nothing comes twice */
    for (int taken = 0;
         law_take(port, &packet, taken < END_CAUSES * OPERATIONS ? LAW_DEADLINE_MS : LAW_ABSENT_MS);
         taken++) {
        struct operation *operation =
            CONTAINING_RECORD(packet.overlapped, struct operation, overlapped);
        operation->packets++;
        operation->errors += packet.error != 0;
    }
    sum(BY_FIN, &seen.fin_once, &seen.fin_errors);
    sum(BY_RESET, &seen.reset_once, &seen.reset_errors);
    sum(BY_CANCEL, &seen.cancel_once, &seen.cancel_errors);
    sum(BY_CLOSE, &seen.close_once, &seen.close_errors);
    struct json line = law_line();
    ERRORS_ARE_PACKETS_SEEN(LAW_SEEN)
    struct judged judged = {"A3", judge_errors_are_packets(&seen)};
    return law_print(&line, &judged, 1);
}

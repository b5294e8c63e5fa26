/* DisconnectEx with TF_REUSE_SOCKET ends a connection and leaves the socket as new, so that the next
 * AcceptEx can take it again. The client ends first in each cycle: the end that closes first stays
 * in TIME_WAIT, and DisconnectEx then waits as long.
 *
 * Wine only sends the end of the stream, and its AcceptEx takes any socket. So the first experiment
 * disconnects while the client is there: data that still arrive afterwards disprove a disconnect. */
#include "laws/shared/accepts.h"
#include "laws/verdict/accepts.h"

#include <mswsock.h>

#include "common/sockets.h"

enum { CYCLES = 10 };

static SOCKET listener;
static struct sockaddr_in address;
static LPFN_DISCONNECTEX disconnect_ex;

/* Waits for an operation, whose call returned `call_error`. Stores its error; returns success. */
static bool ended(struct accept_operation *operation, int call_error, uint64_t *error) {
    DWORD bytes, flags;
    *error = (uint64_t)call_error;
    if (*error == ERROR_IO_PENDING || *error == 0) {
        if (WaitForSingleObject(operation->overlapped.hEvent, LAW_DEADLINE_MS) != WAIT_OBJECT_0)
            *error = WAIT_TIMEOUT;
        else
            *error = WSAGetOverlappedResult(operation->socket, &operation->overlapped, &bytes,
                                            FALSE, &flags)
                         ? 0
                         : (uint64_t)WSAGetLastError();
    }
    return *error == 0;
}

static bool accepted(struct accept_operation *operation, SOCKET *client, uint64_t *error) {
    static const DWORD patience_ms = LAW_DEADLINE_MS;
    DWORD received;
    operation->overlapped = (OVERLAPPED){.hEvent = operation->overlapped.hEvent};
    BOOL good = AcceptEx(listener, operation->socket, operation->buffer, 0, ACCEPTS_ADDRESS,
                         ACCEPTS_ADDRESS, &received, &operation->overlapped);
    int call_error = good ? 0 : WSAGetLastError();
    if (call_error == 0 || call_error == ERROR_IO_PENDING)
        clients_connect(client, 1, &address, 1);
    if (!ended(operation, call_error, error))
        return false;
    setsockopt(operation->socket, SOL_SOCKET, SO_RCVTIMEO, (const char *)&patience_ms,
               sizeof patience_ms);
    return setsockopt(operation->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                      (const char *)&listener, sizeof listener) == 0;
}

/* Returns the error of the call. */
static int disconnect(struct accept_operation *operation) {
    operation->overlapped = (OVERLAPPED){.hEvent = operation->overlapped.hEvent};
    return disconnect_ex(operation->socket, &operation->overlapped, TF_REUSE_SOCKET, 0)
               ? 0
               : WSAGetLastError();
}

static void prepare(struct accept_operation *operation) {
    operation->socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (!operation->overlapped.hEvent)
        operation->overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(operation->socket != INVALID_SOCKET && operation->overlapped.hEvent, "WSASocketW");
}

/* Returns whether a byte arrives after DisconnectEx completed. */
static uint64_t outlived(void) {
    static struct accept_operation operation; /* may still be outstanding at the end */
    static const DWORD patience_ms = LAW_ABSENT_MS;
    SOCKET client;
    uint64_t error;
    char byte;
    prepare(&operation);
    law_require(accepted(&operation, &client, &error), "AcceptEx");
    law_require(recv(operation.socket, &byte, 1, 0) == 1, "recv");
    int call_error = disconnect(&operation);
    bool complete = (call_error == 0 || call_error == ERROR_IO_PENDING) &&
                    WaitForSingleObject(operation.overlapped.hEvent, LAW_ABSENT_MS) == 0;
    send(client, "x", 1, 0);
    setsockopt(operation.socket, SOL_SOCKET, SO_RCVTIMEO, (const char *)&patience_ms,
               sizeof patience_ms);
    bool arrived = complete && recv(operation.socket, &byte, 1, 0) == 1;
    sockets_abort(client);
    closesocket(operation.socket);
    return arrived;
}

/* Echoes a byte, and the client ends. */
static bool echoed(SOCKET socket, SOCKET client) {
    char byte;
    bool good = recv(socket, &byte, 1, 0) == 1 && send(socket, &byte, 1, 0) == 1;
    if (good)
        clients_receive(client, 1);
    shutdown(client, SD_SEND);
    good = good && recv(socket, &byte, 1, 0) == 0;
    return good;
}

/* Serves CYCLES clients and one more with one socket. Returns the time of one cycle. */
static uint64_t reuse(struct accept_reuse_seen *seen) {
    static struct accept_operation operation;
    uint64_t start_ns = clock_now_ns();
    prepare(&operation);
    for (int cycle = 0; cycle <= CYCLES; cycle++) {
        SOCKET client;
        if (!accepted(&operation, &client, &seen->error))
            break;
        seen->reused += cycle > 0;
        seen->echoed += echoed(operation.socket, client);
        if (cycle == CYCLES) {
            closesocket(operation.socket);
        } else if (!ended(&operation, disconnect(&operation), &seen->error)) {
            closesocket(client);
            break;
        }
        seen->disconnected += cycle < CYCLES;
        closesocket(client);
    }
    return (clock_now_ns() - start_ns) / (CYCLES + 1);
}

/* The same with a new socket for each client. */
static uint64_t renew(void) {
    static struct accept_operation operation;
    uint64_t start_ns = clock_now_ns(), error;
    for (int cycle = 0; cycle <= CYCLES; cycle++) {
        SOCKET client;
        prepare(&operation);
        law_require(accepted(&operation, &client, &error), "AcceptEx");
        law_require(echoed(operation.socket, client), "echo");
        closesocket(operation.socket);
        closesocket(client);
    }
    return (clock_now_ns() - start_ns) / (CYCLES + 1);
}

int main(int argc, char **argv) {
    law_start(argc, argv, "accept_reuse", "After DisconnectEx AcceptEx can take a socket again.");
    listener = accepts_listen(5, &address);
    GUID id = WSAID_DISCONNECTEX;
    DWORD returned;
    WSAIoctl(listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &disconnect_ex,
             sizeof disconnect_ex, &returned, NULL, NULL);
    law_require(disconnect_ex != NULL, "WSAIoctl(DisconnectEx)");
    struct accept_reuse_seen seen = {.asked = CYCLES, .outlived = outlived()};
    seen.reuse_ns = reuse(&seen);
    seen.new_ns = renew();
    struct json line = law_line();
    ACCEPT_REUSE_SEEN(LAW_SEEN)
    struct judged judged = {"C29", judge_accept_reuse(&seen)};
    return law_print(&line, &judged, 1);
}

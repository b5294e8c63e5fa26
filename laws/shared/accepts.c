#include "laws/shared/accepts.h"

#include <mswsock.h>
#include <stdlib.h>

#include "common/sockets.h"

SOCKET accepts_listen(int backlog, struct sockaddr_in *address) {
    int length = sizeof *address;
    SOCKET listener = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    law_require(listener != INVALID_SOCKET &&
                    bind(listener, (struct sockaddr *)address, length) == 0 &&
                    listen(listener, backlog) == 0 &&
                    getsockname(listener, (struct sockaddr *)address, &length) == 0,
                "listen");
    return listener;
}

static SOCKET client_socket(void) {
    SOCKET client = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    law_require(client != INVALID_SOCKET, "WSASocketW");
    return client;
}

void clients_connect(SOCKET *clients, int count, const struct sockaddr_in *address, int bytes) {
    static const char request[ACCEPTS_DATA] = "GET /";
    for (int i = 0; i < count; i++) {
        clients[i] = client_socket();
        law_require(connect(clients[i], (const struct sockaddr *)address, sizeof *address) == 0,
                    "connect");
        law_require(bytes == 0 || send(clients[i], request, bytes, 0) == bytes, "send");
    }
}

void clients_receive(SOCKET socket, int bytes) {
    static const DWORD patience_ms = LAW_DEADLINE_MS;
    char reply[ACCEPTS_DATA];
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, (const char *)&patience_ms, sizeof patience_ms);
    for (int received = 0; received < bytes;) {
        int now = recv(socket, reply, bytes - received, 0);
        law_require(now > 0, "recv");
        received += now;
    }
}

/* Waits until the socket has its connection. Returns false if it has none at the deadline. */
static bool connected(SOCKET socket, uint64_t deadline_ns) {
    uint64_t now_ns = clock_now_ns();
    long left_us = now_ns < deadline_ns ? (long)((deadline_ns - now_ns) / 1000) : 0;
    fd_set writable, failed;
    struct timeval left = {0, left_us};
    FD_ZERO(&writable);
    FD_SET(socket, &writable);
    failed = writable;
    return select(0, NULL, &writable, &failed, &left) == 1 && FD_ISSET(socket, &writable);
}

uint32_t clients_storm(SOCKET *clients, int count, const struct sockaddr_in *address,
                       uint32_t patience_ms) {
    uint64_t deadline_ns = clock_now_ns() + patience_ms * 1000000ull;
    for (int i = 0; i < count; i++) {
        clients[i] = client_socket();
        law_require(sockets_unblock(clients[i]), "ioctlsocket");
        law_require(connect(clients[i], (const struct sockaddr *)address, sizeof *address) == 0 ||
                        WSAGetLastError() == WSAEWOULDBLOCK,
                    "connect");
    }
    uint32_t established = 0;
    for (int i = 0; i < count; i++)
        established += connected(clients[i], deadline_ns);
    return established;
}

void sockets_drop(SOCKET *sockets, int count) {
    for (int i = 0; i < count; i++)
        sockets_abort(sockets[i]);
}

static void post(struct accepts *accepts, struct accept_operation *operation) {
    operation->overlapped = (OVERLAPPED){0};
    operation->socket = client_socket();
    DWORD received;
    BOOL good = AcceptEx(accepts->listener, operation->socket, operation->buffer, accepts->bytes,
                         ACCEPTS_ADDRESS, ACCEPTS_ADDRESS, &received, &operation->overlapped);
    law_require(good || WSAGetLastError() == ERROR_IO_PENDING, "AcceptEx");
    accepts->posted++;
    accepts->pended += !good;
}

void accepts_open(struct accepts *accepts, int backlog, uint32_t depth, uint32_t bytes) {
    *accepts = (struct accepts){.bytes = bytes};
    accepts->listener = accepts_listen(backlog, &accepts->address);
    accepts->port = CreateIoCompletionPort((HANDLE)accepts->listener, NULL, 0, 0);
    struct accept_operation *operations = calloc(depth, sizeof *operations);
    law_require(accepts->port && operations, "CreateIoCompletionPort");
    for (uint32_t i = 0; i < depth; i++)
        post(accepts, &operations[i]);
}

SOCKET accepts_renew(struct accepts *accepts, OVERLAPPED *overlapped) {
    struct accept_operation *operation =
        CONTAINING_RECORD(overlapped, struct accept_operation, overlapped);
    SOCKET accepted = operation->socket;
    post(accepts, operation);
    return accepted;
}

SOCKET accepts_next(struct accepts *accepts) {
    DWORD bytes;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
    law_require(
        GetQueuedCompletionStatus(accepts->port, &bytes, &key, &overlapped, LAW_DEADLINE_MS),
        "GetQueuedCompletionStatus");
    struct accept_operation *operation =
        CONTAINING_RECORD(overlapped, struct accept_operation, overlapped);
    SOCKET accepted = operation->socket;
    law_require(setsockopt(accepted, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                           (const char *)&accepts->listener, sizeof accepts->listener) == 0,
                "SO_UPDATE_ACCEPT_CONTEXT");
    post(accepts, operation);
    return accepted;
}

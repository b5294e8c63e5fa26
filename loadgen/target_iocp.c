/* The null target on Windows: one thread, one completion port.
 *
 * An operation that ends inline posts no packet, so a request costs one packet if its reply can be
 * sent at once. Each connection has one outstanding operation, and the listener one accept. */
#include "loadgen/target.h"

#include <stdlib.h>
#include <mswsock.h>
#include <windows.h>

enum {
    BUFFER_BYTES = 8 * 1024,
    ADDRESS_BYTES = sizeof(struct sockaddr_in) + 16, /* as AcceptEx requires */
    PACKETS_A_WAIT = 64,
    INLINE_MOST = 16 /* operations of one connection in a row, so that the others have their turn */
};

struct peer {
    OVERLAPPED overlapped;
    SOCKET socket;
    bool accepting, sending, skips; /* skips: no packet for what ends inline */
    DWORD received;                 /* bytes to send back */
    char buffer[BUFFER_BYTES];
};

static HANDLE port;
static LPFN_ACCEPTEX accept_ex;
static uint32_t open_connections;

static void drop(struct peer *peer) {
    closesocket(peer->socket);
    free(peer);
    open_connections--;
}

/* Starts the next operation. Returns true if it ended inline, without a packet; `bytes` is then
 * its result. A failed start drops the peer. */
static bool start(struct peer *peer, DWORD *bytes) {
    WSABUF buffer = {.buf = peer->buffer, .len = peer->sending ? peer->received : BUFFER_BYTES};
    DWORD flags = 0;
    peer->overlapped = (OVERLAPPED){0};
    int failed = peer->sending
                     ? WSASend(peer->socket, &buffer, 1, bytes, 0, &peer->overlapped, NULL)
                     : WSARecv(peer->socket, &buffer, 1, bytes, &flags, &peer->overlapped, NULL);
    if (!failed)
        return peer->skips;
    if (WSAGetLastError() != WSA_IO_PENDING)
        drop(peer);
    return false;
}

/* Handles an operation that has ended, and those after it that end inline. */
static void advance(struct peer *peer, DWORD bytes) {
    for (int i = 0; i < INLINE_MOST; i++) {
        if (!peer->sending && bytes == 0) {
            drop(peer);
            return;
        }
        peer->received = bytes;
        peer->sending = !peer->sending;
        if (!start(peer, &bytes))
            return;
    }
    PostQueuedCompletionStatus(port, bytes, 0, &peer->overlapped); /* behind the others */
}

static bool attach(SOCKET socket) {
    return CreateIoCompletionPort((HANDLE)socket, port, 0, 0) != NULL;
}

static bool start_accept(SOCKET listener) {
    struct peer *peer = calloc(1, sizeof *peer);
    DWORD bytes;
    if (!peer)
        return false;
    peer->accepting = true;
    peer->socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (peer->socket != INVALID_SOCKET &&
        (accept_ex(listener, peer->socket, peer->buffer, 0, ADDRESS_BYTES, ADDRESS_BYTES, &bytes,
                   &peer->overlapped) ||
         WSAGetLastError() == WSA_IO_PENDING))
        return true;
    if (peer->socket != INVALID_SOCKET)
        closesocket(peer->socket);
    free(peer);
    return false;
}

static void accepted(SOCKET listener, struct peer *peer) {
    const UCHAR modes = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE;
    BOOL on = TRUE;
    DWORD bytes;
    peer->accepting = false;
    open_connections++;
    setsockopt(peer->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&listener,
               sizeof listener);
    setsockopt(peer->socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
    peer->skips = SetFileCompletionNotificationModes((HANDLE)peer->socket, modes);
    if (!attach(peer->socket))
        drop(peer);
    else if (start(peer, &bytes))
        advance(peer, bytes);
}

bool target_open(socket_handle listener) {
    GUID id = WSAID_ACCEPTEX;
    DWORD bytes;
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    return port &&
           WSAIoctl(listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id,
                    (void *)&accept_ex, sizeof accept_ex, &bytes, NULL, NULL) == 0 &&
           attach(listener) && start_accept(listener);
}

void target_serve(socket_handle listener) {
    OVERLAPPED_ENTRY packets[PACKETS_A_WAIT];
    open_connections = 0;
    for (bool begun = false; !begun || open_connections > 0;) {
        ULONG count = 0;
        GetQueuedCompletionStatusEx(port, packets, PACKETS_A_WAIT, &count, INFINITE, FALSE);
        for (ULONG i = 0; i < count; i++) {
            struct peer *peer = CONTAINING_RECORD(packets[i].lpOverlapped, struct peer, overlapped);
            if (!peer->accepting) {
                advance(peer, packets[i].dwNumberOfBytesTransferred);
                continue;
            }
            accepted(listener, peer);
            start_accept(listener);
        }
        begun = begun || open_connections > 0;
    }
}

/* The listener is closed, which ends the last accept. Its packet holds the peer. */
void target_close(void) {
    OVERLAPPED_ENTRY packet;
    ULONG count;
    if (port && GetQueuedCompletionStatusEx(port, &packet, 1, &count, 1000, FALSE)) {
        struct peer *peer = CONTAINING_RECORD(packet.lpOverlapped, struct peer, overlapped);
        closesocket(peer->socket);
        free(peer);
    }
    if (port)
        CloseHandle(port);
    port = NULL;
}

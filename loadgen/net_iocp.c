/*
 * The Windows backend: overlapped receives and sends, and one completion port a thread.
 *
 * A connection always has a receive under way, and at most one send. Its buffers belong to the system until
 * the packet of their operation has come, so each connection has two of its own.
 */
#include "loadgen/net.h"

#include <stdlib.h>
#include <windows.h>

#include "common/clock.h"

enum { BUFFER_BYTES = 32 * 1024 };

struct connection {
    OVERLAPPED receive, send;
    struct client *client;
    SOCKET socket;
    bool receiving, sending; /* operations under way */
    char in[BUFFER_BYTES], out[BUFFER_BYTES];
};

struct net {
    HANDLE port;
    size_t count, waiting; /* connections; those of which waits() is true */
    struct connection **connections;
};

const char *const net_name = "iocp";

struct net *net_open(size_t count, int *error) {
    struct net *net = calloc(1, sizeof *net);
    if (net) {
        net->connections = calloc(count, sizeof *net->connections);
        net->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
        if (net->connections && net->port)
            return net;
        free(net->connections);
    }
    free(net);
    *error = ERROR_NOT_ENOUGH_MEMORY;
    return NULL;
}

static enum client_error kind(DWORD error) {
    bool reset = error == ERROR_NETNAME_DELETED || error == WSAECONNRESET || error == WSAECONNABORTED;
    return reset ? CLIENT_RESET : CLIENT_OTHER;
}

static void fail(struct connection *connection, enum client_error error) {
    if (connection->client->error == CLIENT_FINE)
        connection->client->error = error;
    CancelIoEx((HANDLE)connection->socket, NULL); /* the other operation, if any, still brings its packet */
}

static void start_receive(struct connection *connection) {
    WSABUF buffer = {.buf = connection->in, .len = BUFFER_BYTES};
    DWORD flags = 0;
    connection->receive = (OVERLAPPED){0};
    connection->receiving = true;
    if (WSARecv(connection->socket, &buffer, 1, NULL, &flags, &connection->receive, NULL) == SOCKET_ERROR &&
        WSAGetLastError() != WSA_IO_PENDING) {
        connection->receiving = false;
        fail(connection, kind((DWORD)WSAGetLastError()));
    }
}

/* Hands the system all that the client has to send and that fits, unless a send is under way. */
static void send_requests(struct connection *connection) {
    if (connection->sending || connection->client->error != CLIENT_FINE)
        return;
    size_t length = client_output(connection->client, connection->out, BUFFER_BYTES);
    if (length == 0)
        return;
    WSABUF buffer = {.buf = connection->out, .len = (ULONG)length};
    connection->send = (OVERLAPPED){0};
    connection->sending = true;
    /* An overlapped send takes all or fails, so the request counts as handed over here. */
    client_sent(connection->client, length, clock_now_ns());
    if (WSASend(connection->socket, &buffer, 1, NULL, 0, &connection->send, NULL) == SOCKET_ERROR &&
        WSAGetLastError() != WSA_IO_PENDING) {
        connection->sending = false;
        fail(connection, kind((DWORD)WSAGetLastError()));
    }
}

bool net_connect(struct net *net, struct client *client, const struct sockaddr_in *address,
                 uint32_t timeout_ms, int *error) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        *error = ERROR_NOT_ENOUGH_MEMORY;
        return false;
    }
    connection->client = client;
    connection->socket = sockets_connect(address, timeout_ms, error);
    if (connection->socket == INVALID_SOCKET) {
        free(connection);
        return false;
    }
    if (!CreateIoCompletionPort((HANDLE)connection->socket, net->port, (ULONG_PTR)connection, 0)) {
        *error = (int)GetLastError();
        closesocket(connection->socket);
        free(connection);
        return false;
    }
    net->connections[net->count++] = connection;
    start_receive(connection);
    return true;
}

static void on_received(struct connection *connection, DWORD bytes, struct recorder *recorder) {
    connection->receiving = false;
    if (connection->client->error != CLIENT_FINE)
        return;
    if (bytes == 0)
        fail(connection, CLIENT_CLOSED);
    else if (client_received(connection->client, connection->in, bytes, clock_now_ns(), recorder))
        start_receive(connection);
    else
        fail(connection, CLIENT_MISMATCH);
}

/* For its reply, or for the packet of its send: that may come after the reply's, and until then nothing is
 * sent. */
static bool waits(const struct connection *connection) {
    return connection->sending ||
           (connection->client->error == CLIENT_FINE && client_waiting(connection->client));
}

/* An operation of `connection` has ended: `overlapped` tells which one. */
static void on_packet(struct connection *connection, const OVERLAPPED *overlapped, DWORD error, DWORD bytes,
                      struct recorder *recorder) {
    bool received = overlapped == &connection->receive;
    *(received ? &connection->receiving : &connection->sending) = false;
    if (error != ERROR_SUCCESS)
        fail(connection, kind(error));
    else if (received)
        on_received(connection, bytes, recorder);
    send_requests(connection); /* a reply has come, or the buffer is free again */
}

/* Waits for one packet; the key of a packet is its connection. false: none came within `timeout_ms`. */
static bool serve(struct net *net, struct recorder *recorder, DWORD timeout_ms) {
    DWORD bytes;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
    BOOL good = GetQueuedCompletionStatus(net->port, &bytes, &key, &overlapped, timeout_ms);
    DWORD error = good ? ERROR_SUCCESS : GetLastError();
    if (!overlapped)
        return false;
    struct connection *connection = (struct connection *)key;
    net->waiting -= waits(connection);
    on_packet(connection, overlapped, error, bytes, recorder);
    net->waiting += waits(connection);
    return true;
}

void net_run(struct net *net, struct recorder *recorder, uint64_t deadline_ns) {
    net->waiting = 0;
    for (size_t i = 0; i < net->count; i++) {
        send_requests(net->connections[i]);
        net->waiting += waits(net->connections[i]);
    }
    for (uint64_t now = clock_now_ns(); net->waiting > 0 && now < deadline_ns; now = clock_now_ns()) {
        uint64_t left_ms = (deadline_ns - now + 999999) / 1000000;
        serve(net, recorder, left_ms < 1000 ? (DWORD)left_ms : 1000);
    }
}

/* The system may own the buffers until the packets of the cancelled operations have come. */
void net_close(struct net *net) {
    struct recorder ignored = {0};
    for (size_t i = 0; i < net->count; i++) {
        struct connection *connection = net->connections[i];
        fail(connection, CLIENT_OTHER);
        while (connection->receiving || connection->sending)
            serve(net, &ignored, INFINITE);
        closesocket(connection->socket);
    }
    /* Only now: a packet of one connection may come while another one is awaited. */
    for (size_t i = 0; i < net->count; i++)
        free(net->connections[i]);
    CloseHandle(net->port);
    free(net->connections);
    free(net);
}

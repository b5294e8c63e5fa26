/* The Windows backend: overlapped receives and sends, and one completion port per thread.
 *
 * An established connection always has one outstanding receive, and at most one outstanding send.
 * Windows owns an operation's buffer until its packet arrives, so each connection has two buffers.
 * A reconnect first cancels and drains the connection, then closes it, then calls ConnectEx, which
 * uses the send's OVERLAPPED.
 *
 * Windows' waits end on its timer tick, 1 ms at best. So a high-resolution timer ends the wait on
 * the port: when the next request is due, or 1 ms earlier if the thread then polls. Such timers call
 * no completion routine. A second thread therefore waits for the timer and posts a packet. */
#include "loadgen/net.h"

#include <stdlib.h>
#include <mswsock.h>
#include <process.h>
#include <windows.h>

#include "common/clock.h"
#include "loadgen/agenda.h"

#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
#define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x2 /* Windows 10 1803 */
#endif

enum {
    LEAST_BUFFER_BYTES = 256,
    MOST_BUFFER_BYTES = 32 * 1024,
    PACKETS_A_WAIT = 64,
    LONGEST_WAIT_MS = 1000
};

enum state { STANDING, CLOSING, CONNECTING };

struct connection {
    OVERLAPPED receive, send;
    struct client *client;
    const struct sockets_route *route;
    SOCKET socket;
    enum state state;
    bool receiving, sending; /* outstanding operations */
    bool planned;            /* on the agenda */
    bool skips;              /* an operation that ends inline posts no packet */
    DWORD inline_bytes;      /* of a receive that ended inline */
    struct connection *next; /* on the net's list of those */
    ULONG in_bytes, out_bytes;
    char *in, *out;
};

struct net {
    HANDLE port, timer, bell; /* bell: the thread that waits for the timer */
    volatile LONG closing;
    struct connection *ended; /* whose receive ended inline */
    uint64_t timer_ns;        /* due time of the request for which the timer was last set */
    /* how long before a due time the thread polls the port instead of waiting */
    uint64_t poll_ns;
    size_t count, waiting; /* connections; those for which waits() is true */
    struct connection **connections;
    struct agenda agenda; /* connections whose next request is due later */
    LPFN_CONNECTEX connect_ex;
};

const char *const net_name = "iocp";

/* Returns the bytes that can be outstanding, up to a limit. */
static ULONG buffer_bytes(const struct load *load, uint32_t payload) {
    uint64_t bytes = (uint64_t)load->depth * (FRAME_HEADER_BYTES + (uint64_t)payload);
    if (bytes > MOST_BUFFER_BYTES)
        return MOST_BUFFER_BYTES;
    return bytes < LEAST_BUFFER_BYTES ? LEAST_BUFFER_BYTES : (ULONG)bytes;
}

static ULONG in_bytes(const struct load *load) {
    return buffer_bytes(load,
                        amount_most(load->reply_as_request ? &load->size : &load->reply_size));
}

static ULONG out_bytes(const struct load *load) {
    return buffer_bytes(load, amount_most(&load->size));
}

size_t net_connection_bytes(const struct load *load) {
    return sizeof(struct connection) + sizeof(struct connection *) + sizeof(struct agenda_entry) +
           in_bytes(load) + out_bytes(load);
}

/* Posts an empty packet each time the timer fires. */
static unsigned __stdcall ring(void *argument) {
    struct net *net = argument;
    while (WaitForSingleObject(net->timer, INFINITE) == WAIT_OBJECT_0 && !net->closing)
        PostQueuedCompletionStatus(net->port, 0, 0, NULL);
    return 0;
}

static bool set_timer(struct net *net, uint64_t from_now_ns) {
    LARGE_INTEGER due = {.QuadPart = -(LONGLONG)(from_now_ns / 100 + 1)}; /* relative */
    return SetWaitableTimer(net->timer, &due, 0, NULL, NULL, FALSE) != 0;
}

static bool open_bell(struct net *net) {
    net->timer =
        CreateWaitableTimerExW(NULL, NULL, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, TIMER_ALL_ACCESS);
    if (!net->timer)
        net->timer = CreateWaitableTimerExW(NULL, NULL, 0, TIMER_ALL_ACCESS);
    if (net->timer)
        net->bell = (HANDLE)_beginthreadex(NULL, 0, ring, net, 0, NULL);
    return net->bell != NULL;
}

static void close_bell(struct net *net) {
    if (net->bell) {
        net->closing = 1;
        set_timer(net, 0);
        WaitForSingleObject(net->bell, INFINITE);
        CloseHandle(net->bell);
    }
    if (net->timer)
        CloseHandle(net->timer);
}

struct net *net_open(size_t count, bool polls, int *error) {
    struct net *net = calloc(1, sizeof *net);
    if (net) {
        net->connections = calloc(count, sizeof *net->connections);
        net->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
        net->poll_ns = polls ? NET_POLL_NS : 0;
        if (net->connections && net->port && agenda_open(&net->agenda, count)) {
            if (open_bell(net))
                return net;
            close_bell(net);
            agenda_close(&net->agenda);
        }
        if (net->port)
            CloseHandle(net->port);
        free(net->connections);
    }
    free(net);
    *error = ERROR_NOT_ENOUGH_MEMORY;
    return NULL;
}

static enum client_error kind(DWORD error) {
    bool reset =
        error == ERROR_NETNAME_DELETED || error == WSAECONNRESET || error == WSAECONNABORTED;
    return reset ? CLIENT_RESET : CLIENT_OTHER;
}

static void fail(struct connection *connection, enum client_error error) {
    client_fail(connection->client, error);
    /* another outstanding operation still delivers its packet */
    CancelIoEx((HANDLE)connection->socket, NULL);
}

/* A receive that ends inline goes to the net's list, because its handling may start the next one. */
static void start_receive(struct net *net, struct connection *connection) {
    WSABUF buffer = {.buf = connection->in, .len = connection->in_bytes};
    DWORD flags = 0, bytes = 0;
    connection->receive = (OVERLAPPED){0};
    connection->receiving = true;
    if (WSARecv(connection->socket, &buffer, 1, &bytes, &flags, &connection->receive, NULL) == 0) {
        if (connection->skips) {
            connection->inline_bytes = bytes;
            connection->next = net->ended;
            net->ended = connection;
        }
    } else if (WSAGetLastError() != WSA_IO_PENDING) {
        connection->receiving = false;
        fail(connection, kind((DWORD)WSAGetLastError()));
    }
}

/* Sends all that is due and fits, unless a send is outstanding. */
static void send_requests(struct connection *connection, uint64_t now_ns) {
    struct client *client = connection->client;
    if (connection->sending || client_due_ns(client) > now_ns)
        return;
    size_t length = client_output(client, now_ns, connection->out, connection->out_bytes);
    WSABUF buffer = {.buf = connection->out, .len = (ULONG)length};
    connection->send = (OVERLAPPED){0};
    connection->sending = true;
    /* An overlapped send takes all or fails, so the request counts as sent now. */
    client_sent(client, length, now_ns);
    DWORD bytes;
    if (WSASend(connection->socket, &buffer, 1, &bytes, 0, &connection->send, NULL) == 0) {
        connection->sending = !connection->skips;
    } else if (WSAGetLastError() != WSA_IO_PENDING) {
        connection->sending = false;
        fail(connection, kind((DWORD)WSAGetLastError()));
    }
}

/* Nearly every send ends inline: its packet would cost a call for nothing. */
static void skip_packets(struct connection *connection) {
    const UCHAR modes = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE;
    connection->skips = SetFileCompletionNotificationModes((HANDLE)connection->socket, modes) != 0;
}

static bool attach(struct net *net, struct connection *connection) {
    return CreateIoCompletionPort((HANDLE)connection->socket, net->port, (ULONG_PTR)connection,
                                  0) != NULL;
}

/* Returns a connection without its socket. NULL: out of memory. */
static struct connection *new_connection(struct client *client, const struct sockets_route *route) {
    ULONG in = in_bytes(client->load), out = out_bytes(client->load);
    struct connection *connection = calloc(1, sizeof *connection + in + out);
    if (connection) {
        *connection =
            (struct connection){.client = client, .route = route, .in_bytes = in, .out_bytes = out};
        connection->in = (char *)(connection + 1);
        connection->out = connection->in + in;
    }
    return connection;
}

bool net_connect(struct net *net, struct client *client, const struct sockets_route *route,
                 uint32_t timeout_ms, int *error) {
    struct connection *connection = new_connection(client, route);
    if (!connection) {
        *error = ERROR_NOT_ENOUGH_MEMORY;
        return false;
    }
    client_connecting(client, clock_now_ns());
    connection->socket = sockets_connect(route, timeout_ms, error);
    if (connection->socket == INVALID_SOCKET) {
        free(connection);
        return false;
    }
    client_connected(client, clock_now_ns());
    if (!attach(net, connection)) {
        *error = (int)GetLastError();
        closesocket(connection->socket);
        free(connection);
        return false;
    }
    net->connections[net->count++] = connection;
    skip_packets(connection);
    start_receive(net, connection);
    return true;
}

static bool find_connect_ex(struct net *net, SOCKET socket) {
    GUID id = WSAID_CONNECTEX;
    DWORD bytes;
    return net->connect_ex ||
           WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id,
                    (void *)&net->connect_ex, sizeof net->connect_ex, &bytes, NULL, NULL) == 0;
}

/* Closes a socket without outstanding operations and connects another one. */
static void reconnect(struct net *net, struct connection *connection) {
    struct sockets_route route = *connection->route;
    int error;
    if (connection->client->load->close_fin)
        sockets_close(connection->socket);
    else
        sockets_abort(connection->socket);
    if (!route.bound) { /* ConnectEx requires a bound socket */
        route.bound = true;
        route.source = (struct sockaddr_in){.sin_family = AF_INET};
    }
    client_connecting(connection->client, clock_now_ns());
    connection->state = CONNECTING;
    connection->skips = false; /* until it is connected: ConnectEx then always posts its packet */
    connection->socket = sockets_open(&route, &error);
    if (connection->socket == INVALID_SOCKET || !attach(net, connection) ||
        !find_connect_ex(net, connection->socket)) {
        fail(connection, CLIENT_CONNECT);
        return;
    }
    connection->send = (OVERLAPPED){0};
    connection->sending = true;
    if (!net->connect_ex(connection->socket, (const struct sockaddr *)&route.server,
                         sizeof route.server, NULL, 0, NULL, &connection->send) &&
        WSAGetLastError() != ERROR_IO_PENDING) {
        connection->sending = false;
        fail(connection, CLIENT_CONNECT);
    }
}

/* Shuts a used-up connection down. Its receive is still outstanding, and perhaps its last send. */
static void renew(struct net *net, struct connection *connection) {
    connection->state = CLOSING;
    if (connection->receiving)
        CancelIoEx((HANDLE)connection->socket, NULL);
    else if (!connection->sending)
        reconnect(net, connection);
}

static void end_connect(struct net *net, struct connection *connection, DWORD error) {
    connection->state = STANDING;
    if (error != ERROR_SUCCESS) {
        fail(connection, CLIENT_CONNECT);
        return;
    }
    setsockopt(connection->socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0);
    client_connected(connection->client, clock_now_ns());
    skip_packets(connection);
    start_receive(net, connection);
}

static void on_received(struct net *net, struct connection *connection, DWORD bytes,
                        uint64_t now_ns) {
    if (connection->client->error != CLIENT_FINE)
        return;
    if (bytes == 0)
        fail(connection, CLIENT_CLOSED);
    else if (client_received(connection->client, connection->in, bytes, now_ns))
        start_receive(net, connection);
    else
        fail(connection, CLIENT_MISMATCH);
}

/* Returns whether a reply, a connect or a send's packet is outstanding. A send's packet may come
 * after the reply's; until then the connection sends nothing. */
static bool waits(const struct connection *connection) {
    return connection->sending ||
           (connection->client->error == CLIENT_FINE &&
            (connection->state != STANDING || client_waiting(connection->client)));
}

/* Acts on the connection now; puts a request that is due later on the agenda. */
static void act(struct net *net, struct connection *connection, uint64_t now_ns) {
    struct client *client = connection->client;
    if (client->error != CLIENT_FINE || connection->state != STANDING)
        return;
    if (client_used_up(client))
        renew(net, connection);
    else
        send_requests(connection, now_ns);
    if (client->error != CLIENT_FINE || connection->state != STANDING || connection->sending ||
        connection->planned)
        return;
    uint64_t due_ns = client_due_ns(client);
    if (due_ns != CLIENT_NEVER) {
        connection->planned = true;
        agenda_add(&net->agenda, due_ns, connection);
    }
}

/* Handles a completion of `connection`; `overlapped` identifies the operation. */
static void on_packet(struct net *net, struct connection *connection, const OVERLAPPED *overlapped,
                      DWORD error, DWORD bytes) {
    uint64_t now_ns = clock_now_ns();
    bool received = overlapped == &connection->receive;
    *(received ? &connection->receiving : &connection->sending) = false;
    if (connection->state == CLOSING) {
        if (received && error == ERROR_SUCCESS && bytes > 0)
            fail(connection, CLIENT_MISMATCH); /* more bytes than expected */
        if (connection->client->error == CLIENT_FINE && !connection->receiving &&
            !connection->sending)
            reconnect(net, connection);
    } else if (connection->state == CONNECTING) {
        end_connect(net, connection, error);
    } else if (error != ERROR_SUCCESS) {
        fail(connection, kind(error));
    } else if (received) {
        on_received(net, connection, bytes, now_ns);
    } else {
        client_unblocked(connection->client, now_ns);
    }
    act(net, connection, now_ns); /* a reply arrived, or the buffer is free again */
}

static void complete(struct net *net, struct connection *connection, const OVERLAPPED *overlapped,
                     DWORD error, DWORD bytes) {
    net->waiting -= waits(connection);
    on_packet(net, connection, overlapped, error, bytes);
    net->waiting += waits(connection);
}

/* Serves the receives that ended inline so far; those that they start wait for their turn. */
static void serve_ended(struct net *net) {
    struct connection *connection = net->ended, *next;
    net->ended = NULL;
    for (; connection; connection = next) {
        next = connection->next;
        complete(net, connection, &connection->receive, ERROR_SUCCESS, connection->inline_bytes);
    }
}

/* Serves what has ended inline, else the queued packets after a wait for the first. */
static void serve(struct net *net, DWORD timeout_ms) {
    OVERLAPPED_ENTRY packets[PACKETS_A_WAIT];
    ULONG count = 0;
    timeout_ms = net->ended ? 0 : timeout_ms;
    serve_ended(net);
    if (!GetQueuedCompletionStatusEx(net->port, packets, PACKETS_A_WAIT, &count, timeout_ms, FALSE))
        return;
    for (ULONG i = 0; i < count; i++) {
        struct connection *connection = (struct connection *)packets[i].lpCompletionKey;
        OVERLAPPED *overlapped = packets[i].lpOverlapped;
        DWORD bytes, flags, error = ERROR_SUCCESS;
        if (!overlapped) /* the timer fired */
            continue;
        if (overlapped->Internal != 0 && /* an NTSTATUS, which this call converts to the error */
            !WSAGetOverlappedResult(connection->socket, overlapped, &bytes, FALSE, &flags))
            error = (DWORD)WSAGetLastError();
        complete(net, connection, overlapped, error, packets[i].dwNumberOfBytesTransferred);
    }
}

/* Returns how long to wait on the port. Sets the timer that ends the wait shortly before a due
 * time. Without the timer the thread polls. */
static DWORD plan_wait(struct net *net, uint64_t now_ns, uint64_t deadline_ns) {
    uint64_t next_ns = agenda_next_ns(&net->agenda);
    uint64_t until_ns = next_ns < deadline_ns ? next_ns : deadline_ns;
    uint64_t left_ms = until_ns > now_ns ? (until_ns - now_ns + 999999) / 1000000 : 0;
    DWORD timeout_ms = left_ms < LONGEST_WAIT_MS ? (DWORD)left_ms : LONGEST_WAIT_MS;
    if (next_ns > deadline_ns)
        return timeout_ms;
    if (next_ns <= now_ns + net->poll_ns)
        return 0;
    if (net->timer_ns != next_ns && !set_timer(net, next_ns - now_ns - net->poll_ns))
        return 0;
    net->timer_ns = next_ns;
    return timeout_ms;
}

/* Sends what is due, in batches; replies are served between two batches. */
static void serve_agenda(struct net *net, uint64_t now_ns) {
    for (int i = 0; i < PACKETS_A_WAIT && agenda_next_ns(&net->agenda) <= now_ns; i++) {
        struct connection *connection = agenda_take(&net->agenda);
        connection->planned = false;
        net->waiting -= waits(connection);
        act(net, connection, now_ns);
        net->waiting += waits(connection);
        now_ns = clock_now_ns();
    }
}

void net_run(struct net *net, uint64_t deadline_ns) {
    net->waiting = 0;
    uint64_t now_ns = clock_now_ns();
    for (size_t i = 0; i < net->count; i++) {
        act(net, net->connections[i], now_ns);
        net->waiting += waits(net->connections[i]);
        now_ns = clock_now_ns();
    }
    while ((net->waiting > 0 || net->agenda.count > 0) && now_ns < deadline_ns) {
        serve(net, plan_wait(net, now_ns, deadline_ns));
        now_ns = clock_now_ns();
        serve_agenda(net, now_ns);
    }
}

/* Windows may own the buffers until the packets of the cancelled operations arrive. */
void net_close(struct net *net) {
    for (size_t i = 0; i < net->count; i++)
        fail(net->connections[i], CLIENT_OTHER);
    for (size_t i = 0; i < net->count; i++) {
        struct connection *connection = net->connections[i];
        while (connection->receiving || connection->sending)
            serve(net, INFINITE);
        if (connection->socket != INVALID_SOCKET)
            closesocket(connection->socket);
    }
    /* free later: a packet of one connection may come during the wait for another one's */
    for (size_t i = 0; i < net->count; i++)
        free(net->connections[i]);
    close_bell(net);
    CloseHandle(net->port);
    agenda_close(&net->agenda);
    free(net->connections);
    free(net);
}

/* iocp_tuned: a completion port, with what experts add to it; each addition is an option.
 *
 * --inline: an operation that ends at once queues no packet; the worker goes on with its client, at
 * most this often, and then queues a packet itself. --batch: one call takes several packets.
 * --zero-byte: a receive of no bytes waits, so a silent client lends no buffer to Windows. --ports:
 * each worker has a port of its own. --handlers: other threads handle requests. A thread accepts;
 * for AcceptEx see `iocp`, for sockets that are used again `iocp_reuse`.
 *
 * Waits: in GetQueuedCompletionStatusEx.
 * Cost: that of iocp, less what an option saves, plus its price: others wait for inline operations
 * and batches, ports share no load, a zero-byte receive and a handler need a further call.
 * Limit: none of its own. */
#include "server.h"

#include <process.h>

enum { MAX_THREADS = 4096, MAX_BATCH = 256 };
enum operation { WAITING, RECEIVING, SENDING };

struct client {
    OVERLAPPED overlapped;    /* of the one outstanding operation */
    enum operation operation; /* its kind */
    HANDLE port;              /* of its socket */
    struct connection connection;
};

struct worker {
    HANDLE port, thread;
    struct stats *stats;
};

static uint32_t inline_most, batch = 1, zero_byte, ports, handlers;
static const struct server *server;
static struct worker
    workers[2 * MAX_THREADS]; /* those that do I/O, then those that handle requests */
static HANDLE handler_port;

static int start(struct client *client, enum session_next next, DWORD *bytes) {
    struct session *session = &client->connection.session;
    bool send = next == SESSION_SEND;
    struct span span = send ? session_output(session) : session_space(session);
    WSABUF buffer = {.buf = span.data, .len = !send && zero_byte ? 0 : span.length};
    DWORD flags = 0;
    OVERLAPPED *overlapped = &client->overlapped;
    client->overlapped = (OVERLAPPED){0};
    client->operation = send ? SENDING : zero_byte ? WAITING : RECEIVING;
    return send ? WSASend(client->connection.socket, &buffer, 1, bytes, 0, overlapped, NULL)
                : WSARecv(client->connection.socket, &buffer, 1, bytes, &flags, overlapped, NULL);
}

static enum session_next complete(struct client *client, DWORD bytes, struct stats *stats) {
    struct session *session = &client->connection.session;
    if (client->operation == SENDING)
        return session_sent(session, bytes, stats);
    if (server_stopping()) /* too late to begin the request */
        return SESSION_CLOSE;
    if (client->operation == RECEIVING)
        return session_received(session, bytes, stats);
    struct span space = session_space(session);
    int received = recv(client->connection.socket, space.data, (int)space.length, 0);
    if (received >= 0)
        return session_received(session, (DWORD)received, stats);
    if (WSAGetLastError() == WSAEWOULDBLOCK)
        return SESSION_RECEIVE;
    server_lost((DWORD)WSAGetLastError(), stats);
    return SESSION_CLOSE;
}

/* Starts the session's next operation. If that is pending or queued a packet, this thread no longer
 * owns the client. Else the operation has ended, no packet comes, and this thread goes on. */
static void start_next(struct client *client, enum session_next next, struct stats *stats) {
    for (uint32_t left = inline_most; next != SESSION_CLOSE && !server_stopping(); left--) {
        DWORD bytes = 0, *wanted = inline_most > 0 ? &bytes : NULL; /* else read after a free */
        if (start(client, next, wanted) != 0) {
            if (WSAGetLastError() == WSA_IO_PENDING)
                return;
            server_lost((DWORD)WSAGetLastError(), stats);
            break;
        }
        stats->inline_completions++;
        if (inline_most == 0)
            return;
        bool handle = handlers > 0 && client->operation != SENDING;
        HANDLE to = handle ? handler_port : client->port;
        if (handle || left == 0) {
            if (PostQueuedCompletionStatus(to, bytes, 0, &client->overlapped))
                return;
            server_lost(GetLastError(), stats);
            break;
        }
        next = complete(client, bytes, stats);
    }
    server_dismiss(&client->connection, stats);
    free(client);
}

/* Handles a packet, which makes this thread the client's owner. */
static void on_packet(struct client *client, DWORD bytes, struct worker *worker) {
    enum session_next next = SESSION_CLOSE;
    DWORD flags;
    if (client->overlapped.Internal != 0 && /* not STATUS_SUCCESS */
        !WSAGetOverlappedResult(client->connection.socket, &client->overlapped, &bytes, FALSE,
                                &flags)) {
        server_lost((DWORD)WSAGetLastError(), worker->stats);
    } else if (handlers > 0 && client->operation != SENDING && worker->port != handler_port) {
        if (PostQueuedCompletionStatus(handler_port, bytes, 0, &client->overlapped))
            return; /* a handler owns the client */
        server_lost(GetLastError(), worker->stats);
    } else {
        next = complete(client, bytes, worker->stats);
    }
    start_next(client, next, worker->stats);
}

static unsigned __stdcall work(void *argument) {
    struct worker *worker = argument;
    OVERLAPPED_ENTRY packets[MAX_BATCH];
    for (bool stop = false; !stop;) {
        ULONG count = 0;
        if (!GetQueuedCompletionStatusEx(worker->port, packets, batch, &count, INFINITE, FALSE))
            return (unsigned)server_error("GetQueuedCompletionStatusEx", GetLastError());
        worker->stats->waits++;
        worker->stats->events += count;
        for (ULONG i = 0; i < count; i++) {
            struct client *client = (void *)packets[i].lpOverlapped; /* its first member */
            stop = stop || !client;
            if (client)
                on_packet(client, packets[i].dwNumberOfBytesTransferred, worker);
        }
    }
    return !PostQueuedCompletionStatus(worker->port, 0, 0, NULL); /* a batch may hold all */
}

/* Binds an accepted socket to the port, and makes what the options need. */
static bool bind_to(HANDLE port, SOCKET socket) {
    u_long on = 1;
    UCHAR modes = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE;
    return CreateIoCompletionPort((HANDLE)socket, port, 0, 0) &&
           (!zero_byte || ioctlsocket(socket, (long)FIONBIO, &on) == 0) &&
           (inline_most == 0 || SetFileCompletionNotificationModes((HANDLE)socket, modes));
}

static void admit(SOCKET socket, HANDLE port, struct stats *stats) {
    struct client *client = malloc(sizeof *client);
    if (!client || !bind_to(port, socket)) {
        stats->failures++;
        closesocket(socket);
    } else if (server_admit(&client->connection, socket, stats)) {
        client->port = port;
        start_next(client, SESSION_RECEIVE, stats);
        return;
    }
    free(client);
}

static unsigned __stdcall accept_clients(void *argument) {
    struct stats *stats = argument;
    for (uint32_t turn = 0; !server_stopping(); turn++) {
        SOCKET socket = accept(server->listener, NULL, NULL);
        if (socket != INVALID_SOCKET)
            admit(socket, workers[turn % server->threads].port, stats);
        else if (!server_not_accepted((DWORD)WSAGetLastError(), stats) && !server_stopping())
            Sleep(SERVER_POLL_MS); /* no handles or no memory */
    }
    return 0;
}

static bool start_workers(void) {
    bool good = true;
    handler_port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, server->processors);
    for (uint32_t i = 0; good && i < server->threads + handlers; i++) {
        HANDLE port = i < server->threads ? workers[0].port : handler_port;
        if (!port || (ports && i < server->threads))
            port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, server->processors);
        workers[i] = (struct worker){.port = port, .stats = server_stats()};
        workers[i].thread = (HANDLE)_beginthreadex(NULL, 0, work, &workers[i], 0, NULL);
        server_spread(workers[i].thread);
        good = port && handler_port && workers[i].thread;
    }
    return good;
}

static int run(const struct server *the_server) {
    server = the_server;
    uintptr_t acceptor =
        start_workers() ? _beginthreadex(NULL, 0, accept_clients, server_stats(), 0, NULL) : 0;
    if (!acceptor)
        return server_error("starting a thread", GetLastError());
    server_ready();
    while (!server_stopping())
        Sleep(SERVER_POLL_MS);
    while (server_cancel() > 0 || WaitForSingleObject((HANDLE)acceptor, 10) == WAIT_TIMEOUT)
        Sleep(10);
    for (uint32_t i = 0; i < server->threads + handlers; i++)
        PostQueuedCompletionStatus(workers[i].port, 0, 0, NULL);
    for (uint32_t i = 0; i < server->threads + handlers; i++)
        WaitForSingleObject(workers[i].thread, INFINITE);
    return EXIT_SUCCESS;
}

static const struct option options[] = {
    OPTION_NUMBER("inline", inline_most, 0, 1000000, "operations",
                  "no packets of operations that end at once; handle this many in turn; 0: off"),
    OPTION_NUMBER("batch", batch, 1, MAX_BATCH, "packets", "maximum number of packets per call"),
    OPTION_NUMBER("zero-byte", zero_byte, 0, 1, "yes", "1: wait with receives of no bytes"),
    OPTION_NUMBER("ports", ports, 0, 1, "yes", "1: a port for each worker"),
    OPTION_NUMBER("handlers", handlers, 0, MAX_THREADS, "threads", "threads for requests; 0: none"),
    OPTION_END,
};

const struct server_model model = {
    .name = "iocp_tuned",
    .summary = "A completion port with what experts add; each addition is an option.",
    .family = "completion",
    .cost = "that of iocp, less what an option saves",
    .since = "Windows Vista",
    .max_threads = MAX_THREADS,
    .options = options,
    .run = run,
};

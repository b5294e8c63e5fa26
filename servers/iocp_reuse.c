/* iocp_reuse: as iocp, but a socket is used again after its connection ends.
 *
 * `iocp` makes a socket for each accept and closes it with its client. DisconnectEx with
 * TF_REUSE_SOCKET ends the connection and leaves the socket as new, for the next AcceptEx. The
 * socket also keeps its place on the port. `diff iocp.c iocp_reuse.c` shows the difference.
 *
 * Waits: in GetQueuedCompletionStatus.
 * Cost: that of iocp, less a socket and a port's binding per connection, plus one more operation.
 * That may take as long as the connection stays in TIME_WAIT.
 * Limit: none of its own. Unused sockets stay until the end, as many as there ever were. */
#include "server.h"

#include <process.h>

enum { MAX_THREADS = 4096, ACCEPTS = 16 };
enum operation { ACCEPTING, RECEIVING, SENDING, DISCONNECTING };

struct client {
    SLIST_ENTRY entry;        /* first, because it needs the alignment of malloc() */
    OVERLAPPED overlapped;    /* of the one outstanding operation */
    enum operation operation; /* its kind */
    SOCKET socket;
    bool on_port;                 /* the socket is bound to the port */
    struct connection connection; /* valid after the accept */
    char addresses[2 * SERVER_ADDRESS_BYTES];
};

static const struct server *server;
static HANDLE port, workers[MAX_THREADS];
static volatile LONG accepting; /* outstanding AcceptEx operations */
static SLIST_HEADER unused;     /* clients whose sockets are disconnected */

static void drop(struct client *client) {
    closesocket(client->socket);
    free(client);
}

static struct client *take_unused(void) {
    SLIST_ENTRY *entry = InterlockedPopEntrySList(&unused);
    return entry ? CONTAINING_RECORD(entry, struct client, entry) : NULL;
}

/* Ends the connection; the packet of DisconnectEx says when the socket can be used again. */
static void end(struct client *client, struct stats *stats) {
    client->socket = server_release(&client->connection, stats);
    client->operation = DISCONNECTING;
    client->overlapped = (OVERLAPPED){0};
    if (server_stopping() ||
        (!server->disconnect_ex(client->socket, &client->overlapped, TF_REUSE_SOCKET, 0) &&
         WSAGetLastError() != WSA_IO_PENDING))
        drop(client);
}

/* Starts the session's next operation. After that this thread no longer owns the client: another
 * worker may take its packet before WSARecv or WSASend returns. */
static void start_next(struct client *client, enum session_next next, struct stats *stats) {
    if (next != SESSION_CLOSE && !server_stopping()) {
        struct session *session = &client->connection.session;
        bool receive = next == SESSION_RECEIVE;
        OVERLAPPED *overlapped = &client->overlapped;
        *overlapped = (OVERLAPPED){0};
        client->operation = receive ? RECEIVING : SENDING;
        struct span span = receive ? session_space(session) : session_output(session);
        WSABUF buffer = {.buf = span.data, .len = span.length};
        DWORD flags = 0;
        int result = receive ? WSARecv(client->socket, &buffer, 1, NULL, &flags, overlapped, NULL)
                             : WSASend(client->socket, &buffer, 1, NULL, 0, overlapped, NULL);
        if (result == 0 || WSAGetLastError() == WSA_IO_PENDING) {
            stats->inline_completions += result == 0;
            return;
        }
        server_lost((DWORD)WSAGetLastError(), stats);
    }
    end(client, stats);
}

static bool start_accept(struct stats *stats) {
    struct client *client = take_unused();
    if (!client && (client = calloc(1, sizeof *client)) != NULL)
        client->socket =
            WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (client && client->socket != INVALID_SOCKET) {
        client->operation = ACCEPTING;
        client->overlapped = (OVERLAPPED){0};
        DWORD received; /* 0 bytes: AcceptEx does not wait for data */
        BOOL ended = server->accept_ex(server->listener, client->socket, client->addresses, 0,
                                       SERVER_ADDRESS_BYTES, SERVER_ADDRESS_BYTES, &received,
                                       &client->overlapped);
        if (ended || WSAGetLastError() == WSA_IO_PENDING) {
            stats->inline_completions += ended != FALSE;
            return true;
        }
        closesocket(client->socket);
    }
    free(client);
    return false;
}

/* Raises the number of outstanding accepts to ACCEPTS. Failures are retried later (iocp.c). */
static void keep_accepting(struct stats *stats) {
    for (;;) {
        /* Count first, or run() might see no outstanding accept and return during a start. */
        bool wanted = InterlockedIncrement(&accepting) <= ACCEPTS && !server_stopping();
        if (wanted && start_accept(stats))
            continue;
        InterlockedDecrement(&accepting);
        stats->failures += wanted;
        return;
    }
}

static void on_accepted(struct client *client, DWORD error, struct stats *stats) {
    InterlockedDecrement(&accepting);
    keep_accepting(stats);
    /* Without this call the socket has no properties, and shutdown() and getpeername() fail. */
    if (error == ERROR_SUCCESS &&
        setsockopt(client->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                   (const char *)&server->listener, sizeof server->listener) != 0)
        error = (DWORD)WSAGetLastError();
    client->on_port = client->on_port || CreateIoCompletionPort((HANDLE)client->socket, port, 0, 0);
    if (error != ERROR_SUCCESS || !client->on_port) {
        server_not_accepted(error, stats);
        closesocket(client->socket);
    } else if (server_admit(&client->connection, client->socket, stats)) {
        start_next(client, SESSION_RECEIVE, stats);
        return;
    }
    free(client);
}

/* Handles a completion; the packet makes this worker thread the client's owner. */
static void on_packet(struct client *client, DWORD error, DWORD bytes, struct stats *stats) {
    struct session *session = &client->connection.session;
    if (client->operation == ACCEPTING) {
        on_accepted(client, error, stats);
        return;
    }
    if (client->operation == DISCONNECTING) {
        if (error == ERROR_SUCCESS)
            InterlockedPushEntrySList(&unused, &client->entry);
        else
            drop(client);
        return;
    }
    enum session_next next = SESSION_CLOSE;
    if (error != ERROR_SUCCESS)
        server_lost(error, stats);
    else if (client->operation == SENDING)
        next = session_sent(session, bytes, stats);
    else if (!server_stopping()) /* too late to begin the request */
        next = session_received(session, bytes, stats);
    start_next(client, next, stats);
}

static unsigned __stdcall work(void *argument) {
    struct stats *stats = argument;
    for (;;) {
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *overlapped;
        BOOL good = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, INFINITE);
        DWORD error = good ? ERROR_SUCCESS : GetLastError();
        if (!overlapped) { /* a packet of stop_workers(), or the port failed */
            return good ? 0 : (unsigned)server_error("GetQueuedCompletionStatus", error);
        }
        stats->waits++;
        stats->events++;
        on_packet(CONTAINING_RECORD(overlapped, struct client, overlapped), error, bytes, stats);
    }
}

static int start_workers(void) {
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, server->processors);
    if (!port || !CreateIoCompletionPort((HANDLE)server->listener, port, 0, 0))
        return server_error("CreateIoCompletionPort", GetLastError());
    for (uint32_t i = 0; i < server->threads; i++) {
        workers[i] = (HANDLE)_beginthreadex(NULL, 0, work, server_stats(), 0, NULL);
        if (!workers[i])
            return server_error("_beginthreadex", GetLastError());
        server_spread(workers[i]);
    }
    return EXIT_SUCCESS;
}

static void stop_workers(void) {
    for (uint32_t i = 0; i < server->threads; i++)
        PostQueuedCompletionStatus(port, 0, 0, NULL);
    for (uint32_t i = 0; i < server->threads; i++)
        WaitForSingleObject(workers[i], INFINITE);
}

static int run(const struct server *the_server) {
    server = the_server;
    InitializeSListHead(&unused);
    if (start_workers() != EXIT_SUCCESS)
        return EXIT_FAILURE;
    server_ready();
    struct stats *stats = server_stats();
    while (!server_stopping()) {
        keep_accepting(stats);
        Sleep(SERVER_POLL_MS);
    }
    while (server_cancel() > 0 || accepting > 0)
        Sleep(10);
    stop_workers(); /* a DisconnectEx that waits for TIME_WAIT ends with the process */
    for (struct client *client = take_unused(); client; client = take_unused())
        drop(client);
    return EXIT_SUCCESS;
}

const struct server_model model = {
    .name = "iocp_reuse",
    .summary = "A completion port; DisconnectEx makes its sockets ready for the next accept.",
    .family = "completion",
    .cost = "that of iocp, and one more operation per connection",
    .since = "Windows XP",
    .max_threads = MAX_THREADS,
    .supported = server_reuses_sockets,
    .run = run,
};

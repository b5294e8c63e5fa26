/*
 * iocp: overlapped I/O on a completion port, served by a few threads.
 *
 * The program starts an operation and hands its buffer over; when the operation has ended, the system queues
 * a packet on the port; any worker that waits there takes it, reacts, and starts the connection's next
 * operation. Nobody asks who is ready and nothing is searched: the OVERLAPPED in the packet leads to the
 * connection.
 *
 * Cost: per request two operations and two packets, whatever the number of clients. A buffer belongs to the
 * system from the start of its operation to the packet that ends it, also when the operation was cancelled:
 * memory may be freed only then. That is the whole difficulty of the model. Here a connection has exactly one
 * operation under way at any time, hence one owner at any time, and needs no lock.
 *
 * Limit: none of its own. Windows wakes the worker that began to wait last (its caches are warm), and lets no
 * more than --concurrency of them run at once; a worker that blocks gives its place to another one.
 */
#include "server.h"

#include <process.h>

enum { MAX_THREADS = 4096 };
enum operation { ACCEPTING, RECEIVING, SENDING };

struct client {
    OVERLAPPED overlapped;    /* of the one operation under way */
    enum operation operation; /* which that is */
    SOCKET socket;
    struct connection connection; /* once the accept has completed */
    char addresses[2 * SERVER_ADDRESS_BYTES];
};

static uint32_t concurrency; /* 0: as many as there are processors */
static uint32_t accepts = 16;
static const struct server *server;
static HANDLE port, workers[MAX_THREADS];
static volatile LONG accepting; /* AcceptEx operations under way */

/*
 * Starts what the session asks for next. Once an operation is started the client is not ours any more:
 * another worker may take its packet before WSARecv or WSASend has even returned here. An operation that ends
 * at once queues its packet just the same, so both cases are one.
 */
static void start_next(struct client *client, enum session_next next, struct stats *stats) {
    if (next != SESSION_CLOSE && !server_stopping()) {
        struct session *session = &client->connection.session;
        client->overlapped = (OVERLAPPED){0};
        client->operation = next == SESSION_RECEIVE ? RECEIVING : SENDING;
        struct span span =
            next == SESSION_RECEIVE ? session_space(session) : session_output(session);
        WSABUF buffer = {.buf = span.data, .len = span.length};
        DWORD flags = 0;
        int result =
            next == SESSION_RECEIVE
                ? WSARecv(client->socket, &buffer, 1, NULL, &flags, &client->overlapped, NULL)
                : WSASend(client->socket, &buffer, 1, NULL, 0, &client->overlapped, NULL);
        if (result == 0 || WSAGetLastError() == WSA_IO_PENDING) {
            stats->inline_completions += result == 0;
            return;
        }
        server_lost((DWORD)WSAGetLastError(), stats);
    }
    server_dismiss(&client->connection, stats);
    free(client);
}

static bool start_accept(struct stats *stats) {
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        return false;
    client->operation = ACCEPTING;
    client->socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (client->socket != INVALID_SOCKET) {
        DWORD
            received; /* nothing: with a length of 0 AcceptEx does not wait for the client's first bytes */
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

/* Brings the number of pending accepts up to --accepts. What fails for want of handles or memory is tried
   again with the next accept that completes, and in every tick. */
static void keep_accepting(struct stats *stats) {
    for (;;) {
        /* Counted before the question, or run() might see no accept and leave while one is being started. */
        bool wanted = InterlockedIncrement(&accepting) <= (LONG)accepts && !server_stopping();
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
    /* Until this call the socket has none of the listener's properties, and shutdown() or getpeername() fail.
     */
    if (error == ERROR_SUCCESS &&
        setsockopt(client->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                   (const char *)&server->listener, sizeof server->listener) != 0)
        error = (DWORD)WSAGetLastError();
    if (error != ERROR_SUCCESS || !CreateIoCompletionPort((HANDLE)client->socket, port, 0, 0)) {
        server_lost(error, stats); /* gone again before it was accepted, or the server stops */
        closesocket(client->socket);
    } else if (server_admit(&client->connection, client->socket, stats)) {
        start_next(client, SESSION_RECEIVE, stats);
        return;
    }
    free(client);
}

/* An operation has ended; with its packet the client is this worker's. */
static void on_packet(struct client *client, DWORD error, DWORD bytes, struct stats *stats) {
    struct session *session = &client->connection.session;
    if (client->operation == ACCEPTING) {
        on_accepted(client, error, stats);
        return;
    }
    enum session_next next = SESSION_CLOSE;
    if (error != ERROR_SUCCESS)
        server_lost(error, stats);
    else if (client->operation == SENDING)
        next = session_sent(session, bytes, stats);
    else if (!server_stopping()) /* else the request comes too late to be begun */
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
        if (!overlapped) { /* a packet of stop_workers(), or the port itself failed */
            if (!good)
                server_error("GetQueuedCompletionStatus", error);
            return 0;
        }
        stats->waits++;
        stats->events++;
        on_packet(CONTAINING_RECORD(overlapped, struct client, overlapped), error, bytes, stats);
    }
}

/* What a start that fails leaves behind, the end of the process takes. */
static int start_workers(void) {
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, concurrency);
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
    for (uint32_t i = 0; i < server->threads; i++) {
        WaitForSingleObject(workers[i], INFINITE);
        CloseHandle(workers[i]);
    }
    CloseHandle(port);
}

static int run(const struct server *the_server) {
    server = the_server;
    if (start_workers() != EXIT_SUCCESS)
        return EXIT_FAILURE;
    server_ready();
    struct stats *stats = server_stats();
    while (!server_stopping()) {
        keep_accepting(stats);
        Sleep(SERVER_TICK_MS);
    }
    /* only when every operation has completed does the system own no memory of ours */
    while (server_cancel() > 0 || accepting > 0)
        Sleep(10);
    stop_workers();
    return EXIT_SUCCESS;
}

static const struct option options[] = {
    OPTION_NUMBER("concurrency", concurrency, 0, 4096, "threads",
                  "workers that the port lets run at once; 0: one a processor"),
    OPTION_NUMBER("accepts", accepts, 1, 4096, "operations", "AcceptEx kept pending"),
    OPTION_END,
};

const struct server_model model = {
    .name = "iocp",
    .summary = "Overlapped operations whose completions are queued on a port and served by a few "
               "worker threads.",
    .family = "completion",
    .max_threads = MAX_THREADS,
    .options = options,
    .run = run,
};

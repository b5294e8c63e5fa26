/* iocp: overlapped I/O on a completion port, served by a few worker threads.
 *
 * The program starts an operation and lends its buffer to Windows. On completion Windows queues a
 * packet on the port. Any waiting worker thread takes it and starts the connection's next
 * operation. No code searches for ready clients: the OVERLAPPED in the packet leads to the
 * connection.
 *
 * Waits: in GetQueuedCompletionStatus.
 * Cost: two operations and two packets per request, whatever the number of clients. Windows owns a
 * buffer from the start of its operation until its packet, even if cancelled. Only then may the
 * program free the memory; this is the model's main difficulty. Here a connection always has
 * exactly one outstanding operation, hence one owner, and needs no lock.
 * Limit: none of its own. Windows releases worker threads in LIFO order, because the last has warm
 * caches. At most --concurrency of them run; if one blocks, another runs. */
#include "server.h"

#include <process.h>

enum { MAX_THREADS = 4096 };
enum operation { ACCEPTING, RECEIVING, SENDING };

struct client {
    OVERLAPPED overlapped;    /* of the one outstanding operation */
    enum operation operation; /* its kind */
    SOCKET socket;
    struct connection connection; /* valid after the accept */
    char addresses[2 * SERVER_ADDRESS_BYTES];
};

static uint32_t concurrency; /* 0: as many as usable CPUs */
static uint32_t accepts = 16;
static const struct server *server;
static HANDLE port, workers[MAX_THREADS];
static volatile LONG accepting; /* outstanding AcceptEx operations */

/* Starts the session's next operation. After that this thread no longer owns the client: another
 * worker may take its packet before WSARecv or WSASend returns. An inline completion queues its
 * packet too, so both cases are equal. */
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

/* Raises the number of outstanding accepts to --accepts. Failures for lack of handles or memory are
 * retried after the next accept and after each poll interval. */
static void keep_accepting(struct stats *stats) {
    for (;;) {
        /* Count first, or run() might see no outstanding accept and return during a start. */
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
    /* Without this call the socket has no properties, and shutdown() and getpeername() fail. */
    if (error == ERROR_SUCCESS &&
        setsockopt(client->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                   (const char *)&server->listener, sizeof server->listener) != 0)
        error = (DWORD)WSAGetLastError();
    if (error != ERROR_SUCCESS || !CreateIoCompletionPort((HANDLE)client->socket, port, 0, 0)) {
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
            if (!good)
                server_error("GetQueuedCompletionStatus", error);
            return 0;
        }
        stats->waits++;
        stats->events++;
        on_packet(CONTAINING_RECORD(overlapped, struct client, overlapped), error, bytes, stats);
    }
}

/* On failure, process exit frees all. */
static int start_workers(void) {
    /* 0 would count the CPUs of the machine, also those that this process may not use */
    DWORD running = concurrency > 0 ? concurrency : server->processors;
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, running);
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
        Sleep(SERVER_POLL_MS);
    }
    /* Windows releases all memory only after every operation completes. */
    while (server_cancel() > 0 || accepting > 0)
        Sleep(10);
    stop_workers();
    return EXIT_SUCCESS;
}

static const struct option options[] = {
    OPTION_NUMBER("concurrency", concurrency, 0, 4096, "threads",
                  "maximum number of concurrently running worker threads; 0: one per CPU"),
    OPTION_NUMBER("accepts", accepts, 1, 4096, "operations", "outstanding AcceptEx operations"),
    OPTION_END,
};

const struct server_model model = {
    .name = "iocp",
    .summary = "Overlapped operations whose completions are queued on a port and served by a few "
               "worker threads.",
    .family = "completion",
    .cost = "a packet per operation; a buffer belongs to Windows meanwhile",
    .since = "Windows NT 3.5",
    .max_threads = MAX_THREADS,
    .options = options,
    .run = run,
};

/* tpio: overlapped I/O; the Windows thread pool passes completions to a callback.
 *
 * CreateThreadpoolIo binds a socket to the pool's completion port. StartThreadpoolIo announces an
 * operation, then the program starts it. On completion a thread of the pool runs the callback. So
 * tpio is a completion port with ready-made worker threads: the pool chooses their number, between
 * --min-threads and --threads.
 *
 * Waits: inside the pool's threads.
 * Cost: that of iocp, and the pool's own bookkeeping per callback. Each announcement needs a
 * callback, or CancelThreadpoolIo if the start fails; otherwise the pool waits forever.
 * Limit: none on clients. A process's default pool is shared with other code; this one is
 * private. */
#include "server.h"

enum operation { ACCEPTING, RECEIVING, SENDING };

struct client {
    OVERLAPPED overlapped;    /* of the one outstanding operation */
    enum operation operation; /* its kind */
    SOCKET socket;
    TP_IO *io; /* for `socket`, after the accept */
    struct connection connection;
    char addresses[2 * SERVER_ADDRESS_BYTES];
};

static uint32_t min_threads = 1, accepts = 16, runs_long;
static const struct server *server;
static TP_CALLBACK_ENVIRON environment; /* selects the pool */
static TP_IO *listener_io;
static volatile LONG accepting; /* outstanding AcceptEx operations */
static DWORD stats_slot;        /* each thread's counters: the pool starts and ends threads */

static struct stats *own_stats(void) {
    struct stats *stats = FlsGetValue(stats_slot);
    if (!stats) {
        stats = server_stats();
        if (!FlsSetValue(stats_slot, stats))
            server_stats_return(stats); /* no memory to keep it: retry at the next callback */
    }
    return stats;
}

static void NTAPI on_thread_end(void *stats) {
    if (stats)
        server_stats_return(stats);
}

/* Starts the session's next operation. Then the client belongs to its callback. */
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
        StartThreadpoolIo(client->io);
        int result = receive ? WSARecv(client->socket, &buffer, 1, NULL, &flags, overlapped, NULL)
                             : WSASend(client->socket, &buffer, 1, NULL, 0, overlapped, NULL);
        if (result == 0 || WSAGetLastError() == WSA_IO_PENDING) {
            stats->inline_completions += result == 0;
            return;
        }
        server_lost((DWORD)WSAGetLastError(), stats);
        CancelThreadpoolIo(client->io); /* no callback will come */
    }
    server_dismiss(&client->connection, stats);
    CloseThreadpoolIo(client->io); /* after the socket; allowed in its own callback */
    free(client);
}

static bool start_accept(struct stats *stats) {
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        return false;
    client->operation = ACCEPTING;
    client->socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (client->socket != INVALID_SOCKET) {
        DWORD received;
        StartThreadpoolIo(listener_io);
        BOOL ended = server->accept_ex(server->listener, client->socket, client->addresses, 0,
                                       SERVER_ADDRESS_BYTES, SERVER_ADDRESS_BYTES, &received,
                                       &client->overlapped);
        if (ended || WSAGetLastError() == WSA_IO_PENDING) {
            stats->inline_completions += ended != FALSE;
            return true;
        }
        CancelThreadpoolIo(listener_io);
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

static void CALLBACK on_completion(TP_CALLBACK_INSTANCE *, void *, void *, ULONG, ULONG_PTR,
                                   TP_IO *);

static void admit(struct client *client, DWORD error, struct stats *stats) {
    if (error == ERROR_SUCCESS &&
        setsockopt(client->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                   (const char *)&server->listener, sizeof server->listener) != 0)
        error = (DWORD)WSAGetLastError();
    if (error == ERROR_SUCCESS)
        client->io = CreateThreadpoolIo((HANDLE)client->socket, on_completion, NULL, &environment);
    if (!client->io) {
        server_not_accepted(error, stats);
        closesocket(client->socket);
    } else if (server_admit(&client->connection, client->socket, stats)) {
        start_next(client, SESSION_RECEIVE, stats);
        return;
    } else {
        CloseThreadpoolIo(client->io);
    }
    free(client);
}

/* run() ends at zero outstanding accepts and no connection. So this one counts until its client is
 * admitted. A count of running callbacks would do too, but every completion would lock its line. */
static void on_accepted(struct client *client, DWORD error, struct stats *stats) {
    admit(client, error, stats);
    InterlockedDecrement(&accepting);
    keep_accepting(stats);
}

/* The pool calls it after a completion; its thread then owns the client. */
static void CALLBACK on_completion(TP_CALLBACK_INSTANCE *instance, void *context, void *overlapped,
                                   ULONG error, ULONG_PTR bytes, TP_IO *io) {
    (void)instance, (void)context, (void)io;
    struct client *client = CONTAINING_RECORD(overlapped, struct client, overlapped);
    struct session *session = &client->connection.session;
    struct stats *stats = own_stats();
    stats->waits++;
    stats->events++;
    if (client->operation == ACCEPTING) {
        on_accepted(client, error, stats);
    } else {
        enum session_next next = SESSION_CLOSE;
        if (error != ERROR_SUCCESS)
            server_lost(error, stats);
        else if (client->operation == SENDING)
            next = session_sent(session, (uint32_t)bytes, stats);
        else if (!server_stopping()) /* too late to begin the request */
            next = session_received(session, (uint32_t)bytes, stats);
        start_next(client, next, stats);
    }
}

static int run(const struct server *the_server) {
    server = the_server;
    if (min_threads > server->threads)
        return server_wrong_option("min-threads", min_threads, "must be at most --threads");
    stats_slot = FlsAlloc(on_thread_end);
    if (stats_slot == FLS_OUT_OF_INDEXES)
        return server_error("FlsAlloc", GetLastError());
    TP_POOL *pool = CreateThreadpool(NULL);
    if (!pool)
        return server_error("CreateThreadpool", GetLastError());
    SetThreadpoolThreadMaximum(pool, server->threads);
    if (!SetThreadpoolThreadMinimum(pool, min_threads))
        return server_error("SetThreadpoolThreadMinimum", GetLastError());
    InitializeThreadpoolEnvironment(&environment);
    if (runs_long) /* a blocked callback then delays no other: the pool starts a thread sooner */
        SetThreadpoolCallbackRunsLong(&environment);
    SetThreadpoolCallbackPool(&environment, pool);
    /* Otherwise each accept callback would queue behind the callbacks of all clients. */
    SetThreadpoolCallbackPriority(&environment, TP_CALLBACK_PRIORITY_HIGH);
    listener_io = CreateThreadpoolIo((HANDLE)server->listener, on_completion, NULL, &environment);
    if (!listener_io)
        return server_error("CreateThreadpoolIo", GetLastError());
    SetThreadpoolCallbackPriority(&environment, TP_CALLBACK_PRIORITY_NORMAL);
    server_ready();
    struct stats *stats = server_stats();
    while (!server_stopping()) {
        keep_accepting(stats);
        Sleep(SERVER_POLL_MS);
    }
    /* Windows releases all memory only after every operation completes. */
    while (server_cancel() > 0 || accepting > 0)
        Sleep(10);
    WaitForThreadpoolIoCallbacks(listener_io, FALSE);
    CloseThreadpoolIo(listener_io);
    CloseThreadpool(pool);
    return EXIT_SUCCESS;
}

static const struct option options[] = {
    OPTION_NUMBER("min-threads", min_threads, 0, 4096, "threads",
                  "minimum number of the pool's threads; --threads is the maximum"),
    OPTION_NUMBER("accepts", accepts, 1, 4096, "operations", "outstanding AcceptEx operations"),
    OPTION_NUMBER("runs-long", runs_long, 0, 1, "yes", "1: tell the pool that callbacks may block"),
    OPTION_END,
};

const struct server_model model = {
    .name = "tpio",
    .summary =
        "Overlapped operations whose completions the Windows thread pool passes to a callback.",
    .family = "completion",
    .cost = "that of iocp, and the pool's bookkeeping per callback",
    .since = "Windows Vista",
    .max_threads = 4096,
    .options = options,
    .run = run,
};

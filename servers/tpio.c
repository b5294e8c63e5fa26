/*
 * tpio: overlapped I/O whose completions the Windows thread pool hands to a callback.
 *
 * CreateThreadpoolIo binds a socket to a completion port that the pool owns. StartThreadpoolIo announces an
 * operation, the operation is started, and when it has ended a thread of the pool calls back. It is a
 * completion port whose workers somebody else has written: the pool decides how many there are, between
 * --min-threads and --threads.
 *
 * Cost: that of iocp, and the pool's own bookkeeping for each callback. Each announcement must be met by a
 * callback or taken back by CancelThreadpoolIo when the operation fails at once; otherwise the pool waits for
 * it for ever.
 *
 * Limit: none on clients. The pool of a process is shared with whatever else uses it; this one is private.
 */
#include "server.h"

enum operation { ACCEPTING, RECEIVING, SENDING };

struct client {
    OVERLAPPED overlapped;    /* of the one operation under way */
    enum operation operation; /* which that is */
    SOCKET socket;
    TP_IO *io; /* of `socket`, once it is accepted */
    struct connection connection;
    char addresses[2 * SERVER_ADDRESS_BYTES];
};

static uint32_t min_threads = 1;
static uint32_t accepts = 16;
static const struct server *server;
static TP_CALLBACK_ENVIRON environment; /* says which pool */
static TP_IO *listener_io;
static volatile LONG accepting; /* AcceptEx operations under way */
static volatile LONG running;   /* callbacks that have not returned */
static DWORD stats_slot; /* each thread's counters: the pool's threads come and go as it pleases */

static struct stats *own_stats(void) {
    struct stats *stats = FlsGetValue(stats_slot);
    if (!stats) {
        stats = server_stats();
        if (!FlsSetValue(stats_slot, stats))
            server_stats_return(stats); /* no memory to remember it: asked for again next time */
    }
    return stats;
}

static void NTAPI on_thread_end(void *stats) {
    if (stats)
        server_stats_return(stats);
}

/* Starts what the session asks for next. From then on the client belongs to whoever is called back. */
static void start_next(struct client *client, enum session_next next, struct stats *stats) {
    if (next != SESSION_CLOSE && !server_stopping()) {
        struct session *session = &client->connection.session;
        client->overlapped = (OVERLAPPED){0};
        client->operation = next == SESSION_RECEIVE ? RECEIVING : SENDING;
        struct span span =
            next == SESSION_RECEIVE ? session_space(session) : session_output(session);
        WSABUF buffer = {.buf = span.data, .len = span.length};
        DWORD flags = 0;
        StartThreadpoolIo(client->io);
        int result =
            next == SESSION_RECEIVE
                ? WSARecv(client->socket, &buffer, 1, NULL, &flags, &client->overlapped, NULL)
                : WSASend(client->socket, &buffer, 1, NULL, 0, &client->overlapped, NULL);
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

static void CALLBACK on_completion(TP_CALLBACK_INSTANCE *, void *, void *, ULONG, ULONG_PTR,
                                   TP_IO *);

static void on_accepted(struct client *client, DWORD error, struct stats *stats) {
    InterlockedDecrement(&accepting);
    keep_accepting(stats);
    if (error == ERROR_SUCCESS &&
        setsockopt(client->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                   (const char *)&server->listener, sizeof server->listener) != 0)
        error = (DWORD)WSAGetLastError();
    if (error == ERROR_SUCCESS)
        client->io = CreateThreadpoolIo((HANDLE)client->socket, on_completion, NULL, &environment);
    if (!client->io) {
        server_lost(error, stats); /* gone again before it was accepted, or the server stops */
        closesocket(client->socket);
    } else if (server_admit(&client->connection, client->socket, stats)) {
        start_next(client, SESSION_RECEIVE, stats);
        return;
    } else {
        CloseThreadpoolIo(client->io);
    }
    free(client);
}

/* Called by a thread of the pool: an operation has ended, and with it the client is this thread's. */
static void CALLBACK on_completion(TP_CALLBACK_INSTANCE *instance, void *context, void *overlapped,
                                   ULONG error, ULONG_PTR bytes, TP_IO *io) {
    (void)instance, (void)context, (void)io;
    InterlockedIncrement(&running);
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
        else if (!server_stopping()) /* else the request comes too late to be begun */
            next = session_received(session, (uint32_t)bytes, stats);
        start_next(client, next, stats);
    }
    InterlockedDecrement(&running);
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
    if (!SetThreadpoolThreadMinimum(
            pool, min_threads)) /* what is left behind, the end of the process takes */
        return server_error("SetThreadpoolThreadMinimum", GetLastError());
    InitializeThreadpoolEnvironment(&environment);
    SetThreadpoolCallbackPool(&environment, pool);
    /* Else each accept would wait behind the callbacks of all clients, and each client makes more of them. */
    SetThreadpoolCallbackPriority(&environment, TP_CALLBACK_PRIORITY_HIGH);
    listener_io = CreateThreadpoolIo((HANDLE)server->listener, on_completion, NULL, &environment);
    if (!listener_io)
        return server_error("CreateThreadpoolIo", GetLastError());
    SetThreadpoolCallbackPriority(&environment, TP_CALLBACK_PRIORITY_NORMAL);
    server_ready();
    struct stats *stats = server_stats();
    while (!server_stopping()) {
        keep_accepting(stats);
        Sleep(SERVER_TICK_MS);
    }
    /* only when every operation has completed does the system own no memory of ours */
    while (server_cancel() > 0 || accepting > 0 || running > 0)
        Sleep(10);
    WaitForThreadpoolIoCallbacks(listener_io, FALSE);
    CloseThreadpoolIo(listener_io);
    CloseThreadpool(pool);
    return EXIT_SUCCESS;
}

static const struct option options[] = {
    OPTION_NUMBER("min-threads", min_threads, 0, 4096, "threads",
                  "that the pool keeps; --threads is the most it may make"),
    OPTION_NUMBER("accepts", accepts, 1, 4096, "operations", "AcceptEx kept pending"),
    OPTION_END,
};

const struct server_model model = {
    .name = "tpio",
    .summary =
        "Overlapped operations whose completions the Windows thread pool hands to a callback.",
    .family = "completion",
    .max_threads = 4096,
    .options = options,
    .run = run,
};

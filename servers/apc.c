/*
 * apc: overlapped I/O with completion routines.
 *
 * A thread starts an operation and names a function. When the operation has ended, the system queues a call
 * of that function to the thread that started it, and makes the call when that thread next waits alertably.
 * There is no event, no port and no lock: a thread's clients are its own, and nothing interrupts it but where
 * it allows it.
 *
 * Cost: all of a client's work returns to the one thread that accepted it, so load that lies on one thread
 * cannot be taken over by another. An alertable wait does not return before every routine that is due has
 * run; a routine that starts the next operation may thereby keep it from ever returning, and accepting
 * starves. Here a routine only notes what has ended; the thread does the work after the wait.
 *
 * Limit: none on clients. AcceptEx knows no completion routine, so accepts end in events, of which one wait
 * takes 64; the wait is for both at once, so that nothing is polled.
 */
#include "server.h"

#include <process.h>

enum { MAX_ACCEPTS = MAXIMUM_WAIT_OBJECTS };

struct thread;

struct client {
    OVERLAPPED
    overlapped; /* of the one operation under way; hEvent, unused with a routine, leads back to us */
    struct connection connection;
    struct thread *thread;
    bool receiving; /* else sending */
    DWORD error, bytes;
    struct client *next; /* in the list of those whose operation has ended */
};

struct pending_accept {
    OVERLAPPED overlapped; /* hEvent: signalled when the accept has ended */
    SOCKET socket;         /* INVALID_SOCKET: no accept under way */
    char addresses[2 * SERVER_ADDRESS_BYTES];
};

struct thread {
    HANDLE handle;
    struct stats *stats;
    HANDLE events[MAX_ACCEPTS]; /* of `accepts`, side by side, as the wait wants them */
    struct pending_accept accepts[MAX_ACCEPTS];
    struct client *ended, **last_ended; /* in the order in which their operations ended */
    uint32_t clients;
};

static uint32_t accepts = 8;
static const struct server *server;

static void close_client(struct client *client) {
    client->thread->clients--;
    server_dismiss(server, &client->connection, client->thread->stats);
    free(client);
}

/* Called by the system inside the alertable wait of the thread that started the operation. */
static void CALLBACK note_end(DWORD error, DWORD bytes, OVERLAPPED *overlapped, DWORD flags) {
    (void)flags;
    struct client *client = CONTAINING_RECORD(overlapped, struct client, overlapped);
    client->error = error;
    client->bytes = bytes;
    client->next = NULL;
    *client->thread->last_ended = client;
    client->thread->last_ended = &client->next;
}

/* Starts what the session asks for next. An operation that ends at once has its routine called just the same.
 */
static void start_next(struct client *client, enum session_next next) {
    if (next == SESSION_CLOSE || server_stopping(server)) {
        close_client(client);
        return;
    }
    struct session *session = &client->connection.session;
    SOCKET socket = client->connection.socket;
    client->receiving = next == SESSION_RECEIVE;
    struct span span = client->receiving ? session_space(session) : session_output(session);
    WSABUF buffer = {.buf = span.data, .len = span.length};
    DWORD flags = 0;
    client->overlapped = (OVERLAPPED){0};
    int result = client->receiving ? WSARecv(socket, &buffer, 1, NULL, &flags, &client->overlapped, note_end)
                                   : WSASend(socket, &buffer, 1, NULL, 0, &client->overlapped, note_end);
    if (result == SOCKET_ERROR && WSAGetLastError() != WSA_IO_PENDING) {
        server_lost(server, (DWORD)WSAGetLastError(), client->thread->stats);
        close_client(client);
    }
}

/* Goes on with every client whose operation has ended. */
static void serve_ended(struct thread *thread) {
    struct client *client = thread->ended;
    thread->ended = NULL;
    thread->last_ended = &thread->ended;
    while (client) {
        struct client *next = client->next;
        struct session *session = &client->connection.session;
        thread->stats->events++;
        if (client->error != ERROR_SUCCESS) {
            server_lost(server, client->error, thread->stats);
            close_client(client);
        } else if (client->receiving) {
            start_next(client, session_received(session, client->bytes, thread->stats));
        } else {
            start_next(client, session_sent(session, client->bytes, thread->stats));
        }
        client = next;
    }
}

/* false: no handles or no memory, to be tried again in the next tick. */
static bool start_accept(struct pending_accept *accept) {
    accept->socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (accept->socket == INVALID_SOCKET)
        return false;
    DWORD received;
    if (server->accept_ex(server->listener, accept->socket, accept->addresses, 0, SERVER_ADDRESS_BYTES,
                          SERVER_ADDRESS_BYTES, &received, &accept->overlapped) ||
        WSAGetLastError() == WSA_IO_PENDING)
        return true;
    closesocket(accept->socket);
    accept->socket = INVALID_SOCKET;
    return false;
}

/* The accept has ended, well or badly. */
static void take_in(struct thread *thread, struct pending_accept *accept) {
    SOCKET socket = accept->socket;
    accept->socket = INVALID_SOCKET;
    DWORD bytes, flags;
    struct client *client = NULL;
    if (!WSAGetOverlappedResult(server->listener, &accept->overlapped, &bytes, FALSE, &flags) ||
        setsockopt(socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&server->listener,
                   sizeof server->listener) != 0) {
        server_lost(server, (DWORD)WSAGetLastError(), thread->stats);
        closesocket(socket);
    } else if ((client = malloc(sizeof *client)) == NULL) {
        thread->stats->failures++;
        closesocket(socket);
    } else if (server_admit(server, &client->connection, socket, thread->stats)) {
        client->thread = thread;
        thread->clients++;
        start_next(client, SESSION_RECEIVE);
    } else {
        free(client);
    }
}

/* Takes in what has been accepted and keeps --accepts pending. Returns how many are. */
static uint32_t serve_accepts(struct thread *thread) {
    uint32_t pending = 0;
    for (uint32_t i = 0; i < accepts; i++) {
        struct pending_accept *accept = &thread->accepts[i];
        if (accept->socket != INVALID_SOCKET && HasOverlappedIoCompleted(&accept->overlapped)) {
            ResetEvent(thread->events[i]);
            take_in(thread, accept);
        }
        if (accept->socket == INVALID_SOCKET && !server_stopping(server)) {
            accept->overlapped = (OVERLAPPED){.hEvent = thread->events[i]};
            thread->stats->failures += !start_accept(accept);
        }
        pending += accept->socket != INVALID_SOCKET;
    }
    return pending;
}

static unsigned __stdcall serve(void *argument) {
    struct thread *thread = argument;
    uint32_t pending = serve_accepts(thread);
    /* The thread may end only when nothing of its own is under way: the system would cancel it. */
    while (!server_stopping(server) || pending > 0 || thread->clients > 0) {
        DWORD result = WaitForMultipleObjectsEx(accepts, thread->events, FALSE, SERVER_TICK_MS, TRUE);
        thread->stats->waits++;
        if (result != WAIT_IO_COMPLETION || server_stopping(server)) {
            pending = serve_accepts(thread); /* an accept has ended, or it is time to look */
            SleepEx(0, TRUE);                /* a wait that an event ends has called no routine */
        }
        serve_ended(thread);
    }
    return 0;
}

static bool start_thread(struct thread *thread) {
    thread->stats = server_stats(server);
    thread->last_ended = &thread->ended;
    for (uint32_t i = 0; i < accepts; i++) {
        thread->accepts[i].socket = INVALID_SOCKET;
        thread->events[i] = CreateEventW(NULL, TRUE, FALSE, NULL);
        if (!thread->events[i])
            return false;
    }
    if (thread->stats)
        thread->handle = (HANDLE)_beginthreadex(NULL, 0, serve, thread, 0, NULL);
    return thread->handle != NULL;
}

static int run(const struct server *the_server) {
    server = the_server;
    struct thread *threads = calloc(server->threads, sizeof *threads);
    if (!threads)
        return server_error("calloc", ERROR_NOT_ENOUGH_MEMORY);
    for (uint32_t i = 0; i < server->threads; i++)
        if (!start_thread(&threads[i]))
            return server_error("_beginthreadex", GetLastError());
    server_ready(server);
    while (!server_stopping(server))
        Sleep(SERVER_TICK_MS);
    for (uint32_t i = 0; i < server->threads; i++) {
        do /* the routines of cancelled operations are called as well; each thread waits for its own */
            server_cancel(server);
        while (WaitForSingleObject(threads[i].handle, 10) == WAIT_TIMEOUT);
        CloseHandle(threads[i].handle);
        for (uint32_t k = 0; k < accepts; k++)
            CloseHandle(threads[i].events[k]);
    }
    free(threads);
    return EXIT_SUCCESS;
}

static const struct option options[] = {
    OPTION_NUMBER("accepts", accepts, 1, MAX_ACCEPTS, "operations",
                  "AcceptEx that each thread keeps pending"),
    OPTION_END,
};

const struct server_model model = {
    .name = "apc",
    .summary = "Overlapped operations whose completion routines run in the alertable wait of the thread that "
               "started them.",
    .family = "completion",
    .limit = "a client is served by the thread that accepted it, always",
    .max_threads = 256,
    .options = options,
    .run = run,
};

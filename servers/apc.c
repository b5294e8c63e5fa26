/* apc: overlapped I/O with completion routines.
 *
 * A thread starts an operation and names a completion routine. On completion, Windows queues a call
 * of the routine to that thread, and makes the call in the thread's next alertable wait. There is
 * no event, no port and no lock: a thread owns its clients, and routines run only in its waits.
 *
 * AcceptEx takes no completion routine. So an accepting thread passes each client to a serving
 * thread with QueueUserAPC.
 *
 * Waits: in SleepEx, alertable.
 * Cost: one thread does all of a client's work, so other threads cannot take over its load. An
 * alertable wait returns only after every queued routine has run. Routines that start new
 * operations can therefore keep it from returning: any code after the wait starves. Here none
 * follows. New clients use the same queue, first in, first out.
 * Limit: none on clients. */
#include "server.h"

#include <process.h>

enum { MAX_THREADS = 256 };

struct client {
    OVERLAPPED overlapped; /* of the one outstanding operation */
    struct connection connection;
    struct thread *thread;
    bool receiving; /* else sending */
};

struct thread {
    HANDLE handle;
    struct stats *stats;
    volatile LONG clients; /* assigned to this thread, perhaps not yet admitted */
};

static const struct server *server;
static struct thread threads[MAX_THREADS]; /* server->threads of these are in use */
static volatile LONG accepting = 1;        /* 0: the acceptor assigns no more clients */

static void CALLBACK on_end(DWORD error, DWORD bytes, OVERLAPPED *overlapped, DWORD flags);

static void forget_client(struct client *client) {
    InterlockedDecrement(&client->thread->clients);
    free(client);
}

/* Starts the session's next operation. An operation that completes inline still calls its
 * routine. */
static void start_next(struct client *client, enum session_next next) {
    struct stats *stats = client->thread->stats;
    if (next != SESSION_CLOSE && !server_stopping()) {
        struct session *session = &client->connection.session;
        SOCKET socket = client->connection.socket;
        client->receiving = next == SESSION_RECEIVE;
        struct span span = client->receiving ? session_space(session) : session_output(session);
        WSABUF buffer = {.buf = span.data, .len = span.length};
        DWORD flags = 0;
        client->overlapped = (OVERLAPPED){0};
        int result = client->receiving
                         ? WSARecv(socket, &buffer, 1, NULL, &flags, &client->overlapped, on_end)
                         : WSASend(socket, &buffer, 1, NULL, 0, &client->overlapped, on_end);
        if (result == 0 || WSAGetLastError() == WSA_IO_PENDING) {
            stats->inline_completions += result == 0;
            return;
        }
        server_lost((DWORD)WSAGetLastError(), stats);
    }
    server_dismiss(&client->connection, stats);
    forget_client(client);
}

/* Windows calls it in an alertable wait of the thread that started the operation, which is now
 * complete. */
static void CALLBACK on_end(DWORD error, DWORD bytes, OVERLAPPED *overlapped, DWORD flags) {
    (void)flags;
    struct client *client = CONTAINING_RECORD(overlapped, struct client, overlapped);
    struct session *session = &client->connection.session;
    struct stats *stats = client->thread->stats;
    enum session_next next = SESSION_CLOSE;
    stats->events++;
    if (error != ERROR_SUCCESS)
        server_lost(error, stats);
    else if (!client->receiving)
        next = session_sent(session, bytes, stats);
    else if (!server_stopping()) /* too late to begin the request */
        next = session_received(session, bytes, stats);
    start_next(client, next);
}

/* Windows calls it in the same way. It starts the first operation, because an operation belongs to
 * the thread that starts it. */
static void CALLBACK on_given(ULONG_PTR argument) {
    struct client *client = (struct client *)argument;
    struct stats *stats = client->thread->stats;
    stats->events++;
    if (server_admit(&client->connection, client->connection.socket, stats))
        start_next(client, SESSION_RECEIVE);
    else
        forget_client(client);
}

static unsigned __stdcall serve(void *argument) {
    struct thread *thread = argument;
    /* A thread must not exit with outstanding operations: Windows would cancel them. */
    while (!server_stopping() || accepting || thread->clients > 0) {
        SleepEx(SERVER_POLL_MS, TRUE);
        thread->stats->waits++;
    }
    return 0;
}

/* Closes the client immediately if memory or the queue fails. */
static void give(SOCKET socket, struct thread *thread, struct stats *stats) {
    struct client *client = malloc(sizeof *client);
    if (client) {
        client->connection.socket = socket;
        client->thread = thread;
        InterlockedIncrement(&thread->clients);
        if (QueueUserAPC(on_given, thread->handle, (ULONG_PTR)client))
            return;
        forget_client(client);
    }
    stats->failures++;
    closesocket(socket);
}

static unsigned __stdcall accept_clients(void *argument) {
    struct stats *stats = argument;
    uint32_t turn = 0;
    while (!server_stopping()) {
        SOCKET socket = accept(server->listener, NULL, NULL);
        if (socket != INVALID_SOCKET) {
            give(socket, &threads[turn++ % server->threads], stats);
        } else if (!server_not_accepted((DWORD)WSAGetLastError(), stats) && !server_stopping()) {
            Sleep(SERVER_POLL_MS); /* no handles or no memory */
        }
    }
    InterlockedExchange(&accepting, 0);
    return 0;
}

static HANDLE start_thread(unsigned(__stdcall *function)(void *), void *argument) {
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, function, argument, 0, NULL);
    server_spread(thread);
    return thread;
}

static int run(const struct server *the_server) {
    server = the_server;
    HANDLE acceptor = NULL;
    bool good = true;
    for (uint32_t i = 0; good && i < server->threads; i++) {
        threads[i].stats = server_stats();
        threads[i].handle = start_thread(serve, &threads[i]);
        good = threads[i].handle != NULL;
    }
    if (good)
        acceptor = start_thread(accept_clients, server_stats());
    if (!acceptor)
        return server_error("_beginthreadex", ERROR_NOT_ENOUGH_MEMORY);
    server_ready();
    while (!server_stopping())
        Sleep(SERVER_POLL_MS);
    for (uint32_t i = 0; i < server->threads; i++) {
        do /* cancelled operations call their routines too */
            server_cancel();
        while (WaitForSingleObject(threads[i].handle, 10) == WAIT_TIMEOUT);
        CloseHandle(threads[i].handle);
    }
    CloseHandle(acceptor);
    return EXIT_SUCCESS;
}

const struct server_model model = {
    .name = "apc",
    .summary =
        "Overlapped operations whose completion routines Windows calls in an alertable wait.",
    .family = "completion",
    .cost = "a client stays with its thread",
    .since = "Windows NT 4.0",
    .limit = "one thread serves each client",
    .max_threads = MAX_THREADS,
    .run = run,
};

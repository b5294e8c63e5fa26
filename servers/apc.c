/*
 * apc: overlapped I/O with completion routines.
 *
 * A thread starts an operation and names a function. When the operation has ended, the system queues a call
 * of that function to the thread that started it, and makes the call when that thread next waits alertably.
 * There is no event, no port and no lock: a thread's clients are its own, and nothing interrupts it but where
 * it allows it.
 *
 * Accepting knows no completion routine (AcceptEx can only signal an event or a port), but a program may
 * queue calls of its own: a thread that does nothing but accept gives each client to a serving thread with
 * QueueUserAPC.
 *
 * Cost: all of a client's work is done by one thread, so load that lies on one thread cannot be taken over by
 * another. An alertable wait does not return before every routine that is due has run, and routines that
 * start the next operation can thereby keep it from ever returning: what is done after the wait, such as
 * accepting, starves. Here nothing is. New clients come in the same queue, first in, first out.
 *
 * Limit: none on clients.
 */
#include "server.h"

#include <process.h>

enum { MAX_THREADS = 256 };

struct client {
    OVERLAPPED overlapped; /* of the one operation under way */
    struct connection connection;
    struct thread *thread;
    bool receiving; /* else sending */
};

struct thread {
    HANDLE handle;
    struct stats *stats;
    volatile LONG clients; /* given to this thread, though perhaps not yet taken in */
};

static const struct server *server;
static struct thread threads[MAX_THREADS]; /* the first server->threads of them */
static volatile LONG accepting = 1;        /* 0: no client will be given to a thread any more */

static void CALLBACK on_end(DWORD error, DWORD bytes, OVERLAPPED *overlapped, DWORD flags);

static void forget_client(struct client *client) {
    InterlockedDecrement(&client->thread->clients);
    free(client);
}

/* Starts what the session asks for next. An operation that ends at once has its routine called just the same.
 */
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

/* Called by the system inside the alertable wait of the thread that started the operation, which has ended.
 */
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
    else if (!server_stopping()) /* else the request comes too late to be begun */
        next = session_received(session, bytes, stats);
    start_next(client, next);
}

/* Called in the same way; an operation belongs to the thread that starts it, so the first one is started
 * here. */
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
    /* The thread may end only when nothing of its own is under way: the system would cancel it. */
    while (!server_stopping() || accepting || thread->clients > 0) {
        SleepEx(SERVER_TICK_MS, TRUE);
        thread->stats->waits++;
    }
    return 0;
}

/* A client whom nothing can be had for is closed at once. */
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
        } else if (WSAGetLastError() != WSAECONNRESET && !server_stopping()) {
            stats->failures++; /* no handles or no memory: it would fail again at once */
            Sleep(SERVER_TICK_MS);
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
        Sleep(SERVER_TICK_MS);
    for (uint32_t i = 0; i < server->threads; i++) {
        do /* the routines of cancelled operations are called as well */
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
        "Overlapped operations whose completion routines the system calls in an alertable wait.",
    .family = "completion",
    .limit = "a client is served by the thread that it was given to, always",
    .max_threads = MAX_THREADS,
    .run = run,
};

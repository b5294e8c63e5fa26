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
 * run; routines that start the next operation can thereby keep it from ever returning, and accepting starves.
 * Here a wait may go on in that way ROUTINES_A_WAIT times; a routine beyond that only notes what has ended,
 * and the thread does it afterwards.
 *
 * Limit: none on clients. AcceptEx knows no completion routine: an accept ends in an event. The thread waits
 * for that event and for routines in one alertable wait, so that nothing is polled.
 */
#include "server.h"

#include <process.h>

enum { ROUTINES_A_WAIT = 64, ACCEPTS = 8 };

struct client {
    OVERLAPPED overlapped; /* of the one operation under way */
    struct connection connection;
    struct thread *thread;
    bool receiving;      /* else sending */
    DWORD error, bytes;  /* how the operation has ended */
    struct client *next; /* in the list of those that were only noted */
};

struct pending_accept {
    OVERLAPPED overlapped;
    SOCKET socket; /* 0: no accept under way */
    char addresses[2 * SERVER_ADDRESS_BYTES];
};

struct thread {
    HANDLE handle;
    struct stats *stats;
    uint32_t routines_left;             /* that may still go on in this wait */
    struct client *noted, **last_noted; /* in the order in which their operations ended */
    uint32_t clients;
    HANDLE accepted; /* the event that all accepts signal */
    struct pending_accept accepts[ACCEPTS];
    uint32_t pending; /* accepts under way */
};

static const struct server *server;

static void close_client(struct client *client) {
    client->thread->clients--;
    server_dismiss(server, &client->connection, client->thread->stats);
    free(client);
}

static void CALLBACK on_end(DWORD error, DWORD bytes, OVERLAPPED *overlapped, DWORD flags);

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
    int result = client->receiving ? WSARecv(socket, &buffer, 1, NULL, &flags, &client->overlapped, on_end)
                                   : WSASend(socket, &buffer, 1, NULL, 0, &client->overlapped, on_end);
    if (result == SOCKET_ERROR && WSAGetLastError() != WSA_IO_PENDING) {
        server_lost(server, (DWORD)WSAGetLastError(), client->thread->stats);
        close_client(client);
    }
}

/* The client's operation has ended: go on. */
static void go_on(struct client *client) {
    struct session *session = &client->connection.session;
    struct stats *stats = client->thread->stats;
    stats->events++;
    if (client->error != ERROR_SUCCESS || (client->receiving && server_stopping(server))) {
        server_lost(server, client->error, stats); /* or the request comes too late to be begun */
        close_client(client);
    } else if (client->receiving) {
        start_next(client, session_received(session, client->bytes, stats));
    } else {
        start_next(client, session_sent(session, client->bytes, stats));
    }
}

/* Called by the system inside the alertable wait of the thread that started the operation. */
static void CALLBACK on_end(DWORD error, DWORD bytes, OVERLAPPED *overlapped, DWORD flags) {
    (void)flags;
    struct client *client = CONTAINING_RECORD(overlapped, struct client, overlapped);
    struct thread *thread = client->thread;
    client->error = error;
    client->bytes = bytes;
    if (thread->routines_left > 0) {
        thread->routines_left--;
        go_on(client);
    } else {
        client->next = NULL;
        *thread->last_noted = client;
        thread->last_noted = &client->next;
    }
}

static void serve_noted(struct thread *thread) {
    struct client *client = thread->noted;
    thread->noted = NULL;
    thread->last_noted = &thread->noted;
    for (struct client *next; client; client = next) {
        next = client->next;
        go_on(client);
    }
}

/* false: no handles or no memory, to be tried again in the next tick. */
static bool start_accept(struct thread *thread, struct pending_accept *accept) {
    SOCKET socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    DWORD received;
    accept->overlapped = (OVERLAPPED){.hEvent = thread->accepted};
    if (socket != INVALID_SOCKET &&
        (server->accept_ex(server->listener, socket, accept->addresses, 0, SERVER_ADDRESS_BYTES,
                           SERVER_ADDRESS_BYTES, &received, &accept->overlapped) ||
         WSAGetLastError() == WSA_IO_PENDING)) {
        accept->socket = socket;
        thread->pending++;
        return true;
    }
    thread->stats->failures++;
    if (socket != INVALID_SOCKET)
        closesocket(socket);
    return false;
}

/* The accept has ended, well or badly. */
static void take_in(struct thread *thread, struct pending_accept *accept) {
    SOCKET socket = accept->socket;
    struct client *client = malloc(sizeof *client);
    DWORD bytes, flags;
    accept->socket = 0;
    thread->pending--;
    ResetEvent(thread->accepted); /* others that have ended are met in the next round */
    if (!client || !WSAGetOverlappedResult(server->listener, &accept->overlapped, &bytes, FALSE, &flags) ||
        setsockopt(socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&server->listener,
                   sizeof server->listener) != 0) {
        server_lost(server, client ? (DWORD)WSAGetLastError() : ERROR_NOT_ENOUGH_MEMORY, thread->stats);
        closesocket(socket);
    } else if (server_admit(server, &client->connection, socket, thread->stats)) {
        client->thread = thread;
        thread->clients++;
        start_next(client, SESSION_RECEIVE);
        return;
    }
    free(client);
}

/* Takes in who has come and keeps accepts under way: rounds, until one has found nothing new, but not for
 * ever. */
static void look_after_accepts(struct thread *thread) {
    bool again = true;
    for (int round = 0; again && round < 4; round++) {
        again = false;
        for (struct pending_accept *accept = thread->accepts; accept < thread->accepts + ACCEPTS; accept++) {
            if (accept->socket && HasOverlappedIoCompleted(&accept->overlapped)) {
                take_in(thread, accept);
                again = true;
            }
            if (!accept->socket && !server_stopping(server) && !start_accept(thread, accept))
                return;
        }
    }
}

static unsigned __stdcall serve(void *argument) {
    struct thread *thread = argument;
    look_after_accepts(thread);
    /* The thread may end only when nothing of its own is under way: the system would cancel it. */
    while (!server_stopping(server) || thread->pending > 0 || thread->clients > 0) {
        thread->routines_left = ROUTINES_A_WAIT;
        DWORD result = WaitForSingleObjectEx(thread->accepted, SERVER_TICK_MS, TRUE);
        thread->stats->waits++;
        if (result != WAIT_IO_COMPLETION || server_stopping(server)) {
            look_after_accepts(thread);
            SleepEx(0, TRUE); /* a wait that an event ends has called no routine, though some may be due */
        }
        serve_noted(thread);
    }
    return 0;
}

static bool start_thread(struct thread *thread) {
    thread->stats = server_stats(server);
    thread->last_noted = &thread->noted;
    thread->accepted = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (thread->accepted)
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
            return server_error("starting a thread", ERROR_NOT_ENOUGH_MEMORY);
    server_ready(server);
    while (!server_stopping(server))
        Sleep(SERVER_TICK_MS);
    for (uint32_t i = 0; i < server->threads; i++) {
        do /* the routines of cancelled operations are called as well; each thread waits for its own */
            server_cancel(server);
        while (WaitForSingleObject(threads[i].handle, 10) == WAIT_TIMEOUT);
        CloseHandle(threads[i].handle);
        CloseHandle(threads[i].accepted);
    }
    free(threads);
    return EXIT_SUCCESS;
}

const struct server_model model = {
    .name = "apc",
    .summary = "Overlapped operations whose completion routines the system calls in an alertable wait.",
    .family = "completion",
    .limit = "a client is served by the thread that accepted it, always",
    .max_threads = 256,
    .run = run,
};

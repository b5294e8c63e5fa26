/* events: overlapped I/O with one event per client; threads wait for up to 64 events.
 *
 * A completion signals its OVERLAPPED's event, and WaitForMultipleObjects returns if any event of
 * its array is signalled. Because of its limit, each thread serves a group of 64 clients. A waiting
 * thread's array cannot change, so a group accepts its own clients, with up to eight outstanding
 * accepts. The group that fills the last free slot starts the next group.
 *
 * Waits: in WaitForMultipleObjects.
 * Cost: one event per client, one thread per 64 clients, and a wait over an array for often one
 * completion. The wait returns the lowest signalled index only, which would starve other clients.
 * So a woken thread checks all its clients; their OVERLAPPED shows the state without a call.
 * Limit: MAXIMUM_WAIT_OBJECTS, 64 handles per wait. */
#include "server.h"

#include <process.h>

enum { SLOTS = MAXIMUM_WAIT_OBJECTS, ACCEPTS = 8 };
enum operation { ACCEPTING, RECEIVING, SENDING };

struct client {
    OVERLAPPED overlapped;    /* of the one outstanding operation; hEvent is the client's */
    enum operation operation; /* its kind */
    SOCKET socket;
    struct connection connection; /* valid after the accept */
    char addresses[2 * SERVER_ADDRESS_BYTES];
};

struct group {
    HANDLE events[SLOTS];          /* contiguous, for the wait */
    struct client *clients[SLOTS]; /* clients[i] has events[i] */
    DWORD count;                   /* of both arrays; later slots are free */
    DWORD accepting;               /* clients with an outstanding accept */
    struct stats *stats;
};

static const struct server *server;
static volatile LONG groups;     /* running group threads */
static volatile LONG free_slots; /* free slots of all groups */

static bool start_group(void);

/* Starts the next operation, which resets the event. Returns false if the connection is closed. */
static bool start_next(struct client *client, enum session_next next, struct stats *stats) {
    if (next != SESSION_CLOSE && !server_stopping()) {
        struct session *session = &client->connection.session;
        bool receive = next == SESSION_RECEIVE;
        OVERLAPPED *overlapped = &client->overlapped;
        *overlapped = (OVERLAPPED){.hEvent = overlapped->hEvent};
        client->operation = receive ? RECEIVING : SENDING;
        struct span span = receive ? session_space(session) : session_output(session);
        WSABUF buffer = {.buf = span.data, .len = span.length};
        DWORD flags = 0;
        int result = receive ? WSARecv(client->socket, &buffer, 1, NULL, &flags, overlapped, NULL)
                             : WSASend(client->socket, &buffer, 1, NULL, 0, overlapped, NULL);
        if (result == 0 || WSAGetLastError() == WSA_IO_PENDING) {
            stats->inline_completions += result == 0;
            return true;
        }
        server_lost((DWORD)WSAGetLastError(), stats);
    }
    server_dismiss(&client->connection, stats);
    InterlockedIncrement(&free_slots);
    return false;
}

/* Admits the client if its accept succeeded. Returns false if the slot is free again. */
static bool admit(struct client *client, DWORD error, struct stats *stats) {
    if (error == ERROR_SUCCESS &&
        setsockopt(client->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                   (const char *)&server->listener, sizeof server->listener) != 0)
        error = (DWORD)WSAGetLastError();
    if (error != ERROR_SUCCESS) {
        server_not_accepted(error, stats);
        closesocket(client->socket);
        return false;
    }
    if (!server_admit(&client->connection, client->socket, stats))
        return false;
    if (InterlockedDecrement(&free_slots) == 0)
        start_group();
    return start_next(client, SESSION_RECEIVE, stats);
}

/* Handles a completion of the client. Returns false if the slot is free. */
static bool complete(struct group *group, struct client *client) {
    struct session *session = &client->connection.session;
    SOCKET asked = client->operation == ACCEPTING ? server->listener : client->socket;
    DWORD bytes, flags, error = ERROR_SUCCESS;
    group->stats->events++;
    if (!WSAGetOverlappedResult(asked, &client->overlapped, &bytes, FALSE, &flags))
        error = (DWORD)WSAGetLastError();
    if (client->operation == ACCEPTING) {
        group->accepting--;
        return admit(client, error, group->stats);
    }
    enum session_next next = SESSION_CLOSE;
    if (error != ERROR_SUCCESS)
        server_lost(error, group->stats);
    else if (client->operation == SENDING)
        next = session_sent(session, bytes, group->stats);
    else if (!server_stopping()) /* too late to begin the request */
        next = session_received(session, bytes, group->stats);
    return start_next(client, next, group->stats);
}

/* Handles one completion, and the next if it is inline. Returns false if the slot is free. */
static bool serve_client(struct group *group, struct client *client) {
    for (int step = 0; step < 2 && HasOverlappedIoCompleted(&client->overlapped); step++)
        if (!complete(group, client))
            return false;
    return true;
}

static void free_slot(struct group *group, DWORD slot) {
    CloseHandle(group->events[slot]);
    free(group->clients[slot]);
    group->count--;
    group->events[slot] = group->events[group->count];
    group->clients[slot] = group->clients[group->count];
}

/* Uses the first free slot. Returns false if handles or memory are short. */
static bool start_accept(struct group *group) {
    struct client *client = calloc(1, sizeof *client);
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    SOCKET socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (client && event && socket != INVALID_SOCKET) {
        DWORD received; /* 0 bytes: AcceptEx does not wait for data */
        client->overlapped.hEvent = event;
        client->socket = socket;
        BOOL ended =
            server->accept_ex(server->listener, socket, client->addresses, 0, SERVER_ADDRESS_BYTES,
                              SERVER_ADDRESS_BYTES, &received, &client->overlapped);
        if (ended || WSAGetLastError() == WSA_IO_PENDING) {
            group->stats->inline_completions += ended != FALSE;
            group->events[group->count] = event;
            group->clients[group->count++] = client;
            group->accepting++;
            return true;
        }
    }
    if (socket != INVALID_SOCKET)
        closesocket(socket);
    if (event)
        CloseHandle(event);
    free(client);
    return false;
}

/* Failed accepts are retried at the thread's next wake-up, at the latest after a poll interval. */
static void keep_accepting(struct group *group) {
    bool good = true;
    while (good && group->count < SLOTS && group->accepting < ACCEPTS && !server_stopping())
        good = start_accept(group);
    group->stats->failures += !good;
}

static unsigned __stdcall serve_group(void *argument) {
    struct group *group = argument;
    group->stats = server_stats();
    keep_accepting(group);
    /* A thread must not exit with outstanding operations: Windows would cancel them. */
    while (!server_stopping() || group->count > 0) {
        if (WaitForMultipleObjects(group->count, group->events, FALSE, SERVER_POLL_MS) ==
            WAIT_FAILED)
            Sleep(SERVER_POLL_MS); /* empty array: no accept could be started */
        group->stats->waits++;
        for (DWORD slot = group->count; slot-- > 0;) /* backwards: the last client may move */
            if (!serve_client(group, group->clients[slot]))
                free_slot(group, slot);
        keep_accepting(group);
    }
    free(group);
    InterlockedDecrement(&groups);
    return 0;
}

/* Returns false if memory or threads are short; the caller retries after a poll interval. */
static bool start_group(void) {
    struct group *group = calloc(1, sizeof *group);
    InterlockedIncrement(&groups);
    InterlockedExchangeAdd(&free_slots, SLOTS);
    HANDLE thread = group ? (HANDLE)_beginthreadex(NULL, 0, serve_group, group, 0, NULL) : NULL;
    if (thread) {
        server_spread(thread);
        CloseHandle(thread); /* not joined: `groups` counts the running threads */
        return true;
    }
    InterlockedExchangeAdd(&free_slots, -SLOTS);
    InterlockedDecrement(&groups);
    free(group);
    return false;
}

static int run(const struct server *the_server) {
    server = the_server;
    if (!start_group())
        return server_error("starting the first group", ERROR_NOT_ENOUGH_MEMORY);
    server_ready();
    while (!server_stopping()) {
        if (free_slots == 0)
            start_group();
        Sleep(SERVER_POLL_MS);
    }
    while (groups > 0) { /* each thread handles its own completions, cancelled or not */
        server_cancel();
        Sleep(10);
    }
    return EXIT_SUCCESS;
}

const struct server_model model = {
    .name = "events",
    .summary = "Overlapped operations, each with an event; a thread waits for up to 64 of them.",
    .family = "completion",
    .cost = "an event per client, and a wait over an array",
    .since = "Windows NT 4.0",
    .limit = "64 handles per wait: one thread per 64 clients",
    .run = run,
};

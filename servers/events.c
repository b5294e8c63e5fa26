/*
 * events: overlapped I/O with an event for every client, and threads that wait for up to 64 events.
 *
 * An operation signals its OVERLAPPED's event when it has ended; WaitForMultipleObjects returns when any
 * event of its array is signalled. The rule of 64 handles makes the design: clients live in groups of 64
 * with a thread each. An array cannot be changed from outside while its thread waits, so no group can be
 * given a client: each takes in its own, with accepts under way in up to eight of its free places. The group
 * that fills the last place anywhere starts the next one.
 *
 * Cost: an event a client, a thread for every 64 clients, and a wait over an array for what is often one
 * completion. The wait names the lowest index only, and who serves just that one starves the others. Here a
 * thread that wakes looks at all its clients, which the state in their OVERLAPPED allows without a call.
 *
 * Limit: MAXIMUM_WAIT_OBJECTS, 64 handles a wait.
 */
#include "server.h"

#include <process.h>

enum { PLACES = MAXIMUM_WAIT_OBJECTS, ACCEPTS = 8 };
enum operation { ACCEPTING, RECEIVING, SENDING };

struct client {
    OVERLAPPED overlapped;    /* of the one operation under way; hEvent is the client's own */
    enum operation operation; /* which that is */
    SOCKET socket;
    struct connection connection; /* once the accept has completed */
    char addresses[2 * SERVER_ADDRESS_BYTES];
};

struct group {
    HANDLE events[PLACES];          /* side by side, as the wait wants them */
    struct client *clients[PLACES]; /* clients[i] has events[i] */
    DWORD count;                    /* of both; the places behind are free */
    DWORD accepting;                /* clients that have yet to come */
    struct stats *stats;
};

static const struct server *server;
static volatile LONG groups; /* threads that have not ended */
static volatile LONG room;   /* clients that they can still take in, all together */

static bool start_group(void);

/* Starts what the session asks for next, which resets the event. false: the connection is closed. */
static bool start_next(struct client *client, enum session_next next, struct stats *stats) {
    if (next != SESSION_CLOSE && !server_stopping()) {
        struct session *session = &client->connection.session;
        client->overlapped = (OVERLAPPED){.hEvent = client->overlapped.hEvent};
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
            return true;
        }
        server_lost((DWORD)WSAGetLastError(), stats);
    }
    server_dismiss(&client->connection, stats);
    InterlockedIncrement(&room);
    return false;
}

/* The accept has ended, well or badly. false: nobody came, or nobody who may stay. */
static bool take_in(struct client *client, DWORD error, struct stats *stats) {
    if (error == ERROR_SUCCESS &&
        setsockopt(client->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                   (const char *)&server->listener, sizeof server->listener) != 0)
        error = (DWORD)WSAGetLastError();
    if (error != ERROR_SUCCESS) {
        server_lost(error, stats);
        closesocket(client->socket);
        return false;
    }
    if (!server_admit(&client->connection, client->socket, stats))
        return false;
    if (InterlockedDecrement(&room) == 0)
        start_group();
    return start_next(client, SESSION_RECEIVE, stats);
}

/* The client's operation has ended: go on. false: its place is free. */
static bool go_on(struct group *group, struct client *client) {
    struct session *session = &client->connection.session;
    SOCKET asked = client->operation == ACCEPTING ? server->listener : client->socket;
    DWORD bytes, flags, error = ERROR_SUCCESS;
    group->stats->events++;
    if (!WSAGetOverlappedResult(asked, &client->overlapped, &bytes, FALSE, &flags))
        error = (DWORD)WSAGetLastError();
    if (client->operation == ACCEPTING) {
        group->accepting--;
        return take_in(client, error, group->stats);
    }
    enum session_next next = SESSION_CLOSE;
    if (error != ERROR_SUCCESS)
        server_lost(error, group->stats);
    else if (client->operation == SENDING)
        next = session_sent(session, bytes, group->stats);
    else if (!server_stopping()) /* else the request comes too late to be begun */
        next = session_received(session, bytes, group->stats);
    return start_next(client, next, group->stats);
}

/* A turn: the operation that has ended, and the next one, which often ends at once: so a request and its
   reply are one turn. false: the place is free. */
static bool take_turn(struct group *group, struct client *client) {
    for (int step = 0; step < 2 && HasOverlappedIoCompleted(&client->overlapped); step++)
        if (!go_on(group, client))
            return false;
    return true;
}

/* The last one moves to the place that becomes free. */
static void leave_place(struct group *group, DWORD place) {
    CloseHandle(group->events[place]);
    free(group->clients[place]);
    group->count--;
    group->events[place] = group->events[group->count];
    group->clients[place] = group->clients[group->count];
}

/* In the first free place. false: no handles or no memory. */
static bool start_accept(struct group *group) {
    struct client *client = calloc(1, sizeof *client);
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    SOCKET socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (client && event && socket != INVALID_SOCKET) {
        DWORD
            received; /* nothing: with a length of 0 AcceptEx does not wait for the client's first bytes */
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

/* What fails is tried again when the thread next wakes, which it does at least once a tick. */
static void keep_accepting(struct group *group) {
    bool good = true;
    while (good && group->count < PLACES && group->accepting < ACCEPTS && !server_stopping())
        good = start_accept(group);
    group->stats->failures += !good;
}

static unsigned __stdcall serve_group(void *argument) {
    struct group *group = argument;
    group->stats = server_stats();
    keep_accepting(group);
    /* The thread may end only when nothing of its own is under way: the system would cancel it. */
    while (!server_stopping() || group->count > 0) {
        if (WaitForMultipleObjects(group->count, group->events, FALSE, SERVER_TICK_MS) ==
            WAIT_FAILED)
            Sleep(SERVER_TICK_MS); /* an empty array: no accept could be started */
        group->stats->waits++;
        for (DWORD place = group->count; place-- > 0;) /* from the end, as the last one may move */
            if (!take_turn(group, group->clients[place]))
                leave_place(group, place);
        keep_accepting(group);
    }
    free(group);
    InterlockedDecrement(&groups);
    return 0;
}

/* false: no memory or no thread, to be tried again in the next tick. */
static bool start_group(void) {
    struct group *group = calloc(1, sizeof *group);
    InterlockedIncrement(&groups);
    InterlockedExchangeAdd(&room, PLACES);
    HANDLE thread = group ? (HANDLE)_beginthreadex(NULL, 0, serve_group, group, 0, NULL) : NULL;
    if (thread) {
        server_spread(thread);
        CloseHandle(thread); /* nobody waits for it: `groups` tells when it has ended */
        return true;
    }
    InterlockedExchangeAdd(&room, -PLACES);
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
        if (room == 0)
            start_group();
        Sleep(SERVER_TICK_MS);
    }
    while (groups > 0) { /* each thread takes in the ends of its own operations, cancelled or not */
        server_cancel();
        Sleep(10);
    }
    return EXIT_SUCCESS;
}

const struct server_model model = {
    .name = "events",
    .summary =
        "Overlapped operations that signal an event each; a thread waits for up to 64 of them.",
    .family = "completion",
    .limit = "64 handles a wait: a thread for every 64 clients",
    .run = run,
};

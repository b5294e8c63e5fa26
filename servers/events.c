/*
 * events: overlapped I/O with an event for every client, and threads that wait for up to 64 events.
 *
 * An operation signals its OVERLAPPED's event when it has ended; WaitForMultipleObjects returns when any
 * event of its array is signalled. The rule of 64 handles makes the design: clients are dealt out to groups
 * of 63, each with a thread of its own, and the 64th handle of each group is a doorbell, by which a group
 * learns of a new client - the array cannot be changed while its thread waits.
 *
 * Cost: an event a client, a thread for every 63 clients, and a wait over an array of handles for what is
 * often one completion. The wait reports the lowest index only: who serves just that one starves the others.
 * Here a thread that wakes looks at all its clients, which the state in the OVERLAPPED allows without a call.
 *
 * Limit: MAXIMUM_WAIT_OBJECTS, 64 handles a wait.
 */
#include "server.h"

#include <process.h>

enum { DOORBELL = 0, GROUP_CLIENTS = MAXIMUM_WAIT_OBJECTS - 1 };

struct client {
    OVERLAPPED overlapped; /* of the one operation under way; hEvent is the client's own */
    struct connection connection;
    bool receiving;      /* else sending */
    struct client *next; /* in a group's inbox */
};

struct group {
    HANDLE events[MAXIMUM_WAIT_OBJECTS]; /* the doorbell, then one a client, side by side as the wait wants
                                            them */
    struct client
        *clients[GROUP_CLIENTS]; /* clients[i] has events[i + 1]; both arrays are the thread's own */
    DWORD count;
    struct client *inbox; /* from the acceptor, under `lock` */
    SRWLOCK lock;
    volatile LONG members; /* clients in the arrays or in the inbox */
    volatile LONG ending;  /* no client will come any more */
    struct stats *stats;
    HANDLE thread;
    struct group *next;
};

static const struct server *server;
static struct group *groups; /* the acceptor's own; a group stays until the server stops */

static void close_client(struct client *client, struct stats *stats) {
    CloseHandle(client->overlapped.hEvent);
    server_dismiss(server, &client->connection, stats);
    free(client);
}

/* Starts what the session asks for next, which resets the event. false: the client is closed. */
static bool start_next(struct client *client, enum session_next next, struct stats *stats) {
    if (next != SESSION_CLOSE && !server_stopping(server)) {
        struct session *session = &client->connection.session;
        SOCKET socket = client->connection.socket;
        client->receiving = next == SESSION_RECEIVE;
        struct span span = client->receiving ? session_space(session) : session_output(session);
        WSABUF buffer = {.buf = span.data, .len = span.length};
        DWORD flags = 0;
        client->overlapped = (OVERLAPPED){.hEvent = client->overlapped.hEvent};
        int result = client->receiving ? WSARecv(socket, &buffer, 1, NULL, &flags, &client->overlapped, NULL)
                                       : WSASend(socket, &buffer, 1, NULL, 0, &client->overlapped, NULL);
        if (result == 0 || WSAGetLastError() == WSA_IO_PENDING)
            return true;
        server_lost(server, (DWORD)WSAGetLastError(), stats);
    }
    close_client(client, stats);
    return false;
}

/* The client's operation has ended: go on. false: the client is closed. */
static bool serve_client(struct client *client, struct stats *stats) {
    struct session *session = &client->connection.session;
    DWORD bytes, flags;
    stats->events++;
    if (!WSAGetOverlappedResult(client->connection.socket, &client->overlapped, &bytes, FALSE, &flags)) {
        server_lost(server, (DWORD)WSAGetLastError(), stats);
        close_client(client, stats);
        return false;
    }
    return start_next(client,
                      client->receiving ? session_received(session, bytes, stats)
                                        : session_sent(session, bytes, stats),
                      stats);
}

/* A turn: a receive that has ended, and the send that it leads to, which mostly ends at once. false: closed.
 */
static bool take_turn(struct client *client, struct stats *stats) {
    for (int step = 0; step < 2 && HasOverlappedIoCompleted(&client->overlapped); step++)
        if (!serve_client(client, stats))
            return false;
    return true;
}

static void drop(struct group *group, DWORD i) {
    group->count--;
    group->clients[i] = group->clients[group->count];
    group->events[i + 1] = group->events[group->count + 1];
    InterlockedDecrement(&group->members);
}

static void open_inbox(struct group *group) {
    AcquireSRWLockExclusive(&group->lock);
    struct client *newcomer = group->inbox;
    group->inbox = NULL;
    ReleaseSRWLockExclusive(&group->lock);
    for (struct client *next; newcomer; newcomer = next) {
        next = newcomer->next;
        HANDLE event = newcomer->overlapped.hEvent;
        if (start_next(newcomer, SESSION_RECEIVE, group->stats)) {
            group->clients[group->count++] = newcomer;
            group->events[group->count] = event;
        } else {
            InterlockedDecrement(&group->members);
        }
    }
}

static unsigned __stdcall serve_group(void *argument) {
    struct group *group = argument;
    while (!group->ending || group->members > 0) {
        WaitForMultipleObjects(group->count + 1, group->events, FALSE, SERVER_TICK_MS);
        group->stats->waits++;
        /* All of them: a wait that is satisfied names the lowest handle, and a busy client could hide the
         * others. */
        for (DWORD i = 0; i < group->count;) {
            if (take_turn(group->clients[i], group->stats))
                i++;
            else
                drop(group, i); /* the last one has taken this place */
        }
        open_inbox(group);
    }
    return 0;
}

static struct group *start_group(void) {
    struct group *group = calloc(1, sizeof *group);
    if (!group)
        return NULL;
    group->stats = server_stats(server);
    group->events[DOORBELL] = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (group->stats && group->events[DOORBELL])
        group->thread = (HANDLE)_beginthreadex(NULL, 0, serve_group, group, 0, NULL);
    if (group->thread) {
        group->next = groups;
        groups = group;
        return group;
    }
    if (group->events[DOORBELL])
        CloseHandle(group->events[DOORBELL]);
    if (group->stats)
        server_stats_return(group->stats);
    free(group);
    return NULL;
}

/* A group with a place left, a new one if need be; NULL: no memory, no handle or no thread. */
static struct group *find_group(void) {
    struct group *group = groups;
    while (group && group->members == GROUP_CLIENTS)
        group = group->next;
    return group ? group : start_group();
}

/* Hands an accepted socket to a group. A client that cannot have what it needs is closed at once. */
static void take_in(SOCKET socket, struct stats *stats) {
    struct group *group = find_group();
    struct client *client = group ? calloc(1, sizeof *client) : NULL;
    HANDLE event = client ? CreateEventW(NULL, TRUE, FALSE, NULL) : NULL;
    if (!event) {
        stats->failures++;
        closesocket(socket);
    } else if (server_admit(server, &client->connection, socket, stats)) {
        client->overlapped.hEvent = event;
        InterlockedIncrement(&group->members);
        AcquireSRWLockExclusive(&group->lock);
        client->next = group->inbox;
        group->inbox = client;
        ReleaseSRWLockExclusive(&group->lock);
        SetEvent(group->events[DOORBELL]);
        return;
    }
    if (event)
        CloseHandle(event);
    free(client);
}

/* One accept, by the same means: an operation that signals an event. */
static void accept_client(HANDLE event, struct stats *stats) {
    char addresses[2 * SERVER_ADDRESS_BYTES];
    OVERLAPPED overlapped = {.hEvent = event};
    DWORD bytes, flags;
    SOCKET socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (socket == INVALID_SOCKET ||
        (!server->accept_ex(server->listener, socket, addresses, 0, SERVER_ADDRESS_BYTES,
                            SERVER_ADDRESS_BYTES, &bytes, &overlapped) &&
         WSAGetLastError() != WSA_IO_PENDING)) {
        stats->failures++;
        if (socket != INVALID_SOCKET)
            closesocket(socket);
        Sleep(SERVER_TICK_MS); /* no handles or no memory: it would fail again at once */
        return;
    }
    while (WaitForSingleObject(event, SERVER_TICK_MS) == WAIT_TIMEOUT)
        if (server_stopping(server)) /* `overlapped` must not go before the operation does */
            server_cancel(server);
    if (WSAGetOverlappedResult(server->listener, &overlapped, &bytes, FALSE, &flags) &&
        setsockopt(socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&server->listener,
                   sizeof server->listener) == 0) {
        take_in(socket, stats);
    } else {
        server_lost(server, (DWORD)WSAGetLastError(), stats);
        closesocket(socket);
    }
}

static int run(const struct server *the_server) {
    server = the_server;
    struct stats *stats = server_stats(server);
    HANDLE accepted = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!stats || !accepted)
        return server_error("CreateEvent", GetLastError());
    server_ready(server);
    while (!server_stopping(server))
        accept_client(accepted, stats);
    while (server_cancel(server) > 0)
        Sleep(10);
    for (struct group *group = groups, *next; group; group = next) {
        next = group->next;
        InterlockedExchange(&group->ending, 1);
        SetEvent(group->events[DOORBELL]);
        WaitForSingleObject(group->thread, INFINITE);
        CloseHandle(group->thread);
        CloseHandle(group->events[DOORBELL]);
        free(group);
    }
    CloseHandle(accepted);
    return EXIT_SUCCESS;
}

const struct server_model model = {
    .name = "events",
    .summary =
        "Overlapped operations that signal an event each; a thread waits for the events of up to 63 clients.",
    .family = "completion",
    .limit = "64 handles a wait: a thread for every 63 clients",
    .run = run,
};

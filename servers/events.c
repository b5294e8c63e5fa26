/*
 * events: overlapped I/O with an event for every client, and threads that wait for up to 64 events.
 *
 * An operation signals its OVERLAPPED's event when it has ended; WaitForMultipleObjects returns when any
 * event of its array is signalled. The rule of 64 handles makes the design: clients live in groups of 63 with
 * a thread each. An array cannot be changed from outside while its thread waits, so the 64th handle is for
 * the group's own accept. A group that is full accepts no more; the one that fills the last place anywhere
 * starts the next group.
 *
 * Cost: an event a client, a thread for every 63 clients, and a wait over an array for what is often one
 * completion. The wait names the lowest index only, and who serves just that one starves the others. Here a
 * thread that wakes looks at all its clients, which the state in their OVERLAPPED allows without a call.
 *
 * Limit: MAXIMUM_WAIT_OBJECTS, 64 handles a wait.
 */
#include "server.h"

#include <process.h>

enum { GROUP_CLIENTS = MAXIMUM_WAIT_OBJECTS - 1, ACCEPTS = 8 };

struct client {
    OVERLAPPED overlapped; /* of the one operation under way; hEvent is the client's own */
    struct connection connection;
    bool receiving; /* else sending */
};

struct pending_accept {
    OVERLAPPED overlapped;
    SOCKET socket; /* 0: no accept under way */
    char addresses[2 * SERVER_ADDRESS_BYTES];
};

struct group {
    HANDLE events[MAXIMUM_WAIT_OBJECTS];   /* of the accept, then one a client: side by side as the wait wants
                                              them */
    struct client *clients[GROUP_CLIENTS]; /* clients[i] has events[i + 1] */
    DWORD count;
    struct pending_accept accepts[ACCEPTS]; /* all of them signal events[0] */
    DWORD pending;                          /* accepts under way */
    struct stats *stats;
    HANDLE thread;
    struct group *next;
};

static const struct server *server;
static struct group *groups;    /* newest first; a group stays until the server stops */
static volatile LONG with_room; /* groups that are not full */

static bool start_group(void);

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
    enum session_next next = SESSION_CLOSE; /* a request that comes while the server stops is not begun */
    if (!client->receiving)
        next = session_sent(session, bytes, stats);
    else if (!server_stopping(server))
        next = session_received(session, bytes, stats);
    return start_next(client, next, stats);
}

/* A turn: the receive that has ended, and its reply's send, which mostly ends at once. false: closed. */
static bool take_turn(struct client *client, struct stats *stats) {
    for (int step = 0; step < 2 && HasOverlappedIoCompleted(&client->overlapped); step++)
        if (!serve_client(client, stats))
            return false;
    return true;
}

static void remove_client(struct group *group, DWORD i) {
    group->count--;
    group->clients[i] = group->clients[group->count];
    group->events[i + 1] = group->events[group->count + 1];
    if (group->count + 1 == GROUP_CLIENTS)
        InterlockedIncrement(&with_room);
}

static void add_client(struct group *group, struct client *client) {
    group->clients[group->count++] = client;
    group->events[group->count] = client->overlapped.hEvent;
    if (group->count == GROUP_CLIENTS && InterlockedDecrement(&with_room) == 0)
        start_group(); /* fails for want of memory or a thread: run() tries again in the next tick */
}

/* false: no handles or no memory, to be tried again in the next tick. */
static bool start_accept(struct group *group, struct pending_accept *accept) {
    SOCKET socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    DWORD received;
    accept->overlapped = (OVERLAPPED){.hEvent = group->events[0]};
    if (socket != INVALID_SOCKET &&
        (server->accept_ex(server->listener, socket, accept->addresses, 0, SERVER_ADDRESS_BYTES,
                           SERVER_ADDRESS_BYTES, &received, &accept->overlapped) ||
         WSAGetLastError() == WSA_IO_PENDING)) {
        accept->socket = socket;
        group->pending++;
        return true;
    }
    group->stats->failures++;
    if (socket != INVALID_SOCKET)
        closesocket(socket);
    return false;
}

/* The accept has ended, well or badly. A client that cannot have what it needs is closed at once. */
static void take_in(struct group *group, struct pending_accept *accept) {
    SOCKET socket = accept->socket;
    struct client *client = calloc(1, sizeof *client);
    DWORD bytes, flags, error = ERROR_SUCCESS;
    accept->socket = 0;
    group->pending--;
    ResetEvent(group->events[0]); /* others that have ended are met in the next round */
    if (client)
        client->overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!client || !client->overlapped.hEvent)
        error = ERROR_NOT_ENOUGH_MEMORY;
    else if (!WSAGetOverlappedResult(server->listener, &accept->overlapped, &bytes, FALSE, &flags) ||
             setsockopt(socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&server->listener,
                        sizeof server->listener) != 0)
        error = (DWORD)WSAGetLastError();
    if (error != ERROR_SUCCESS) {
        server_lost(server, error, group->stats);
        closesocket(socket);
    } else if (server_admit(server, &client->connection, socket, group->stats)) {
        if (start_next(client, SESSION_RECEIVE, group->stats))
            add_client(group, client);
        return;
    }
    if (client && client->overlapped.hEvent)
        CloseHandle(client->overlapped.hEvent);
    free(client);
}

/* Takes in who has come and keeps accepts under way: rounds, until one has found nothing new, but not for
 * ever. */
static void look_after_accepts(struct group *group) {
    bool again = true;
    for (int round = 0; again && round < 4; round++) {
        again = false;
        for (struct pending_accept *accept = group->accepts; accept < group->accepts + ACCEPTS; accept++) {
            if (accept->socket && HasOverlappedIoCompleted(&accept->overlapped)) {
                take_in(group, accept);
                again = true;
            }
            if (!accept->socket && group->count + group->pending < GROUP_CLIENTS &&
                !server_stopping(server) && !start_accept(group, accept))
                return;
        }
    }
}

static unsigned __stdcall serve_group(void *argument) {
    struct group *group = argument;
    look_after_accepts(group);
    /* The thread may end only when nothing of its own is under way: the system would cancel it. */
    while (!server_stopping(server) || group->pending > 0 || group->count > 0) {
        if (WaitForMultipleObjects(group->count + 1, group->events, FALSE, SERVER_TICK_MS) == WAIT_FAILED)
            Sleep(SERVER_TICK_MS); /* every operation is looked at all the same, once a tick */
        group->stats->waits++;
        for (DWORD i = group->count;
             i-- > 0;) /* from the end: a client that goes is replaced by the last one */
            if (!take_turn(group->clients[i], group->stats))
                remove_client(group, i);
        look_after_accepts(group);
    }
    return 0;
}

/* false: no memory, no handle or no thread. */
static bool start_group(void) {
    struct group *group = calloc(1, sizeof *group);
    if (!group)
        return false;
    group->stats = server_stats(server);
    group->events[0] = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (group->events[0]) {
        InterlockedIncrement(&with_room);
        group->thread = (HANDLE)_beginthreadex(NULL, 0, serve_group, group, 0, NULL);
        if (group->thread) {
            do /* push: several groups may fill up at once */
                group->next = groups;
            while (InterlockedCompareExchangePointer((void *volatile *)&groups, group, group->next) !=
                   group->next);
            return true;
        }
        InterlockedDecrement(&with_room);
    }
    if (group->events[0])
        CloseHandle(group->events[0]);
    server_stats_return(group->stats);
    free(group);
    return false;
}

static void end_groups(struct group *group) {
    for (struct group *next; group; group = next) {
        next = group->next;
        do /* each thread takes in the ends of its own operations, cancelled or not */
            server_cancel(server);
        while (WaitForSingleObject(group->thread, 10) == WAIT_TIMEOUT);
        CloseHandle(group->thread);
        CloseHandle(group->events[0]);
        free(group);
    }
}

static int run(const struct server *the_server) {
    server = the_server;
    if (!start_group())
        return server_error("starting the first group", ERROR_NOT_ENOUGH_MEMORY);
    server_ready(server);
    while (!server_stopping(server)) {
        if (with_room == 0)
            start_group();
        Sleep(SERVER_TICK_MS);
    }
    for (struct group *list; (list = InterlockedExchangePointer((void *volatile *)&groups, NULL)) != NULL;)
        end_groups(list); /* one of which may just have started another */
    return EXIT_SUCCESS;
}

const struct server_model model = {
    .name = "events",
    .summary =
        "Overlapped operations that signal an event each; a thread waits for those of up to 63 clients.",
    .family = "completion",
    .limit = "64 handles a wait: a thread for every 63 clients",
    .run = run,
};

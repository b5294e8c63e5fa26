/* event_select: WSAEventSelect reports changes of a socket with an event; threads wait for up to 64.
 *
 * The program names the changes of a socket that it wants to know: bytes arrived, writable again,
 * closed. Winsock records them and signals the socket's event. The thread asks which changes
 * occurred and makes non-blocking calls. So it is select() with an event per socket: readiness, not
 * completion, and no buffer belongs to Windows. A wait takes up to 64 events. So each thread serves
 * a group of clients, and its first event says that new clients are in the group's inbox.
 *
 * Waits: in WSAWaitForMultipleEvents.
 * Cost: one event per client, one thread per 63 clients, and one more call per change to ask what
 * it was. Winsock reports a change once, so a call that was skipped must be made up for.
 * Limit: WSA_MAXIMUM_WAIT_EVENTS, 64 events per wait. */
#include "readiness.h"

#include <process.h>

enum { SLOTS = WSA_MAXIMUM_WAIT_EVENTS };

struct client {
    struct connection connection;
    enum session_next waiting_for;
    bool closed;         /* the client sends no more; what it sent before may still be unread */
    struct client *next; /* in an inbox */
};

struct group {
    WSAEVENT events[SLOTS];        /* events[0] is the inbox's */
    struct client *clients[SLOTS]; /* clients[i] has events[i] */
    DWORD count;                   /* of both arrays; later slots are free */
    volatile LONG members;         /* clients assigned to this group, also those in the inbox */
    struct client *volatile inbox;
    struct group *next;
    struct stats *stats;
};

static const struct server *server;
static struct group *groups;        /* only run() uses the list; a group stays until the end */
static volatile LONG serving;       /* running threads of groups */
static volatile LONG accepting = 1; /* 0: no more clients come into an inbox */

/* Moves the last client to the free slot. */
static void close_client(struct group *group, DWORD slot) {
    server_dismiss(&group->clients[slot]->connection, group->stats);
    WSACloseEvent(group->events[slot]);
    free(group->clients[slot]);
    group->count--;
    group->events[slot] = group->events[group->count];
    group->clients[slot] = group->clients[group->count];
    InterlockedDecrement(&group->members);
}

static void admit(struct group *group, struct client *client) {
    DWORD slot = group->count++;
    WSAEVENT event = WSACreateEvent();
    group->events[slot] = event;
    group->clients[slot] = client;
    if (!event ||
        WSAEventSelect(client->connection.socket, event, FD_READ | FD_WRITE | FD_CLOSE) != 0) {
        server_lost((DWORD)WSAGetLastError(), group->stats);
        close_client(group, slot);
    }
}

static void empty_inbox(struct group *group) {
    WSAResetEvent(group->events[0]); /* first: what comes later signals it again */
    struct client *client = InterlockedExchangePointer((PVOID volatile *)&group->inbox, NULL);
    while (client) {
        struct client *next = client->next;
        admit(group, client);
        client = next;
    }
}

/* Serves a client whose event is signalled. */
static void serve_client(struct group *group, DWORD slot) {
    struct client *client = group->clients[slot];
    WSANETWORKEVENTS changes;
    bool again = false;
    group->stats->events++;
    /* resets the event, and returns the changes since the last call */
    if (WSAEnumNetworkEvents(client->connection.socket, group->events[slot], &changes) == 0) {
        client->closed = client->closed || (changes.lNetworkEvents & FD_CLOSE);
        client->waiting_for = readiness_serve_change(&client->connection, client->waiting_for,
                                                     client->closed, &again, group->stats);
    } else {
        server_lost((DWORD)WSAGetLastError(), group->stats);
        client->waiting_for = SESSION_CLOSE;
    }
    if (client->waiting_for == SESSION_CLOSE)
        close_client(group, slot);
    else if (again)
        WSASetEvent(group->events[slot]);
}

/* Waits for the events from `slot` on. Returns the lowest signalled slot, or SLOTS at a timeout. */
static DWORD next_signalled(const struct group *group, DWORD slot, DWORD timeout_ms) {
    DWORD left = group->count - slot;
    DWORD found =
        left > 0 ? WSAWaitForMultipleEvents(left, &group->events[slot], FALSE, timeout_ms, FALSE)
                 : WSA_WAIT_TIMEOUT;
    return found < left ? slot + found : SLOTS;
}

static unsigned __stdcall serve_group(void *argument) {
    struct group *group = argument;
    while (!server_stopping() || accepting) {
        DWORD slot = next_signalled(group, 0, SERVER_POLL_MS);
        group->stats->waits++;
        /* A wait names the lowest event only, which would starve the others. So each further wait
         * begins behind the last one, and takes no time. */
        while (slot < SLOTS && !server_stopping()) {
            DWORD before = group->count;
            if (slot == 0)
                empty_inbox(group);
            else
                serve_client(group, slot);
            bool moved = group->count < before; /* the last client is at this slot now */
            slot = next_signalled(group, moved ? slot : slot + 1, 0);
        }
    }
    empty_inbox(group);
    while (group->count > 1)
        close_client(group, group->count - 1);
    WSACloseEvent(group->events[0]);
    free(group);
    InterlockedDecrement(&serving); /* last, because run() may now return */
    return 0;
}

/* Returns the new first group, or NULL if memory, events or threads are short. */
static struct group *start_group(void) {
    struct group *group = calloc(1, sizeof *group);
    if (!group)
        return NULL;
    group->stats = server_stats();
    group->events[group->count++] = WSACreateEvent();
    InterlockedIncrement(&serving);
    HANDLE thread =
        group->events[0] ? (HANDLE)_beginthreadex(NULL, 0, serve_group, group, 0, NULL) : NULL;
    if (thread) {
        server_spread(thread);
        CloseHandle(thread); /* not joined: `serving` counts the threads */
        group->next = groups;
        return groups = group;
    }
    InterlockedDecrement(&serving);
    server_stats_return(group->stats);
    WSACloseEvent(group->events[0]);
    free(group);
    return NULL;
}

/* Puts an admitted client into the inbox of a group that has room. */
static void give(struct client *client, struct stats *stats) {
    struct group *group = groups;
    while (group && group->members >= SLOTS - 1)
        group = group->next;
    if (!group && !(group = start_group())) {
        stats->failures++;
        server_dismiss(&client->connection, stats);
        free(client);
        return;
    }
    InterlockedIncrement(&group->members);
    do
        client->next = group->inbox;
    while (InterlockedCompareExchangePointer((PVOID volatile *)&group->inbox, client,
                                             client->next) != client->next);
    WSASetEvent(group->events[0]);
}

static void accept_clients(struct stats *stats) {
    bool starved = false;
    SOCKET socket;
    while (!server_stopping() &&
           (socket = readiness_accept(server, &starved, stats)) != INVALID_SOCKET) {
        struct client *client = calloc(1, sizeof *client);
        if (!client) {
            stats->failures++;
            closesocket(socket);
        } else if (server_admit(&client->connection, socket, stats)) {
            give(client, stats);
        } else {
            free(client);
        }
    }
    if (starved)
        Sleep(SERVER_POLL_MS);
}

static int run(const struct server *the_server) {
    server = the_server;
    struct stats *stats = server_stats();
    WSAEVENT event = WSACreateEvent();
    /* It makes the listener non-blocking, and accepted sockets inherit both. */
    if (!event || WSAEventSelect(server->listener, event, FD_ACCEPT) != 0)
        return server_error("WSAEventSelect", (DWORD)WSAGetLastError());
    server_ready();
    while (!server_stopping()) {
        WSAWaitForMultipleEvents(1, &event, FALSE, SERVER_POLL_MS, FALSE);
        WSAResetEvent(event);
        accept_clients(stats);
    }
    InterlockedExchange(&accepting, 0);
    while (serving > 0)
        Sleep(10);
    WSACloseEvent(event);
    return EXIT_SUCCESS;
}

const struct server_model model = {
    .name = "event_select",
    .summary = "Changes of a socket signal its event; a thread waits for up to 64 and makes "
               "non-blocking calls.",
    .family = "readiness",
    .cost = "an event per client, and a call to ask what changed",
    .since = "Windows NT 4.0",
    .limit = "64 events per wait: one thread per 63 clients",
    .run = run,
};

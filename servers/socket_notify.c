/* socket_notify: a completion port reports which sockets are ready (ProcessSocketNotifications).
 *
 * It is Windows' own readiness interface on a port, for Windows 11 and Server 2022. The program
 * registers a socket with the port once. From then on each packet says that the socket is ready and
 * for what. One call takes packets and changes registrations. Here each notification is one-shot:
 * the thread that takes it owns the client, and enables the next one in the call that waits for its
 * own next packet.
 *
 * Waits: in ProcessSocketNotifications.
 * Cost: one call per wait, whatever the number of clients, and a receive that may find nothing. No
 * buffer belongs to Windows while a client is silent. A registration must be removed before its
 * client can be freed, and a last packet confirms that.
 * Limit: none of its own. */
#include "readiness.h"

#include <process.h>

#include "newer_winsock.h"

enum { MAX_THREADS = 4096, ACCEPTS_PER_PACKET = 64, REMOVE_TRIES = 1000 };

struct client {
    struct connection connection;
    enum session_next waiting_for;
    bool removing; /* its last packet is under way */
};

static const struct server *server;
static process_socket_notifications notifications;
static HANDLE port, workers[MAX_THREADS];
static volatile LONG starved; /* no handles or memory: run() asks for the listener again */

static bool supported(void) {
    FARPROC found = GetProcAddress(GetModuleHandleW(L"ws2_32"), "ProcessSocketNotifications");
    notifications = (process_socket_notifications)(void (*)(void))found;
    return notifications != NULL;
}

/* The listener's registration has no client. */
static SOCK_NOTIFY_REGISTRATION listening(void) {
    return (SOCK_NOTIFY_REGISTRATION){
        .socket = server->listener,
        .eventFilter = SOCK_NOTIFY_REGISTER_EVENT_IN,
        .operation = SOCK_NOTIFY_OP_ENABLE,
        .triggerFlags = SOCK_NOTIFY_TRIGGER_LEVEL | SOCK_NOTIFY_TRIGGER_ONESHOT,
    };
}

/* Returns the registration for what the client waits for, or its removal. */
static SOCK_NOTIFY_REGISTRATION registration(struct client *client) {
    bool close = client->waiting_for == SESSION_CLOSE;
    client->removing = close;
    return (SOCK_NOTIFY_REGISTRATION){
        .socket = client->connection.socket,
        .completionKey = client,
        .eventFilter = client->waiting_for == SESSION_SEND
                           ? SOCK_NOTIFY_REGISTER_EVENT_OUT
                           : SOCK_NOTIFY_REGISTER_EVENT_IN | SOCK_NOTIFY_REGISTER_EVENT_HANGUP,
        .operation = close ? SOCK_NOTIFY_OP_REMOVE : SOCK_NOTIFY_OP_ENABLE,
        .triggerFlags = SOCK_NOTIFY_TRIGGER_LEVEL | SOCK_NOTIFY_TRIGGER_ONESHOT,
    };
}

static void close_client(struct client *client, struct stats *stats) {
    server_dismiss(&client->connection, stats);
    free(client);
}

/* Makes the change and, if `packet` is not NULL, waits for a packet. Returns whether one came. */
static bool process(SOCK_NOTIFY_REGISTRATION *change, OVERLAPPED_ENTRY *packet, DWORD wait_ms,
                    struct stats *stats) {
    UINT32 count = 0;
    struct client *client = change->completionKey;
    DWORD error = notifications(port, change->operation != SOCK_NOTIFY_OP_NONE, change, wait_ms,
                                packet != NULL, packet, packet ? &count : NULL);
    bool refused = change->operation != SOCK_NOTIFY_OP_NONE &&
                   (change->registrationResult != ERROR_SUCCESS ||
                    (error != ERROR_SUCCESS && error != WAIT_TIMEOUT && error != ERROR_TIMEOUT));
    if (refused && client) { /* the client is still this thread's, and no packet will come */
        stats->failures += !client->removing;
        close_client(client, stats);
    } else if (refused) {
        InterlockedExchange(&starved, 1);
    }
    return count > 0;
}

static void accept_clients(struct stats *stats) {
    bool no_more = false;
    for (int i = 0; i < ACCEPTS_PER_PACKET; i++) {
        SOCKET socket = readiness_accept(server, &no_more, stats);
        if (socket == INVALID_SOCKET)
            break;
        struct client *client = calloc(1, sizeof *client);
        if (!client) {
            stats->failures++;
            closesocket(socket);
        } else if (server_admit(&client->connection, socket, stats)) {
            SOCK_NOTIFY_REGISTRATION change = registration(client);
            process(&change, NULL, 0, stats);
        } else {
            free(client);
        }
    }
    if (no_more)
        InterlockedExchange(&starved, 1);
}

/* Handles a packet. Returns the change that follows it. */
static SOCK_NOTIFY_REGISTRATION on_packet(const OVERLAPPED_ENTRY *packet, struct stats *stats) {
    struct client *client = (struct client *)packet->lpCompletionKey;
    stats->events++;
    if (!client) {
        accept_clients(stats);
        if (!starved)
            return listening();
        return (SOCK_NOTIFY_REGISTRATION){0};
    }
    if (packet->dwNumberOfBytesTransferred & SOCK_NOTIFY_EVENT_REMOVE) {
        close_client(client, stats);
        return (SOCK_NOTIFY_REGISTRATION){0};
    }
    client->waiting_for = readiness_serve(&client->connection, client->waiting_for, stats);
    return registration(client);
}

static unsigned __stdcall work(void *argument) {
    struct stats *stats = argument;
    SOCK_NOTIFY_REGISTRATION change = {0};
    while (!server_stopping()) {
        OVERLAPPED_ENTRY packet;
        bool came = process(&change, &packet, SERVER_POLL_MS, stats);
        stats->waits++;
        change = (SOCK_NOTIFY_REGISTRATION){0};
        if (came)
            change = on_packet(&packet, stats);
    }
    if (change.operation != SOCK_NOTIFY_OP_NONE)
        process(&change, NULL, 0, stats);
    return 0;
}

/* After the threads: removes a registration, and takes packets until one confirms it. */
static void remove_and_wait(SOCK_NOTIFY_REGISTRATION change, struct stats *stats) {
    for (int tries = 0; tries < REMOVE_TRIES; tries++) {
        OVERLAPPED_ENTRY packet;
        bool came = process(&change, &packet, SERVER_POLL_MS, stats);
        if (came && (packet.dwNumberOfBytesTransferred & SOCK_NOTIFY_EVENT_REMOVE)) {
            if (packet.lpCompletionKey)
                close_client((struct client *)packet.lpCompletionKey, stats);
            return;
        }
        change.operation = SOCK_NOTIFY_OP_NONE;
    }
}

static void close_clients(struct stats *stats) {
    struct connection *connection;
    SOCK_NOTIFY_REGISTRATION change = listening();
    change.operation = SOCK_NOTIFY_OP_REMOVE;
    remove_and_wait(change, stats);
    while ((connection = server_any()) != NULL) {
        struct client *client = CONTAINING_RECORD(connection, struct client, connection);
        client->waiting_for = SESSION_CLOSE;
        change = (SOCK_NOTIFY_REGISTRATION){0};
        if (!client->removing)
            change = registration(client);
        remove_and_wait(change, stats);
    }
}

static int run(const struct server *the_server) {
    server = the_server;
    struct stats *stats = server_stats();
    u_long on = 1; /* accepted sockets inherit it */
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, server->processors);
    if (!port || ioctlsocket(server->listener, (long)FIONBIO, &on) != 0)
        return server_error("opening the port", GetLastError());
    for (uint32_t i = 0; i < server->threads; i++) {
        workers[i] = (HANDLE)_beginthreadex(NULL, 0, work, server_stats(), 0, NULL);
        if (!workers[i])
            return server_error("_beginthreadex", GetLastError());
        server_spread(workers[i]);
    }
    SOCK_NOTIFY_REGISTRATION change = listening();
    process(&change, NULL, 0, stats);
    server_ready();
    while (!server_stopping()) {
        if (InterlockedExchange(&starved, 0))
            process(&change, NULL, 0, stats);
        Sleep(SERVER_POLL_MS);
    }
    for (uint32_t i = 0; i < server->threads; i++)
        WaitForSingleObject(workers[i], INFINITE);
    close_clients(stats);
    CloseHandle(port);
    return EXIT_SUCCESS;
}

const struct server_model model = {
    .name = "socket_notify",
    .summary = "A completion port reports which sockets are ready; a few threads make non-blocking "
               "calls.",
    .family = "readiness",
    .cost = "a call per wait, which changes and takes notifications",
    .since = "Windows 11, Server 2022",
    .max_threads = MAX_THREADS,
    .supported = supported,
    .run = run,
};

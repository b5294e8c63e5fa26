/* select: one thread asks which sockets are ready, then makes non-blocking calls.
 *
 * The thread lists its sockets, select() removes those that are not ready, and the thread searches
 * the rest for its clients. It is the oldest model and runs everywhere. It needs no locks and no
 * buffer ownership: between two calls nothing else runs.
 *
 * Waits: in select().
 * Cost: each pass builds, copies, checks and searches the whole list. So a pass takes time in
 * proportion to the number of clients, however few are ready. One thread serves all: a slow request
 * delays all clients, and a second CPU does not help.
 * Limit: an fd_set of Winsock is an array of FD_SETSIZE sockets, 64 unless defined before
 * winsock2.h. FD_SET silently drops further sockets. */
#define FD_SETSIZE 16384
#include "readiness.h"

enum { ACCEPTS_PER_PASS = 64 }; /* so that many connects do not delay the clients */

struct client {
    struct connection connection;
    enum session_next waiting_for;
};

/* static: with this FD_SETSIZE each set takes 128 KB, too much for a stack */
static fd_set readable, writable;
static struct client *clients[FD_SETSIZE - 1]; /* the listener uses a slot too */
static uint32_t client_count;
static ULONGLONG accept_again_ms; /* the listener is skipped until GetTickCount64() reaches this */
/* select() has kept the sockets in listed order */
static bool in_order = true;

/* FD_SET would first search the set for a duplicate: n * n steps to list n sockets. */
static void watch(fd_set *set, SOCKET socket) {
    set->fd_array[set->fd_count++] = socket;
}

static void list_sockets(const struct server *server) {
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    if (GetTickCount64() >= accept_again_ms)
        watch(&readable, server->listener);
    for (uint32_t i = 0; i < client_count; i++)
        watch(clients[i]->waiting_for == SESSION_SEND ? &writable : &readable,
              clients[i]->connection.socket);
}

/* Returns whether select() left `socket` in `set`. FD_ISSET would search the set for each client: n
 * * n steps again. Windows keeps the listed order, so a cursor meets every ready socket. The order
 * is not documented, so FD_ISSET is the fallback. */
static bool is_ready(fd_set *set, u_int *cursor, SOCKET socket) {
    if (*cursor < set->fd_count && set->fd_array[*cursor] == socket) {
        ++*cursor;
        return true;
    }
    return !in_order && FD_ISSET(socket, set);
}

static void accept_clients(const struct server *server, struct stats *stats) {
    for (int i = 0; i < ACCEPTS_PER_PASS; i++) {
        bool starved = false;
        SOCKET socket = readiness_accept(server, &starved, stats);
        if (starved)
            accept_again_ms = GetTickCount64() + SERVER_POLL_MS;
        if (socket == INVALID_SOCKET)
            return;
        struct client *client = malloc(sizeof *client);
        if (!client) {
            stats->failures++;
            closesocket(socket);
        } else if (server_admit(&client->connection, socket, stats)) {
            client->waiting_for = SESSION_RECEIVE; /* non-blocking, like the listener */
            clients[client_count++] = client;
        } else {
            free(client);
        }
    }
}

static void close_client(struct client *client, struct stats *stats) {
    server_dismiss(&client->connection, stats);
    free(client);
}

/* Serves each client that select() found ready, in the list's order. */
static void serve_clients(const struct server *server, struct stats *stats) {
    u_int read_cursor = 0, write_cursor = 0;
    bool can_accept = is_ready(&readable, &read_cursor, server->listener);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < client_count; i++) {
        struct client *client = clients[i];
        SOCKET socket = client->connection.socket;
        bool ready = client->waiting_for == SESSION_SEND
                         ? is_ready(&writable, &write_cursor, socket)
                         : is_ready(&readable, &read_cursor, socket);
        if (ready && !server_stopping()) {
            stats->events++;
            client->waiting_for = readiness_serve(&client->connection, client->waiting_for, stats);
        }
        if (client->waiting_for == SESSION_CLOSE)
            close_client(client, stats);
        else
            clients[kept++] = client;
    }
    client_count = kept;
    if (read_cursor < readable.fd_count || write_cursor < writable.fd_count)
        /* missed sockets are still ready and found in the next pass */
        in_order = false;
    if (can_accept)
        accept_clients(server, stats);
}

static int run(const struct server *server) {
    struct stats *stats = server_stats();
    u_long on = 1; /* accepted sockets inherit it */
    if (ioctlsocket(server->listener, (long)FIONBIO, &on) != 0)
        return server_error("ioctlsocket", (DWORD)WSAGetLastError());
    server_ready();
    int code = EXIT_SUCCESS;
    while (!server_stopping()) {
        struct timeval tick = {.tv_usec = SERVER_POLL_MS * 1000};
        list_sockets(server);
        /* Winsock rejects three empty sets: there is no client, and the listener is skipped. */
        if (readable.fd_count == 0 && writable.fd_count == 0) {
            Sleep(SERVER_POLL_MS);
            continue;
        }
        if (select(0, &readable, &writable, NULL, &tick) == SOCKET_ERROR) {
            code = server_error("select", (DWORD)WSAGetLastError());
            break;
        }
        stats->waits++;
        serve_clients(server, stats);
    }
    for (uint32_t i = 0; i < client_count; i++)
        close_client(clients[i], stats);
    return code;
}

const struct server_model model = {
    .name = "select",
    .summary = "One thread asks select() which sockets are ready and serves those with "
               "non-blocking calls.",
    .family = "readiness",
    .cost = "every pass copies and searches the whole list",
    .since = "Windows NT 3.1",
    .limit = "16,383 clients (FD_SETSIZE 16,384 with the listener); cost per pass grows with the "
             "number of clients",
    .max_conns = FD_SETSIZE - 1,
    .max_threads = 1,
    .run = run,
};

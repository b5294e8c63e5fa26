/*
 * select: one thread asks which sockets are ready, then makes calls that cannot block.
 *
 * The thread lists every socket it cares about, select() strikes out those that are not ready, and the thread
 * goes through its clients to see which are left. It is the oldest model, runs everywhere, and needs neither
 * locks nor thoughts about who owns a buffer: nothing happens to it between two calls.
 *
 * Cost: the whole list is built, handed over, checked and searched in every turn, so a turn costs time in
 * proportion to the number of clients, however few of them have something to say. One thread serves all: a
 * slow request delays everybody, and a second processor does not help.
 *
 * Limit: an fd_set of Winsock is an array of FD_SETSIZE sockets, 64 unless the program says otherwise before
 * it includes winsock2.h. FD_SET drops what does not fit without a word.
 */
#define FD_SETSIZE 16384
#include "readiness.h"

enum { ACCEPTS_A_TURN = 64 }; /* so that a storm of connects does not keep the clients waiting */

struct client {
    struct connection connection;
    enum session_next waiting_for;
};

/* static: at this FD_SETSIZE each set takes 128 KB, too much for a stack */
static fd_set readable, writable;
static struct client *clients[FD_SETSIZE - 1]; /* the listener needs a place in the set, too */
static uint32_t client_count;
static ULONGLONG accept_again_ms; /* GetTickCount64() from which the listener is watched */
static bool in_order =
    true; /* select() has left the sockets in the order in which they were listed */

/* FD_SET would first search the set for a duplicate, which makes listing n sockets cost n * n steps. */
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

/*
 * Whether select() has left `socket` in `set`. FD_ISSET would search the set for each client, n * n steps
 * again. We ask in the order in which we listed, and Windows keeps that order, so a cursor meets every ready
 * socket. But nobody promises the order: should it ever differ, FD_ISSET it is.
 */
static bool is_ready(fd_set *set, u_int *cursor, SOCKET socket) {
    if (*cursor < set->fd_count && set->fd_array[*cursor] == socket) {
        ++*cursor;
        return true;
    }
    return !in_order && FD_ISSET(socket, set);
}

static void accept_clients(const struct server *server, struct stats *stats) {
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        SOCKET socket = accept(server->listener, NULL, NULL);
        if (socket == INVALID_SOCKET) {
            int error = WSAGetLastError();
            if (error != WSAEWOULDBLOCK && error != WSAECONNRESET) {
                /* No handles or no memory. The listener stays readable: look away, or the thread would spin.
                 */
                stats->failures++;
                accept_again_ms = GetTickCount64() + SERVER_TICK_MS;
            }
            return;
        }
        struct client *client = malloc(sizeof *client);
        if (!client) {
            stats->failures++;
            closesocket(socket);
        } else if (server_admit(&client->connection, socket, stats)) {
            client->waiting_for = SESSION_RECEIVE; /* non-blocking, as the listener is */
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

/* One turn for each client that select() found ready, in the order of the list, which is kept. */
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
            client->waiting_for = readiness_turn(&client->connection, client->waiting_for, stats);
        }
        if (client->waiting_for == SESSION_CLOSE)
            close_client(client, stats);
        else
            clients[kept++] = client;
    }
    client_count = kept;
    if (read_cursor < readable.fd_count || write_cursor < writable.fd_count)
        in_order =
            false; /* sockets were missed; they are still ready and will be found in the next turn */
    if (can_accept)
        accept_clients(server, stats);
}

static int run(const struct server *server) {
    struct stats *stats = server_stats();
    u_long on = 1; /* accepted sockets inherit this from the listener */
    if (ioctlsocket(server->listener, (long)FIONBIO, &on) != 0)
        return server_error("ioctlsocket", (DWORD)WSAGetLastError());
    server_ready();
    int code = EXIT_SUCCESS;
    while (!server_stopping()) {
        struct timeval tick = {.tv_usec = SERVER_TICK_MS * 1000};
        list_sockets(server);
        /* With three empty sets Winsock refuses to wait: there is nobody, and the listener is being looked
         * away from. */
        if (readable.fd_count == 0 && writable.fd_count == 0) {
            Sleep(SERVER_TICK_MS);
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
    .limit = "16,383 clients (FD_SETSIZE 16,384 with the listener); cost per turn grows with the "
             "number of "
             "clients",
    .max_conns = FD_SETSIZE - 1,
    .max_threads = 1,
    .run = run,
};

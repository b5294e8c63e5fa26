/* wsapoll: one thread asks which sockets are ready, then makes non-blocking calls.
 *
 * The thread keeps an array with an entry per socket, and WSAPoll() marks the entries that are
 * ready. Against select() the array has no fixed length, is not rebuilt for each pass, and an entry
 * leads to its client without a search. It needs no locks and no buffer ownership: between two
 * calls nothing else runs.
 *
 * Waits: in WSAPoll().
 * Cost: each pass copies, checks and searches the whole array. So a pass takes time in proportion
 * to the number of clients, however few are ready. One thread serves all: a slow request delays all
 * clients, and a second CPU does not help.
 * Limit: none of its own. A client that hung up is reported in every pass, asked for or not. */
#include "readiness.h"

enum { ACCEPTS_PER_PASS = 64 }; /* so that many connects do not delay the clients */

struct client {
    struct connection connection;
    enum session_next waiting_for;
};

static WSAPOLLFD *entries; /* entries[0] is the listener, entries[i + 1] that of clients[i] */
static struct client **clients;
static uint32_t client_count;
static ULONGLONG accept_again_ms; /* the listener is skipped until GetTickCount64() reaches this */

/* Says for what the client's entry waits. The entry keeps that until the next change. */
static void watch(uint32_t i) {
    SHORT events = clients[i]->waiting_for == SESSION_SEND ? POLLWRNORM : POLLRDNORM;
    entries[i + 1] = (WSAPOLLFD){.fd = clients[i]->connection.socket, .events = events};
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
            clients[client_count] = client;
            watch(client_count++);
        } else {
            free(client);
        }
    }
}

static void close_client(struct client *client, struct stats *stats) {
    server_dismiss(&client->connection, stats);
    free(client);
}

/* Serves each client whose entry WSAPoll() marked, in the array's order. */
static void serve_clients(const struct server *server, struct stats *stats) {
    bool can_accept = entries[0].revents != 0;
    bool idle = !can_accept;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < client_count; i++) {
        struct client *client = clients[i];
        SHORT ready = entries[i + 1].revents;
        if (ready && !server_stopping()) {
            idle = idle && client->waiting_for == SESSION_SEND && !(ready & POLLWRNORM);
            stats->events++;
            client->waiting_for = readiness_serve(&client->connection, client->waiting_for, stats);
        }
        if (client->waiting_for == SESSION_CLOSE) {
            close_client(client, stats);
        } else {
            clients[kept] = client;
            watch(kept++);
        }
    }
    client_count = kept;
    if (idle) /* only clients that hung up and do not read: nothing else makes this pass wait */
        Sleep(1);
    if (can_accept)
        accept_clients(server, stats);
}

static int run(const struct server *server) {
    struct stats *stats = server_stats();
    u_long on = 1; /* accepted sockets inherit it */
    if (ioctlsocket(server->listener, (long)FIONBIO, &on) != 0)
        return server_error("ioctlsocket", (DWORD)WSAGetLastError());
    entries = calloc((size_t)server->max_conns + 1, sizeof *entries);
    clients = calloc(server->max_conns, sizeof(struct client *));
    if (!entries || !clients)
        return server_error("calloc", ERROR_NOT_ENOUGH_MEMORY);
    server_ready();
    int code = EXIT_SUCCESS;
    while (!server_stopping()) {
        SHORT listening = GetTickCount64() >= accept_again_ms ? POLLRDNORM : 0;
        entries[0] = (WSAPOLLFD){.fd = server->listener, .events = listening};
        int ready = WSAPoll(entries, client_count + 1, SERVER_POLL_MS);
        if (ready == SOCKET_ERROR) {
            code = server_error("WSAPoll", (DWORD)WSAGetLastError());
            break;
        }
        stats->waits++;
        if (ready > 0)
            serve_clients(server, stats);
    }
    for (uint32_t i = 0; i < client_count; i++)
        close_client(clients[i], stats);
    free(clients);
    free(entries);
    return code;
}

const struct server_model model = {
    .name = "wsapoll",
    .summary = "One thread asks WSAPoll() which sockets are ready and serves those with "
               "non-blocking calls.",
    .family = "readiness",
    .cost = "every pass searches the whole array",
    .since = "Windows Vista",
    .limit = "cost per pass grows with the number of clients",
    .max_threads = 1,
    .run = run,
};

/* poll: one thread asks which sockets are ready, then makes non-blocking calls.
 *
 * The thread keeps an array with an entry per socket, and poll() marks the entries that are ready.
 * Against select() the array has no fixed length, is not rebuilt for each pass, and an entry leads
 * to its client without a search. It needs no locks and no buffer ownership: between two calls
 * nothing else runs.
 *
 * Waits: in poll().
 * Cost: each pass copies, checks and searches the whole array. So a pass takes time in proportion
 * to the number of clients, however few are ready. One thread serves all: a slow request delays all
 * clients, and a second CPU does not help.
 * Limit: none of its own. */
#include "readiness.h"

#include <poll.h>
#include <time.h>

enum { ACCEPTS_PER_PASS = 64 }; /* so that many connects do not delay the clients */

struct client {
    struct connection connection;
    enum session_next waiting_for;
};

static struct pollfd *entries; /* entries[0] is the listener, entries[i + 1] that of clients[i] */
static struct client **clients;
static uint32_t client_count;
static uint64_t accept_again_ms; /* the listener is skipped until now_ms() reaches this */

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Says for what the client's entry waits. The entry keeps that until the next change. */
static void watch(uint32_t i) {
    short events = clients[i]->waiting_for == SESSION_SEND ? POLLOUT : POLLIN;
    entries[i + 1] = (struct pollfd){.fd = clients[i]->connection.socket, .events = events};
}

static void accept_clients(const struct server *server, struct stats *stats) {
    for (int i = 0; i < ACCEPTS_PER_PASS; i++) {
        bool starved = false;
        int socket = readiness_accept(server, &starved, stats);
        if (starved)
            accept_again_ms = now_ms() + SERVER_POLL_MS;
        if (socket < 0)
            return;
        struct client *client = malloc(sizeof *client);
        if (!client) {
            stats->failures++;
            close(socket);
        } else if (server_admit(&client->connection, socket, stats)) {
            client->waiting_for = SESSION_RECEIVE;
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

/* Serves each client whose entry poll() marked, in the array's order. */
static void serve_clients(const struct server *server, struct stats *stats) {
    bool can_accept = entries[0].revents != 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < client_count; i++) {
        struct client *client = clients[i];
        if (entries[i + 1].revents && !server_stopping()) {
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
    if (can_accept)
        accept_clients(server, stats);
}

static int run(const struct server *server) {
    struct stats *stats = server_stats();
    if (!sockets_unblock(server->listener))
        return server_error("fcntl", errno);
    entries = calloc((size_t)server->max_conns + 1, sizeof *entries);
    clients = calloc(server->max_conns, sizeof(struct client *));
    if (!entries || !clients)
        return server_error("calloc", ENOMEM);
    server_ready();
    int code = EXIT_SUCCESS;
    while (!server_stopping()) {
        short listening = now_ms() >= accept_again_ms ? POLLIN : 0;
        entries[0] = (struct pollfd){.fd = server->listener, .events = listening};
        int ready = poll(entries, client_count + 1, SERVER_POLL_MS);
        if (ready < 0 && errno != EINTR) {
            code = server_error("poll", errno);
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
    .name = "poll",
    .summary = "One thread asks poll() which sockets are ready and serves those with "
               "non-blocking calls.",
    .family = "readiness",
    .cost = "every pass searches the whole array",
    .since = "Linux 2.2",
    .limit = "cost per pass grows with the number of clients",
    .max_threads = 1,
    .run = run,
};

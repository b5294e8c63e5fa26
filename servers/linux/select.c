/* select: one thread asks which sockets are ready, then makes non-blocking calls.
 *
 * The thread sets a bit for each of its sockets, select() clears the bits of those that are not
 * ready, and the thread tests the bit of each client. It is the oldest model and runs everywhere.
 * It needs no locks and no buffer ownership: between two calls nothing else runs.
 *
 * Waits: in select().
 * Cost: each pass builds, copies, checks and searches the whole set. So a pass takes time in
 * proportion to the number of clients, however few are ready. One thread serves all: a slow request
 * delays all clients, and a second CPU does not help.
 * Limit: a set of Linux has a bit for each descriptor below 1,024, whatever they are. FD_SET writes
 * beyond the set for others. Winsock's set is an array of sockets, with any length. */
#include "readiness.h"

#include <sys/select.h>
#include <time.h>

/* Stdin, stdout, stderr and the listener take descriptors, too; libraries may open a few. */
enum { ACCEPTS_PER_PASS = 64, MAX_CLIENTS = FD_SETSIZE - 24 };

struct client {
    struct connection connection;
    enum session_next waiting_for;
};

static fd_set readable, writable;
static struct client *clients[MAX_CLIENTS];
static uint32_t client_count;
static int highest;
static uint64_t accept_again_ms; /* the listener is skipped until now_ms() reaches this */

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void watch(fd_set *set, int socket) {
    FD_SET(socket, set);
    highest = socket > highest ? socket : highest;
}

static void list_sockets(const struct server *server) {
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    highest = 0;
    if (now_ms() >= accept_again_ms)
        watch(&readable, server->listener);
    for (uint32_t i = 0; i < client_count; i++)
        watch(clients[i]->waiting_for == SESSION_SEND ? &writable : &readable,
              clients[i]->connection.socket);
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
        if (!client || socket >= FD_SETSIZE) {
            stats->failures++;
            close(socket);
            free(client);
        } else if (server_admit(&client->connection, socket, stats)) {
            client->waiting_for = SESSION_RECEIVE;
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

/* Serves each client whose bit select() left, in the list's order. */
static void serve_clients(const struct server *server, struct stats *stats) {
    bool can_accept = FD_ISSET(server->listener, &readable);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < client_count; i++) {
        struct client *client = clients[i];
        bool ready = FD_ISSET(client->connection.socket,
                              client->waiting_for == SESSION_SEND ? &writable : &readable);
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
    if (can_accept)
        accept_clients(server, stats);
}

static int run(const struct server *server) {
    struct stats *stats = server_stats();
    if (!sockets_unblock(server->listener))
        return server_error("fcntl", errno);
    server_ready();
    int code = EXIT_SUCCESS;
    while (!server_stopping()) {
        struct timeval tick = {.tv_usec = SERVER_POLL_MS * 1000};
        list_sockets(server);
        int ready = select(highest + 1, &readable, &writable, NULL, &tick);
        if (ready < 0 && errno != EINTR) {
            code = server_error("select", errno);
            break;
        }
        stats->waits++;
        if (ready > 0)
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
    .cost = "every pass copies and searches the whole set",
    .since = "Linux 1.0",
    .limit = "1,000 clients (FD_SETSIZE 1,024); cost per pass grows with the number of clients",
    .max_conns = MAX_CLIENTS,
    .max_threads = 1,
    .run = run,
};

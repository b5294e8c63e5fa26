/* threads: one thread per client, and calls that block.
 *
 * Each client's thread receives, processes, sends, and repeats. Meanwhile it sleeps inside recv()
 * or send(). The program reads as if there were only one client: the thread's position is the
 * conversation's state.
 *
 * Waits: in recv() and send().
 * Cost: a thread per client, with its stack and, on every wake-up, a switch. With many active
 * clients the CPUs spend their time on switches. Creating a thread costs more than a short
 * conversation.
 * Limit: memory, and the number of threads that Linux allows (ulimit -u, pid_max). A stack reserves
 * 8 MB of address space unless the program requests less, as here. */
#include "server.h"

#include <limits.h>
#include <pthread.h>

struct client {
    struct connection connection;
    struct stats *stats;
};

static uint32_t stack_kb = 256;
static const struct server *server;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t last_ended = PTHREAD_COND_INITIALIZER;
static uint32_t serving; /* client threads, and the acceptor; guarded by `lock` */

/* Receives or sends, according to `next`, and blocks until that is done. */
static enum session_next do_next(struct client *client, enum session_next next) {
    struct session *session = &client->connection.session;
    struct span span = next == SESSION_RECEIVE ? session_space(session) : session_output(session);
    ssize_t bytes = next == SESSION_RECEIVE
                        ? recv(client->connection.socket, span.data, span.length, 0)
                        : send(client->connection.socket, span.data, span.length, 0);
    client->stats->waits++;
    client->stats->events++;
    if (bytes < 0) {
        server_lost(errno, client->stats);
        return SESSION_CLOSE;
    }
    return next == SESSION_RECEIVE ? session_received(session, (uint32_t)bytes, client->stats)
                                   : session_sent(session, (uint32_t)bytes, client->stats);
}

static void count(int change) {
    pthread_mutex_lock(&lock);
    serving += (uint32_t)change;
    if (serving == 0)
        pthread_cond_signal(&last_ended);
    pthread_mutex_unlock(&lock);
}

static void *serve_client(void *argument) {
    struct client *client = argument;
    enum session_next next = SESSION_RECEIVE;
    while (next != SESSION_CLOSE && !server_stopping())
        next = do_next(client, next);
    server_dismiss(&client->connection, client->stats);
    server_stats_return(client->stats);
    free(client);
    count(-1); /* last, because run() may now return */
    return NULL;
}

/* Returns 0, or the error. */
static int start_thread(void *(*function)(void *), void *argument) {
    size_t bytes = (size_t)stack_kb * 1024;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (bytes > 0)
        pthread_attr_setstacksize(&attributes,
                                  bytes < PTHREAD_STACK_MIN ? PTHREAD_STACK_MIN : bytes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED); /* `serving` counts them */
    pthread_t thread;
    count(1);
    int error = pthread_create(&thread, &attributes, function, argument);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        count(-1);
    return error;
}

/* Gives the socket a client and a thread, or closes it immediately if that fails. */
static void admit(int socket, struct stats *stats) {
    struct client *client = malloc(sizeof *client);
    if (!client) {
        stats->failures++;
        close(socket);
        return;
    }
    client->stats = server_stats();
    if (server_admit(&client->connection, socket, stats)) {
        if (start_thread(serve_client, client) == 0)
            return;
        stats->failures++;
        server_dismiss(&client->connection, stats);
    }
    server_stats_return(client->stats);
    free(client);
}

static void *accept_clients(void *argument) {
    struct stats *stats = argument;
    while (!server_stopping()) {
        int socket = accept(server->listener, NULL, NULL);
        if (socket >= 0) {
            admit(socket, stats);
        } else if (errno != EINTR && !server_not_accepted(errno, stats) && !server_stopping()) {
            usleep(SERVER_POLL_MS * 1000); /* no descriptors or no memory */
        }
    }
    count(-1);
    return NULL;
}

static int run(const struct server *the_server) {
    server = the_server;
    int error = start_thread(accept_clients, server_stats());
    if (error != 0)
        return server_error("pthread_create", error);
    server_ready();
    while (!server_stopping())
        usleep(SERVER_POLL_MS * 1000);
    server_cancel(); /* shuts the sockets down, so blocked calls return */
    pthread_mutex_lock(&lock);
    while (serving > 0) {
        pthread_mutex_unlock(&lock);
        server_cancel(); /* for a client that was accepted meanwhile */
        usleep(1000);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return EXIT_SUCCESS;
}

static const struct option options[] = {
    OPTION_NUMBER("stack-kb", stack_kb, 0, 1024 * 1024, "KiB",
                  "stack size per thread; 0: the system's default"),
    OPTION_END,
};

const struct server_model model = {
    .name = "threads",
    .summary = "One thread per client, which sleeps inside recv() and send().",
    .family = "blocking",
    .cost = "a thread and its stack per client",
    .since = "Linux 2.0",
    .limit = "one thread and its stack per client",
    .options = options,
    .run = run,
};

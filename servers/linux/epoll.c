/* epoll: the kernel keeps the list of sockets and returns only those that are ready.
 *
 * The program adds a socket to a set once. epoll_wait() then returns ready sockets, with the
 * client's address, however many others are silent. The thread makes the same non-blocking calls as
 * after select(). So the model stays readiness: the kernel says that a call would not wait, and the
 * thread makes it. No buffer belongs to the kernel while a client is silent.
 *
 * Waits: in epoll_wait().
 * Cost: two system calls a request besides the wait; a change of what a socket waits for is one
 * more. A thread that has its own set keeps the clients that it accepted, so threads can be busy
 * unequally.
 * Limit: none of its own.
 *
 * --edge: a socket is reported when it becomes ready, not while it is. The thread must call until
 * nothing is left, and the set never changes.
 * --shared: all threads wait for one set. A ready socket goes to one thread, which enables it again
 * by a system call.
 * --reuse-port: each thread has a listener, and the kernel divides the connects. */
#include "readiness.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <time.h>

enum { MAX_THREADS = 4096, EVENTS_PER_WAIT = 64, ACCEPTS_PER_EVENT = 64 };

struct client {
    struct connection connection; /* first: server_any() leads to the client */
    enum session_next waiting_for;
};

struct worker {
    struct server server; /* with its own listener under --reuse-port */
    struct stats *stats;
    int set;
    bool listening;
    uint64_t listen_again_ms; /* if descriptors or memory were short */
    pthread_t thread;
};

static uint32_t edge, shared, reuse_port;
static struct worker workers[MAX_THREADS];

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Says for what the set watches the client. Edges of both kinds need to be asked for only once. */
static bool watch(int set, int operation, struct client *client) {
    uint32_t kind = client->waiting_for == SESSION_SEND ? EPOLLOUT : EPOLLIN;
    struct epoll_event event = {.events = edge ? EPOLLIN | EPOLLOUT | EPOLLET : kind,
                                .data.ptr = client};
    if (shared)
        event.events |= EPOLLONESHOT; /* else two threads could serve one client */
    return epoll_ctl(set, operation, client->connection.socket, &event) == 0;
}

/* Exclusive: a connect wakes one of the threads that wait for the same listener. */
static bool listen_in(struct worker *worker) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL};
    worker->listening = epoll_ctl(worker->set, EPOLL_CTL_ADD, worker->server.listener, &event) == 0;
    return worker->listening;
}

static void close_client(struct client *client, struct stats *stats) {
    server_dismiss(&client->connection, stats); /* its set forgets a closed socket */
    free(client);
}

static void admit(struct worker *worker, int socket) {
    struct client *client = malloc(sizeof *client);
    if (!client) {
        worker->stats->failures++;
        close(socket);
    } else if (!server_admit(&client->connection, socket, worker->stats)) {
        free(client);
    } else {
        client->waiting_for = SESSION_RECEIVE;
        if (!watch(worker->set, EPOLL_CTL_ADD, client)) {
            worker->stats->failures++;
            close_client(client, worker->stats);
        }
    }
}

static void accept_clients(struct worker *worker) {
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        bool starved = false;
        int socket = readiness_accept(&worker->server, &starved, worker->stats);
        if (starved) { /* the listener stays ready: without this the thread would spin */
            epoll_ctl(worker->set, EPOLL_CTL_DEL, worker->server.listener, NULL);
            worker->listening = false;
            worker->listen_again_ms = now_ms() + SERVER_POLL_MS;
        }
        if (socket < 0)
            return;
        admit(worker, socket);
    }
}

/* Serves a ready client once, or with --edge until a call finds nothing. */
static void serve_client(struct worker *worker, struct client *client) {
    enum session_next before = client->waiting_for;
    bool blocked = false;
    do
        client->waiting_for =
            readiness_step(&client->connection, client->waiting_for, &blocked, worker->stats);
    while (edge && !blocked && client->waiting_for != SESSION_CLOSE && !server_stopping());
    if (client->waiting_for == SESSION_CLOSE)
        close_client(client, worker->stats);
    else if (shared || (!edge && client->waiting_for != before))
        watch(worker->set, EPOLL_CTL_MOD, client);
}

static void *serve(void *argument) {
    struct worker *worker = argument;
    struct epoll_event events[EVENTS_PER_WAIT];
    while (!server_stopping()) {
        if (!worker->listening && worker->listen_again_ms > 0 &&
            now_ms() >= worker->listen_again_ms)
            listen_in(worker);
        int count = epoll_wait(worker->set, events, EVENTS_PER_WAIT, SERVER_POLL_MS);
        worker->stats->waits++;
        for (int i = 0; i < count && !server_stopping(); i++) {
            if (!events[i].data.ptr) {
                accept_clients(worker);
            } else {
                worker->stats->events++;
                serve_client(worker, events[i].data.ptr);
            }
        }
    }
    return NULL;
}

/* Returns one more listener on the port of the first, or -1. */
static int another_listener(const struct server *server) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    getsockname(server->listener, (struct sockaddr *)&address, &length);
    if (listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        bind(listener, (struct sockaddr *)&address, length) == 0 &&
        listen(listener, SOMAXCONN) == 0)
        return listener;
    if (listener >= 0)
        close(listener);
    return -1;
}

/* Gives a worker its set, its listener and its thread. Returns the name of a failed call. */
static const char *start(uint32_t i, const struct server *server) {
    struct worker *worker = &workers[i];
    worker->server = *server;
    worker->stats = server_stats();
    worker->set = shared && i > 0 ? workers[0].set : epoll_create1(EPOLL_CLOEXEC);
    if (worker->set < 0)
        return "epoll_create1";
    if (reuse_port && i > 0 && (worker->server.listener = another_listener(server)) < 0)
        return "listen";
    if (!sockets_unblock(worker->server.listener))
        return "fcntl";
    if ((i == 0 || reuse_port || !shared) && !listen_in(worker))
        return "epoll_ctl";
    errno = pthread_create(&worker->thread, NULL, serve, worker);
    return errno == 0 ? NULL : "pthread_create";
}

static int run(const struct server *server) {
    uint32_t started = 0;
    const char *failed = NULL;
    while (started < server->threads && !(failed = start(started, server)))
        started++;
    if (failed) /* the threads end with the process */
        return server_error(failed, errno);
    server_ready();
    for (uint32_t i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    for (struct connection *connection; (connection = server_any()) != NULL;)
        close_client((struct client *)connection, workers[0].stats);
    for (uint32_t i = 0; i < started; i++) {
        if (i > 0 && reuse_port)
            close(workers[i].server.listener);
        if (i == 0 || !shared)
            close(workers[i].set);
    }
    return EXIT_SUCCESS;
}

static const struct option options[] = {
    OPTION_NUMBER("edge", edge, 0, 1, "", "1: edge-triggered; 0: level-triggered"),
    OPTION_NUMBER("shared", shared, 0, 1, "", "1: all threads wait for one set; 0: a set each"),
    OPTION_NUMBER("reuse-port", reuse_port, 0, 1, "",
                  "1: a listener a thread (SO_REUSEPORT); 0: one for all"),
    OPTION_END,
};

const struct server_model model = {
    .name = "epoll",
    .summary = "Threads wait for the sockets that the kernel found ready, and serve those with "
               "non-blocking calls.",
    .family = "readiness",
    .cost = "two system calls a request besides the wait",
    .since = "Linux 2.6; EPOLLEXCLUSIVE 4.5",
    .max_threads = MAX_THREADS,
    .share_port = &reuse_port,
    .options = options,
    .run = run,
};

/* io_uring: operations that the kernel completes, started and reported through rings in memory.
 *
 * The thread writes operations into one ring and reads completions from another; both are memory
 * that it shares with the kernel. One system call submits all that is new and waits for what is
 * done. Accept and receive are multishot: started once, they complete for each client and for each
 * piece of data. A completion port needs a call for each. A receive takes its buffer from the
 * thread's stock when bytes arrive (provided_buffers.h), so a silent client holds none.
 *
 * Waits: in io_uring_submit_and_wait_timeout().
 * Cost: one system call for many operations, and a copy out of the provided buffer. The kernel owns
 * a reply from its start until its completion, and the client until the receive has ended.
 * Limit: none of its own. Each thread has a ring and keeps the clients that it accepted. */
#include "server.h"

#include <pthread.h>
#include <time.h>

#include "provided_buffers.h"

enum { MAX_THREADS = 4096, ENTRIES = 1024, COMPLETIONS = 16384 };
enum { MOST_PIECES = 4 }; /* of a client that sends and does not read */
enum operation { ACCEPTING, RECEIVING, SENDING, CANCELLING }; /* in the low bits of user_data */

struct client {
    struct connection connection;
    struct pieces pieces;    /* received, and not yet taken by the session */
    bool receiving, sending; /* outstanding */
    bool own;                /* receives into the session: the stock was empty */
    bool ended, closing;     /* the client sent its end; it is freed after its last operation */
};

struct worker {
    struct io_uring ring;
    struct stock stock;
    struct stats *stats;
    uint32_t clients;
    bool accepting;
    uint64_t accept_again_ms; /* if descriptors or memory were short */
    pthread_t thread;
};

static const struct server *server;
static struct worker *workers[MAX_THREADS];

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Returns a free entry of the ring that the thread fills. The kernel empties it when asked. */
static struct io_uring_sqe *new_entry(struct worker *worker) {
    struct io_uring_sqe *entry;
    while (!(entry = io_uring_get_sqe(&worker->ring)))
        io_uring_submit(&worker->ring);
    return entry;
}

static uint64_t tag(struct client *client, enum operation operation) {
    return (uint64_t)(uintptr_t)client | (uint64_t)operation;
}

static void start_accept(struct worker *worker) {
    struct io_uring_sqe *entry = new_entry(worker);
    io_uring_prep_multishot_accept(entry, server->listener, NULL, NULL, SOCK_CLOEXEC);
    entry->user_data = tag(NULL, ACCEPTING);
    worker->accepting = true;
}

static void start_receive(struct worker *worker, struct client *client) {
    struct io_uring_sqe *entry = new_entry(worker);
    if (client->own) {
        struct span space = session_space(&client->connection.session);
        io_uring_prep_recv(entry, client->connection.socket, space.data, space.length, 0);
    } else {
        io_uring_prep_recv_multishot(entry, client->connection.socket, NULL, 0, 0);
        entry->flags |= IOSQE_BUFFER_SELECT;
        entry->buf_group = STOCK_GROUP;
    }
    entry->user_data = tag(client, RECEIVING);
    client->receiving = true;
}

static void start_send(struct worker *worker, struct client *client) {
    struct span output = session_output(&client->connection.session);
    struct io_uring_sqe *entry = new_entry(worker);
    io_uring_prep_send(entry, client->connection.socket, output.data, output.length, MSG_NOSIGNAL);
    entry->user_data = tag(client, SENDING);
    client->sending = true;
}

static void cancel_receive(struct worker *worker, struct client *client) {
    struct io_uring_sqe *entry = new_entry(worker);
    io_uring_prep_cancel64(entry, tag(client, RECEIVING), 0);
    entry->user_data = tag(NULL, CANCELLING);
}

/* Closes the client when the kernel has completed its operations. */
static void close_client(struct worker *worker, struct client *client) {
    if (client->receiving && !client->closing)
        cancel_receive(worker, client);
    client->closing = true;
    if (client->receiving || client->sending)
        return;
    stock_drop(&worker->stock, &client->pieces);
    server_dismiss(&client->connection, worker->stats);
    free(client);
    worker->clients--;
}

/* Does what `next` says, and goes on until the client waits for the kernel. */
static void go_on(struct worker *worker, struct client *client, enum session_next next) {
    struct session *session = &client->connection.session;
    while (next == SESSION_RECEIVE && client->pieces.count > 0 && !server_stopping()) {
        struct span space = session_space(session);
        uint32_t bytes = stock_take(&worker->stock, &client->pieces, space.data, space.length);
        next = session_received(session, bytes, worker->stats);
    }
    if (next == SESSION_RECEIVE && client->ended)
        next = session_received(session, 0, worker->stats);
    if (next == SESSION_CLOSE || server_stopping())
        close_client(worker, client);
    else if (next == SESSION_SEND)
        start_send(worker, client);
    else if (!client->receiving)
        start_receive(worker, client);
}

static void on_accepted(struct worker *worker, struct io_uring_cqe *done) {
    worker->accepting = (done->flags & IORING_CQE_F_MORE) != 0; /* else serve() starts it again */
    struct client *client = done->res >= 0 ? calloc(1, sizeof *client) : NULL;
    if (done->res < 0) {
        if (!server_not_accepted(-done->res, worker->stats))
            worker->accept_again_ms = now_ms() + SERVER_POLL_MS;
    } else if (!client) {
        worker->stats->failures++;
        close(done->res);
    } else if (server_admit(&client->connection, done->res, worker->stats)) {
        worker->clients++;
        go_on(worker, client, SESSION_RECEIVE);
    } else {
        free(client);
    }
}

static void on_received(struct worker *worker, struct client *client, struct io_uring_cqe *done) {
    enum session_next next = SESSION_RECEIVE;
    int number = (int)(done->flags >> IORING_CQE_BUFFER_SHIFT);
    client->receiving = (done->flags & IORING_CQE_F_MORE) != 0;
    client->ended = client->ended || done->res == 0;
    if (done->flags & IORING_CQE_F_BUFFER && done->res <= 0)
        stock_return(&worker->stock, number);
    else if (done->flags & IORING_CQE_F_BUFFER)
        stock_keep(&worker->stock, &client->pieces, number, (uint32_t)done->res);
    else if (done->res > 0) /* its own buffer */
        next = session_received(&client->connection.session, (uint32_t)done->res, worker->stats);
    client->own = done->res == -ENOBUFS; /* other clients hold the whole stock */
    if (done->res < 0 && done->res != -ENOBUFS && done->res != -ECANCELED) {
        if (!client->closing) /* a reset completes both operations; it counts once */
            server_lost(-done->res, worker->stats);
        next = SESSION_CLOSE;
    }
    if (client->closing || next == SESSION_CLOSE)
        close_client(worker, client);
    else if (!client->sending)
        go_on(worker, client, next);
    else if (client->pieces.count == MOST_PIECES && client->receiving)
        cancel_receive(worker, client);
}

static void on_sent(struct worker *worker, struct client *client, int result) {
    client->sending = false;
    enum session_next next = SESSION_CLOSE;
    if (result < 0 && !client->closing)
        server_lost(-result, worker->stats);
    else if (result >= 0)
        next = session_sent(&client->connection.session, (uint32_t)result, worker->stats);
    if (client->closing)
        close_client(worker, client);
    else
        go_on(worker, client, next);
}

static void on_completion(struct worker *worker, struct io_uring_cqe *done) {
    struct client *client = (struct client *)(uintptr_t)(done->user_data & ~(uint64_t)3);
    enum operation operation = (enum operation)(done->user_data & 3);
    worker->stats->events += operation != CANCELLING;
    if (operation == ACCEPTING)
        on_accepted(worker, done);
    else if (operation == RECEIVING)
        on_received(worker, client, done);
    else if (operation == SENDING)
        on_sent(worker, client, done->res);
}

/* Ends when the server stops and the kernel has returned every operation: see run(). */
static void *serve(void *argument) {
    struct worker *worker = argument;
    struct __kernel_timespec tick = {.tv_nsec = SERVER_POLL_MS * 1000000LL};
    while (!server_stopping() || worker->clients > 0 || worker->accepting) {
        if (!worker->accepting && !server_stopping() && now_ms() >= worker->accept_again_ms)
            start_accept(worker);
        struct io_uring_cqe *done;
        io_uring_submit_and_wait_timeout(&worker->ring, &done, 1, &tick, NULL);
        worker->stats->waits++;
        unsigned head, count = 0;
        io_uring_for_each_cqe(&worker->ring, head, done) {
            on_completion(worker, done);
            count++;
        }
        io_uring_cq_advance(&worker->ring, count);
    }
    io_uring_queue_exit(&worker->ring);
    stock_close(&worker->stock);
    return NULL;
}

/* Returns the name of the call that failed, with its error in errno; or NULL. */
static const char *start(struct worker *worker) {
    struct io_uring_params setup = {.flags = IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN,
                                    .cq_entries = COMPLETIONS};
    if ((errno = -io_uring_queue_init_params(ENTRIES, &worker->ring, &setup)) != 0)
        return "io_uring_queue_init_params";
    if ((errno = stock_open(&worker->stock, &worker->ring)) != 0)
        return "io_uring_register_buf_ring";
    worker->stats = server_stats();
    errno = pthread_create(&worker->thread, NULL, serve, worker);
    return errno == 0 ? NULL : "pthread_create";
}

static int run(const struct server *the_server) {
    server = the_server;
    for (uint32_t i = 0; i < server->threads; i++) {
        workers[i] = calloc(1, sizeof *workers[i]);
        const char *failed = workers[i] ? start(workers[i]) : "calloc";
        if (failed) /* the threads end with the process */
            return server_error(failed, errno);
    }
    server_ready();
    while (!server_stopping())
        usleep(SERVER_POLL_MS * 1000);
    while (server_cancel() > 0) /* completes every receive, and the accepts */
        usleep(10 * 1000);
    for (uint32_t i = 0; i < server->threads; i++) {
        pthread_join(workers[i]->thread, NULL);
        free(workers[i]);
    }
    return EXIT_SUCCESS;
}

/* Multishot receives came with Linux 6.0; a container may forbid io_uring altogether. */
static bool supported(void) {
    struct io_uring ring;
    struct stock stock;
    if (io_uring_queue_init(2, &ring, 0) != 0)
        return false;
    bool good = stock_open(&stock, &ring) == 0;
    io_uring_queue_exit(&ring);
    stock_close(&stock);
    return good;
}

const struct server_model model = {
    .name = "io_uring",
    .summary = "Operations and completions pass through rings in memory; accept and receive are "
               "started once.",
    .family = "completion",
    .cost = "a copy out of the provided buffer; the kernel owns the reply meanwhile",
    .since = "Linux 6.0",
    .max_threads = MAX_THREADS,
    .supported = supported,
    .run = run,
};

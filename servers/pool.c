/* pool: a bounded number of threads; each serves one client at a time with calls that block.
 *
 * One thread accepts clients and queues them. A worker thread takes a client, serves it until it
 * leaves, and takes the next. So a client costs no new thread, and many short conversations need
 * few threads. The code of a conversation is that of `threads`.
 *
 * Waits: in recv() and send(), and without a client in SleepConditionVariableSRW.
 * Cost: a client that stays keeps its thread, also while it is silent. Once all threads have such a
 * client, the others wait in the queue, even if no CPU is busy.
 * Limit: --threads clients at a time. A thread starts when a client finds none idle, and stays. */
#include "server.h"

#include <process.h>

enum { MAX_THREADS = 16384, USUAL_THREADS = 1024, STACK_BYTES = 256 * 1024 };

struct client {
    struct connection connection;
    struct client *next; /* in the queue */
};

static uint32_t queue_length = 16384;
static const struct server *server;

static SRWLOCK lock = SRWLOCK_INIT; /* protects this paragraph */
static CONDITION_VARIABLE queued = CONDITION_VARIABLE_INIT;
static struct client *first, **last = &first;
static uint32_t waiting, idle; /* clients in the queue, threads without a client */

static uint32_t workers;      /* the acceptor's: started threads that serve */
static volatile LONG running; /* threads, the acceptor too */

/* Receives or sends, according to `next`, and blocks until that is done. */
static enum session_next do_next(struct connection *connection, enum session_next next,
                                 struct stats *stats) {
    struct session *session = &connection->session;
    struct span span = next == SESSION_RECEIVE ? session_space(session) : session_output(session);
    int bytes = next == SESSION_RECEIVE ? recv(connection->socket, span.data, (int)span.length, 0)
                                        : send(connection->socket, span.data, (int)span.length, 0);
    stats->waits++;
    stats->events++;
    if (bytes == SOCKET_ERROR) {
        server_lost((DWORD)WSAGetLastError(), stats);
        return SESSION_CLOSE;
    }
    return next == SESSION_RECEIVE ? session_received(session, (uint32_t)bytes, stats)
                                   : session_sent(session, (uint32_t)bytes, stats);
}

static void serve_client(struct client *client, struct stats *stats) {
    enum session_next next = SESSION_RECEIVE;
    while (next != SESSION_CLOSE && !server_stopping())
        next = do_next(&client->connection, next, stats);
    server_dismiss(&client->connection, stats);
    free(client);
}

/* Takes the first client of the queue, or returns NULL. The lock is held. */
static struct client *take(void) {
    struct client *client = first;
    if (client) {
        first = client->next;
        if (!first)
            last = &first;
        waiting--;
    }
    return client;
}

static unsigned __stdcall work(void *argument) {
    struct stats *stats = argument;
    AcquireSRWLockExclusive(&lock);
    while (!server_stopping()) {
        struct client *client = take();
        if (client) {
            ReleaseSRWLockExclusive(&lock);
            serve_client(client, stats);
            AcquireSRWLockExclusive(&lock);
        } else {
            idle++;
            SleepConditionVariableSRW(&queued, &lock, INFINITE, 0);
            idle--;
        }
    }
    ReleaseSRWLockExclusive(&lock);
    InterlockedDecrement(&running); /* last, because run() may now return */
    return 0;
}

static bool start_thread(unsigned(__stdcall *function)(void *)) {
    struct stats *stats = server_stats();
    InterlockedIncrement(&running);
    HANDLE thread = (HANDLE)_beginthreadex(NULL, STACK_BYTES, function, stats,
                                           STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (thread) {
        server_spread(thread);
        CloseHandle(thread); /* not joined: `running` counts the threads */
        return true;
    }
    InterlockedDecrement(&running);
    server_stats_return(stats);
    return false;
}

/* Closes the clients in the queue. Returns their number. */
static uint32_t close_queue(struct stats *stats) {
    uint32_t count = 0;
    AcquireSRWLockExclusive(&lock);
    for (struct client *client = take(); client; client = take(), count++) {
        server_dismiss(&client->connection, stats);
        free(client);
    }
    ReleaseSRWLockExclusive(&lock);
    return count;
}

/* Queues the client for an idle thread or for a new one. If none can be started, it waits. */
static void queue(struct client *client, struct stats *stats) {
    client->next = NULL;
    AcquireSRWLockExclusive(&lock);
    *last = client;
    last = &client->next;
    waiting++;
    bool start = waiting > idle && workers < server->threads;
    workers += start;
    ReleaseSRWLockExclusive(&lock);
    if (start && !start_thread(work))
        workers--;    /* only this thread starts workers */
    if (workers == 0) /* nobody will serve them */
        stats->failures += close_queue(stats);
    WakeConditionVariable(&queued);
}

static void admit(SOCKET socket, struct stats *stats) {
    struct client *client = malloc(sizeof *client);
    if (!client) {
        stats->failures++;
        closesocket(socket);
    } else if (waiting >= queue_length) { /* only this thread makes the queue longer */
        stats->refused++;
        closesocket(socket);
        free(client);
    } else if (server_admit(&client->connection, socket, stats)) {
        queue(client, stats);
    } else {
        free(client);
    }
}

static unsigned __stdcall accept_clients(void *argument) {
    struct stats *stats = argument;
    while (!server_stopping()) {
        SOCKET socket = accept(server->listener, NULL, NULL);
        if (socket != INVALID_SOCKET) {
            admit(socket, stats);
        } else if (!server_not_accepted((DWORD)WSAGetLastError(), stats) && !server_stopping()) {
            Sleep(SERVER_POLL_MS); /* no handles or no memory */
        }
    }
    InterlockedDecrement(&running);
    return 0;
}

static int run(const struct server *the_server) {
    server = the_server;
    if (!start_thread(accept_clients))
        return server_error("_beginthreadex", GetLastError());
    server_ready();
    while (!server_stopping())
        Sleep(SERVER_POLL_MS);
    while (running > 0) { /* blocking calls are cancelled, idle threads are woken */
        server_cancel();
        WakeAllConditionVariable(&queued);
        Sleep(10);
    }
    close_queue(server_stats());
    return EXIT_SUCCESS;
}

static const struct option options[] = {
    OPTION_NUMBER("queue", queue_length, 1, 1000000, "connections",
                  "maximum number of clients that wait for a thread; further ones are closed"),
    OPTION_END,
};

const struct server_model model = {
    .name = "pool",
    .summary = "A bounded number of threads; each serves one client at a time with calls that "
               "block.",
    .family = "blocking",
    .cost = "a thread per client at a time; a silent client keeps it",
    .since = "Windows Vista",
    .limit = "one client per thread; further clients wait in a queue",
    .max_threads = MAX_THREADS,
    .default_threads = USUAL_THREADS,
    .options = options,
    .run = run,
};

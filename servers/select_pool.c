/* select_pool: several threads take turns to call select(): leader and followers.
 *
 * One thread, the leader, waits in select(). It queues the ready clients, takes one, and wakes a
 * follower. The follower takes the next ready client, or leads if none is left. So several CPUs
 * serve, a slow request delays only its own client, and no buffer belongs to Windows. A client is in
 * the leader's list, in the queue, or with a thread; so it needs no lock, and one protects the lists.
 *
 * Waits: in select(), and followers in SleepConditionVariableSRW.
 * Cost: that of select(), and a hand-over from thread to thread per ready client. A served client
 * must be listed again, but the running select() knows nothing of it. So a datagram to a socket of
 * its own ends that select().
 * Limit: FD_SETSIZE as for select(); the listener and that socket take a slot each. */
#define FD_SETSIZE 16384
#include "readiness.h"

#include <process.h>

enum { MAX_THREADS = 256, ACCEPTS_PER_PASS = 64, RESERVED = 2 };

struct client {
    struct connection connection;
    enum session_next waiting_for;
};

static const struct server *server;
static HANDLE threads[MAX_THREADS];
static volatile LONG failed; /* the exit code, if select() does not work any more */

static SRWLOCK lock = SRWLOCK_INIT; /* protects this paragraph */
static CONDITION_VARIABLE followers = CONDITION_VARIABLE_INIT;
static struct client *waiting[FD_SETSIZE]; /* the first are in the leader's sets; threads append */
static struct client *ready[FD_SETSIZE];   /* those before ready_begin are taken */
static uint32_t waiting_count, ready_begin, ready_end;
static bool leading, woken; /* a thread is in select(); a datagram ends that */

static fd_set readable, writable; /* this paragraph is the leader's */
static SOCKET waker;              /* sends to itself */
static uint32_t listed;           /* clients in the sets */
static ULONGLONG accept_again_ms; /* the listener is skipped until GetTickCount64() reaches this */
static bool in_order = true;      /* select() has kept the sockets in listed order */

/* FD_SET would first search the set for a duplicate: n * n steps to list n sockets. */
static void watch(fd_set *set, SOCKET socket) {
    set->fd_array[set->fd_count++] = socket;
}

static void list_sockets(void) {
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    watch(&readable, waker);
    if (GetTickCount64() >= accept_again_ms)
        watch(&readable, server->listener);
    listed = waiting_count;
    for (uint32_t i = 0; i < listed; i++)
        watch(waiting[i]->waiting_for == SESSION_SEND ? &writable : &readable,
              waiting[i]->connection.socket);
}

/* A cursor meets every ready socket if select() keeps their order; FD_ISSET searches (select.c). */
static bool is_ready(fd_set *set, u_int *cursor, SOCKET socket) {
    bool found = *cursor < set->fd_count && set->fd_array[*cursor] == socket;
    *cursor += found;
    return found || (!in_order && FD_ISSET(socket, set));
}

/* Puts a client into the list. `wake`: ends a select() that does not know it. */
static void wait_again(struct client *client, bool wake) {
    AcquireSRWLockExclusive(&lock);
    waiting[waiting_count++] = client;
    wake = wake && leading && !woken;
    woken = woken || wake;
    ReleaseSRWLockExclusive(&lock);
    if (wake)
        send(waker, "", 1, 0);
}

static void accept_clients(struct stats *stats) {
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
            wait_again(client, false);             /* the leader accepts, and lists it next */
        } else {
            free(client);
        }
    }
}

/* Moves the clients that select() found ready from the list to the queue, with the lock held. */
static void queue_ready(u_int read_cursor) {
    u_int write_cursor = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < waiting_count; i++) {
        struct client *client = waiting[i];
        SOCKET socket = client->connection.socket;
        bool found = i < listed && (client->waiting_for == SESSION_SEND
                                        ? is_ready(&writable, &write_cursor, socket)
                                        : is_ready(&readable, &read_cursor, socket));
        if (found)
            ready[ready_end++] = client;
        else
            waiting[kept++] = client;
    }
    waiting_count = kept;
    if (read_cursor < readable.fd_count || write_cursor < writable.fd_count)
        in_order = false; /* missed sockets are still ready and found in the next pass */
}

/* Waits as the leader. Called, and returns, with the lock held. */
static void lead(struct stats *stats) {
    struct timeval tick = {.tv_usec = SERVER_POLL_MS * 1000};
    u_int cursor = 0;
    char datagram;
    leading = true;
    list_sockets();
    ReleaseSRWLockExclusive(&lock);
    if (select(0, &readable, &writable, NULL, &tick) == SOCKET_ERROR)
        InterlockedExchange(&failed, server_error("select", (DWORD)WSAGetLastError()));
    stats->waits++;
    if (is_ready(&readable, &cursor, waker))
        recv(waker, &datagram, 1, 0);
    if (is_ready(&readable, &cursor, server->listener))
        accept_clients(stats);
    AcquireSRWLockExclusive(&lock);
    woken = false; /* also if the datagram was lost */
    leading = false;
    queue_ready(cursor);
}

static void close_client(struct client *client, struct stats *stats) {
    server_dismiss(&client->connection, stats);
    free(client);
}

static unsigned __stdcall work(void *argument) {
    struct stats *stats = argument;
    AcquireSRWLockExclusive(&lock);
    while (!server_stopping() && !failed) {
        if (ready_begin < ready_end) {
            struct client *client = ready[ready_begin++];
            if (ready_begin == ready_end)
                ready_begin = ready_end = 0;
            WakeConditionVariable(&followers); /* it takes the next client, or leads */
            ReleaseSRWLockExclusive(&lock);
            stats->events++;
            client->waiting_for = readiness_serve(&client->connection, client->waiting_for, stats);
            if (client->waiting_for == SESSION_CLOSE)
                close_client(client, stats);
            else
                wait_again(client, true);
            AcquireSRWLockExclusive(&lock);
        } else if (!leading) {
            lead(stats);
        } else {
            SleepConditionVariableSRW(&followers, &lock, SERVER_POLL_MS, 0);
        }
    }
    ReleaseSRWLockExclusive(&lock);
    return 0;
}

/* Opens a datagram socket whose peer is itself. */
static bool open_waker(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int length = sizeof address;
    u_long on = 1;
    waker = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    return bind(waker, (struct sockaddr *)&address, length) == 0 &&
           getsockname(waker, (struct sockaddr *)&address, &length) == 0 &&
           connect(waker, (struct sockaddr *)&address, length) == 0 &&
           ioctlsocket(waker, (long)FIONBIO, &on) == 0;
}

static int run(const struct server *the_server) {
    server = the_server;
    u_long on = 1; /* accepted sockets inherit it */
    if (ioctlsocket(server->listener, (long)FIONBIO, &on) != 0 || !open_waker())
        return server_error("opening the sockets", (DWORD)WSAGetLastError());
    for (uint32_t i = 0; i < server->threads; i++) {
        threads[i] = (HANDLE)_beginthreadex(NULL, 0, work, server_stats(), 0, NULL);
        if (!threads[i])
            return server_error("_beginthreadex", GetLastError());
        server_spread(threads[i]);
    }
    server_ready();
    for (uint32_t i = 0; i < server->threads; i++) {
        WaitForSingleObject(threads[i], INFINITE);
        CloseHandle(threads[i]);
    }
    struct stats *stats = server_stats();
    while (waiting_count > 0)
        close_client(waiting[--waiting_count], stats);
    while (ready_begin < ready_end)
        close_client(ready[ready_begin++], stats);
    closesocket(waker);
    return (int)failed;
}

const struct server_model model = {
    .name = "select_pool",
    .summary = "Several threads take turns to call select(); each serves one ready client at a "
               "time.",
    .family = "readiness",
    .cost = "the list, and a hand-over from thread to thread per ready client",
    .since = "Windows Vista",
    .limit = "16,382 clients (FD_SETSIZE 16,384 with two sockets of the model); cost per pass "
             "grows with the number of clients",
    .max_conns = FD_SETSIZE - RESERVED,
    .max_threads = MAX_THREADS,
    .run = run,
};

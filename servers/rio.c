/* rio: registered I/O: requests and completions in queues that the program shares with Windows.
 *
 * A buffer is registered once, so Windows checks and pins it once, not per operation. A socket has a
 * queue of requests, a thread has a queue of completions. Taking a completion reads shared memory
 * and is no call of the kernel. A thread that finds its queue empty asks for one packet on a port
 * (RIONotify), or it polls. No queue is safe for two threads, so each client has one thread.
 *
 * Waits: in GetQueuedCompletionStatus, after RIONotify; with --polled in a loop.
 * Cost: the buffers of all clients are pinned, and a thread's load does not move to another one.
 * With --polled each thread keeps a CPU busy, also if no client is active.
 * Limit: a thread's queue holds twice --max-conns completions. Windows 8. */
#include "server.h"

#include <process.h>
#include "newer_winsock.h"

enum { MAX_THREADS = 256, RESULTS = 64 };

struct client {
    struct connection connection;
    RIO_BUFFERID buffer; /* both buffers of the session */
    RIO_RQ requests;
    bool sending; /* else receiving; there is always one request */
};

struct worker {
    HANDLE thread, port;
    RIO_CQ completions;
    OVERLAPPED notified; /* of the packet for `completions` */
    uint32_t clients;
    volatile LONG newcomers; /* clients whose packet is on the port */
    volatile LONG requests;  /* 0 after the stop: the thread makes no more requests */
    struct stats *stats;
};

static uint32_t polled;
static const struct server *server;
static RIO_EXTENSION_FUNCTION_TABLE rio;
static struct worker workers[MAX_THREADS];
static volatile LONG accepting = 1; /* 0: no more clients come to a port */

/* Ends a client without a request. Its memory must not be freed while it is registered. */
static void end(struct worker *worker, struct client *client) {
    if (client->buffer != RIO_INVALID_BUFFERID)
        rio.RIODeregisterBuffer(client->buffer);
    worker->clients--;
    server_dismiss(&client->connection, worker->stats);
    free(client);
}

/* Requests the session's next operation. Then the buffer belongs to Windows until its completion. */
static void start_next(struct worker *worker, struct client *client, enum session_next next) {
    if (next != SESSION_CLOSE && !server_stopping()) {
        struct session *session = &client->connection.session;
        client->sending = next == SESSION_SEND;
        struct span span = client->sending ? session_output(session) : session_space(session);
        RIO_BUF part = {client->buffer, (ULONG)(span.data - session->in), span.length};
        if (client->sending ? rio.RIOSend(client->requests, &part, 1, 0, client)
                            : rio.RIOReceive(client->requests, &part, 1, 0, client))
            return;
        server_lost((DWORD)WSAGetLastError(), worker->stats);
    }
    end(worker, client);
}

static void admit(struct worker *worker, struct client *client) {
    if (!server_admit(&client->connection, client->connection.socket, worker->stats)) {
        free(client);
        return;
    }
    worker->clients++;
    client->buffer = rio.RIORegisterBuffer(client->connection.session.in, 2 * server->buffer);
    if (client->buffer != RIO_INVALID_BUFFERID)
        client->requests =
            rio.RIOCreateRequestQueue(client->connection.socket, 1, 1, 1, 1, worker->completions,
                                      worker->completions, client);
    worker->stats->failures += client->requests == RIO_INVALID_RQ;
    start_next(worker, client, client->requests ? SESSION_RECEIVE : SESSION_CLOSE);
}

static void on_result(struct worker *worker, const RIORESULT *result) {
    struct client *client = (struct client *)(ULONG_PTR)result->RequestContext;
    struct session *session = &client->connection.session;
    enum session_next next = SESSION_CLOSE;
    worker->stats->events++;
    if (result->Status != 0)
        server_lost((DWORD)result->Status, worker->stats);
    else if (client->sending)
        next = session_sent(session, result->BytesTransferred, worker->stats);
    else if (!server_stopping()) /* too late to begin the request */
        next = session_received(session, result->BytesTransferred, worker->stats);
    start_next(worker, client, next);
}

/* Waits for completions or for a new client. Returns whether a packet came. */
static bool wait(struct worker *worker, bool *asked, bool busy) {
    DWORD bytes, wait_ms = busy ? 0 : SERVER_POLL_MS;
    ULONG_PTR client = 0;
    OVERLAPPED *packet = NULL;
    if (wait_ms > 0 && !*asked) /* a second RIONotify before the packet of the first is an error */
        *asked = rio.RIONotify(worker->completions) == 0;
    bool came = GetQueuedCompletionStatus(worker->port, &bytes, &client, &packet, wait_ms);
    worker->stats->waits++;
    *asked = *asked && packet != &worker->notified;
    if (client) {
        InterlockedDecrement(&worker->newcomers);
        admit(worker, (struct client *)client);
    }
    return came;
}

static unsigned __stdcall work(void *argument) {
    struct worker *worker = argument;
    RIORESULT results[RESULTS];
    for (bool asked = false;;) {
        worker->requests = !server_stopping();
        bool last = !worker->requests && !accepting;
        ULONG count = rio.RIODequeueCompletion(worker->completions, results, RESULTS);
        if (count == RIO_CORRUPT_CQ)
            return (unsigned)server_error("RIODequeueCompletion", ERROR_INVALID_DATA);
        for (ULONG i = 0; i < count; i++)
            on_result(worker, &results[i]);
        bool came = count == 0 && !polled && wait(worker, &asked, false);
        while (worker->newcomers > 0) /* also while its clients keep this thread busy */
            wait(worker, &asked, true);
        if (last && count == 0 && !came && worker->clients == 0)
            return 0;
    }
}

/* The listener has WSA_FLAG_REGISTERED_IO, and accepted sockets inherit it. */
static unsigned __stdcall accept_clients(void *argument) {
    struct stats *stats = argument;
    for (uint32_t turn = 0; !server_stopping(); turn = (turn + 1) % server->threads) {
        SOCKET socket = accept(server->listener, NULL, NULL);
        struct client *client = socket != INVALID_SOCKET ? calloc(1, sizeof *client) : NULL;
        if (client) {
            client->connection.socket = socket;
            client->buffer = RIO_INVALID_BUFFERID;
            InterlockedIncrement(&workers[turn].newcomers);
            PostQueuedCompletionStatus(workers[turn].port, 0, (ULONG_PTR)client, NULL);
        } else if (socket != INVALID_SOCKET) {
            stats->failures++;
            closesocket(socket);
        } else if (!server_not_accepted((DWORD)WSAGetLastError(), stats) && !server_stopping()) {
            Sleep(SERVER_POLL_MS); /* no handles or no memory */
        }
    }
    InterlockedExchange(&accepting, 0);
    return 0;
}

static bool start_worker(struct worker *worker) {
    worker->stats = server_stats();
    worker->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    RIO_NOTIFICATION_COMPLETION to_port = {.Type = RIO_IOCP_COMPLETION,
                                           .Iocp = {worker->port, NULL, &worker->notified}};
    worker->completions =
        rio.RIOCreateCompletionQueue(2 * server->max_conns, polled ? NULL : &to_port);
    if (worker->completions)
        worker->thread = (HANDLE)_beginthreadex(NULL, 0, work, worker, 0, NULL);
    server_spread(worker->thread);
    return worker->thread != NULL;
}

static int run(const struct server *the_server) {
    server = the_server;
    HANDLE acceptor = NULL;
    uint32_t started = 0;
    while (started < server->threads && start_worker(&workers[started]))
        started++;
    if (started == server->threads)
        acceptor = (HANDLE)_beginthreadex(NULL, 0, accept_clients, server_stats(), 0, NULL);
    if (!acceptor)
        return server_error("starting the queues", (DWORD)WSAGetLastError());
    server_ready();
    while (!server_stopping())
        Sleep(SERVER_POLL_MS);
    while (WaitForSingleObject(acceptor, 10) == WAIT_TIMEOUT)
        CancelIoEx((HANDLE)server->listener, NULL);
    for (uint32_t i = 0; i < server->threads; i++)
        while (workers[i].requests) /* a socket's queue of requests ends with it */
            Sleep(10);
    server_close_sockets(); /* a request cannot be cancelled, but it ends with its socket */
    for (uint32_t i = 0; i < server->threads; i++) {
        WaitForSingleObject(workers[i].thread, INFINITE);
        rio.RIOCloseCompletionQueue(workers[i].completions);
    }
    return EXIT_SUCCESS;
}

/* A socket may have the flag although the functions are missing (Wine). */
static bool supported(void) {
    GUID id = WSAID_MULTIPLE_RIO;
    DWORD bytes;
    SOCKET probe = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_REGISTERED_IO);
    bool found = WSAIoctl(probe, SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &rio,
                          sizeof rio, &bytes, NULL, NULL) == 0;
    closesocket(probe);
    return found;
}

static const struct option options[] = {
    OPTION_NUMBER("polled", polled, 0, 1, "yes", "1: poll the queues; 0: wait for a packet"),
    OPTION_END,
};

const struct server_model model = {
    .name = "rio",
    .summary = "Registered I/O: requests and completions in queues shared with Windows.",
    .family = "completion",
    .cost = "pinned buffers, and queues of a fixed size",
    .since = "Windows 8",
    .limit = "one thread serves each client; its buffers are pinned",
    .max_threads = MAX_THREADS,
    .socket_flags = WSA_FLAG_REGISTERED_IO,
    .options = options,
    .supported = supported,
    .run = run,
};

/* threads: one thread per client, and calls that block.
 *
 * Each client's thread receives, processes, sends, and repeats. Meanwhile it sleeps inside recv()
 * or send(). The program reads as if there were only one client: the thread's position is the
 * conversation's state.
 *
 * Waits: in recv() and send().
 * Cost: a thread per client, with its stack, its kernel object and, on every wake-up, a switch.
 * With many active clients the CPUs spend their time on switches. Creating a thread costs more than
 * a short conversation.
 * Limit: memory and address space for the stacks. Each reserves the executable's default, 1 or 2
 * MB, unless the program requests less, as here. On 32-bit Windows about 2,000 stacks of 1 MB
 * fit. */
#include "server.h"

#include <process.h>

struct client {
    struct connection connection;
    struct stats *stats;
};

static uint32_t stack_kb = 256; /* DLLs that hook calls, such as antivirus, need room too */
static const struct server *server;
static volatile LONG serving; /* client threads, and the acceptor */

/* Receives or sends, according to `next`, and blocks until that is done. */
static enum session_next do_next(struct client *client, enum session_next next) {
    struct session *session = &client->connection.session;
    struct span span = next == SESSION_RECEIVE ? session_space(session) : session_output(session);
    int bytes = next == SESSION_RECEIVE
                    ? recv(client->connection.socket, span.data, (int)span.length, 0)
                    : send(client->connection.socket, span.data, (int)span.length, 0);
    client->stats->waits++;
    client->stats->events++;
    if (bytes == SOCKET_ERROR) {
        server_lost((DWORD)WSAGetLastError(), client->stats);
        return SESSION_CLOSE;
    }
    return next == SESSION_RECEIVE ? session_received(session, (uint32_t)bytes, client->stats)
                                   : session_sent(session, (uint32_t)bytes, client->stats);
}

static unsigned __stdcall serve_client(void *argument) {
    struct client *client = argument;
    enum session_next next = SESSION_RECEIVE;
    while (next != SESSION_CLOSE && !server_stopping())
        next = do_next(client, next);
    server_dismiss(&client->connection, client->stats);
    server_stats_return(client->stats);
    free(client);
    InterlockedDecrement(&serving); /* last, because run() may now return */
    return 0;
}

static bool start_thread(unsigned(__stdcall *function)(void *), void *argument) {
    InterlockedIncrement(&serving);
    HANDLE thread = (HANDLE)_beginthreadex(NULL, stack_kb * 1024, function, argument,
                                           STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!thread) {
        InterlockedDecrement(&serving);
        return false;
    }
    server_spread(thread);
    CloseHandle(thread); /* not joined: `serving` counts the threads */
    return true;
}

/* Gives the socket a client and a thread, or closes it immediately if that fails. */
static void admit(SOCKET socket, struct stats *stats) {
    struct client *client = malloc(sizeof *client);
    if (!client) {
        stats->failures++;
        closesocket(socket);
        return;
    }
    client->stats = server_stats();
    if (server_admit(&client->connection, socket, stats)) {
        if (start_thread(serve_client, client))
            return;
        stats->failures++;
        server_dismiss(&client->connection, stats);
    }
    server_stats_return(client->stats);
    free(client);
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
    InterlockedDecrement(&serving);
    return 0;
}

static int run(const struct server *the_server) {
    server = the_server;
    if (!start_thread(accept_clients, server_stats()))
        return server_error("_beginthreadex", GetLastError());
    server_ready();
    while (!server_stopping())
        Sleep(SERVER_POLL_MS);
    /* In the kernel a blocking call is an operation too, so it can be cancelled. */
    while (server_cancel() > 0 || serving > 0)
        Sleep(10);
    return EXIT_SUCCESS;
}

static const struct option options[] = {
    OPTION_NUMBER("stack-kb", stack_kb, 0, 1024 * 1024, "KiB",
                  "reserved stack size per thread; 0: the executable's default"),
    OPTION_END,
};

const struct server_model model = {
    .name = "threads",
    .summary = "One thread per client, which sleeps inside recv() and send().",
    .family = "blocking",
    .cost = "a thread and its stack per client",
    .since = "Windows NT 3.1",
    .limit = "one thread and its stack per client",
    .options = options,
    .run = run,
};

/* broken: a server with a selectable fault, to check that the conformance suite notices.
 *
 * One thread per client and blocking calls, as simple as a model can be; --fault 0 is correct. */
#include "server.h"

#include <process.h>
#include <string.h>

enum fault {
    NONE,
    LOSE_BYTE,
    REORDER,
    LEAK_HANDLE,
    LEAK_MEMORY,
    SPIN,
    ONE_AT_A_TIME,
    NEVER_STOP,
    FAULTS
};
enum { LEAK_BYTES = 4096 };

static uint32_t fault = NONE;
static const struct server *server;
static volatile LONG serving;
static char *volatile leaked; /* volatile, or the compiler removes unread memory */

static uint32_t frame_bytes(const char *bytes, uint32_t length) {
    return length < FRAME_HEADER_BYTES ? length + 1
                                       : FRAME_HEADER_BYTES + frame_decode(bytes).payload_length;
}

/* Swaps the first two replies, if there are two. */
static void reorder(struct span output) {
    uint32_t first = frame_bytes(output.data, output.length);
    uint32_t second =
        first < output.length ? frame_bytes(output.data + first, output.length - first) : 0;
    char *copy = second > 0 && first + second <= output.length ? malloc(first) : NULL;
    if (!copy)
        return;
    memcpy(copy, output.data, first);
    memmove(output.data, output.data + first, second);
    memcpy(output.data + second, copy, first);
    free(copy);
}

static int send_reply(SOCKET socket, struct span output) {
    if (fault == REORDER)
        reorder(output);
    if (fault != LOSE_BYTE || output.length < 2)
        return send(socket, output.data, (int)output.length, 0);
    int sent = send(socket, output.data, (int)output.length - 1, 0);
    return sent == SOCKET_ERROR ? sent : sent + 1;
}

static void leak(void) {
    if (fault == LEAK_HANDLE)
        CreateEventW(NULL, FALSE, FALSE, NULL);
    if (fault == LEAK_MEMORY && (leaked = malloc(LEAK_BYTES)) != NULL)
        memset(leaked, 1, LEAK_BYTES);
}

static unsigned __stdcall serve_client(void *argument) {
    struct connection *connection = argument;
    struct session *session = &connection->session;
    struct stats *stats = server_stats();
    enum session_next next = stats ? SESSION_RECEIVE : SESSION_CLOSE;
    while (next != SESSION_CLOSE && (!server_stopping() || fault == NEVER_STOP)) {
        struct span span =
            next == SESSION_RECEIVE ? session_space(session) : session_output(session);
        int bytes = next == SESSION_RECEIVE
                        ? recv(connection->socket, span.data, (int)span.length, 0)
                        : send_reply(connection->socket, span);
        stats->waits++;
        stats->events++;
        if (bytes == SOCKET_ERROR) {
            server_lost((DWORD)WSAGetLastError(), stats);
            break;
        }
        next = next == SESSION_RECEIVE ? session_received(session, (uint32_t)bytes, stats)
                                       : session_sent(session, (uint32_t)bytes, stats);
    }
    leak();
    server_dismiss(connection, stats);
    server_stats_return(stats);
    free(connection);
    InterlockedDecrement(&serving);
    return 0;
}

static void start_client(struct connection *connection) {
    InterlockedIncrement(&serving);
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 65536, serve_client, connection,
                                           STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!thread)
        exit(server_error("_beginthreadex", GetLastError()));
    if (fault == ONE_AT_A_TIME)
        WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

static unsigned __stdcall accept_clients(void *argument) {
    struct stats *stats = argument;
    while (!server_stopping()) {
        SOCKET socket = accept(server->listener, NULL, NULL);
        struct connection *connection =
            socket != INVALID_SOCKET ? calloc(1, sizeof *connection) : NULL;
        if (connection && server_admit(connection, socket, stats))
            start_client(connection);
        else
            free(connection);
    }
    InterlockedDecrement(&serving);
    return 0;
}

static int run(const struct server *the_server) {
    server = the_server;
    struct stats *stats = server_stats();
    serving = 1;
    HANDLE thread = stats ? (HANDLE)_beginthreadex(NULL, 0, accept_clients, stats, 0, NULL) : NULL;
    if (!thread)
        return server_error("_beginthreadex", GetLastError());
    CloseHandle(thread);
    server_ready();
    while (!server_stopping())
        if (fault != SPIN)
            Sleep(SERVER_POLL_MS);
    while (fault == NEVER_STOP || server_cancel() > 0 || serving > 0)
        Sleep(10);
    return EXIT_SUCCESS;
}

static const struct option options[] = {
    OPTION_NUMBER("fault", fault, NONE, FAULTS - 1, "number", "fault of this server; 0: none"),
    OPTION_END,
};

const struct server_model model = {
    .name = "broken",
    .summary = "A server with a deliberate fault.",
    .family = "blocking",
    .options = options,
    .run = run,
};

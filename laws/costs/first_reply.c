/* How soon does a client get its first reply, and how many connects fail, by the way of accepting?
 *
 * All servers have a completion port with one worker thread, which receives and replies. They differ
 * in who accepts: a thread that does nothing else, with or without select before accept; or the
 * worker thread itself, by AcceptEx with 1, 5 or 64 outstanding, or by AcceptEx that waits for the
 * first data.
 *
 * A client connects, sends a request when it has its connection, and waits for the reply. It comes
 * alone, or in a burst of 32. The fastest of several visits counts per round, because other programs
 * only add time. Other bursts meet a short backlog; clients without a reply after PATIENCE_MS have
 * failed. */
#include "laws/shared/accepts.h"
#include "laws/shared/rounds.h"
#include "laws/shared/threads.h"
#include "laws/verdict/accepts.h"

#include <mswsock.h>
#include <process.h>
#include <stdlib.h>

#include "common/sockets.h"

enum { CLIENTS = 32, VISITS = 2, ALONE = 4, STORMS = 5, SETTLE_US = 5000, REPLY_BYTES = 4 };
enum { SHORT_BACKLOG = 5, LONG_BACKLOG = 200, PATIENCE_MS = 100 };
enum { KEY_ACCEPT, KEY_CLIENT };

static const uint32_t depths[REPLY_WAYS] = {
    [REPLY_EX_1] = 1, [REPLY_EX_5] = 5, [REPLY_EX_64] = 64, [REPLY_EX_DATA] = 64};

struct server {
    enum reply_way way;
    SOCKET listener;
    struct sockaddr_in address;
    HANDLE port;
    struct accepts accepts; /* of the ways with AcceptEx */
};

struct connection {
    OVERLAPPED overlapped;
    SOCKET socket;
    char request[ACCEPTS_DATA];
};

static void end(struct connection *connection) {
    closesocket(connection->socket);
    free(connection);
}

static void receive(struct connection *connection) {
    WSABUF buffer = {ACCEPTS_DATA, connection->request};
    DWORD flags = 0;
    connection->overlapped = (OVERLAPPED){0};
    if (WSARecv(connection->socket, &buffer, 1, NULL, &flags, &connection->overlapped, NULL) != 0 &&
        WSAGetLastError() != WSA_IO_PENDING)
        end(connection);
}

/* The client leaves by a reset, so sends to it may fail. */
static void reply(SOCKET socket) {
    send(socket, "HTTP", REPLY_BYTES, 0);
}

static void admit(const struct server *server, SOCKET socket) {
    struct connection *connection = calloc(1, sizeof *connection);
    law_require(connection && CreateIoCompletionPort((HANDLE)socket, server->port, KEY_CLIENT, 0),
                "CreateIoCompletionPort");
    connection->socket = socket;
    receive(connection);
}

static void on_accept(struct server *server, const struct law_packet *packet) {
    SOCKET socket = accepts_renew(&server->accepts, packet->overlapped);
    if (packet->error != 0 ||
        setsockopt(socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&server->listener,
                   sizeof server->listener) != 0) {
        closesocket(socket); /* the client has left */
        return;
    }
    if (server->way == REPLY_EX_DATA)
        reply(socket);
    admit(server, socket);
}

static unsigned __stdcall work(void *argument) {
    struct server *server = argument;
    struct law_packet packet;
    threads_pin(false);
    while (law_take(server->port, &packet, INFINITE)) {
        if (packet.key == KEY_ACCEPT) {
            on_accept(server, &packet);
            continue;
        }
        struct connection *connection =
            CONTAINING_RECORD(packet.overlapped, struct connection, overlapped);
        if (packet.error != 0 || packet.bytes == 0) {
            end(connection);
            continue;
        }
        reply(connection->socket);
        receive(connection);
    }
    return 0;
}

static unsigned __stdcall accept_all(void *argument) {
    const struct server *server = argument;
    threads_pin(false);
    while (server->listener != INVALID_SOCKET) { /* until the process ends */
        fd_set ready;
        FD_ZERO(&ready);
        FD_SET(server->listener, &ready);
        if (server->way == REPLY_SELECT)
            law_require(select(0, &ready, NULL, NULL, NULL) == 1, "select");
        SOCKET socket = accept(server->listener, NULL, NULL);
        if (socket != INVALID_SOCKET)
            admit(server, socket);
    }
    return 0;
}

static void open_server(struct server *server, enum reply_way way, int backlog) {
    *server = (struct server){.way = way};
    if (depths[way] > 0) {
        accepts_open(&server->accepts, backlog, depths[way],
                     way == REPLY_EX_DATA ? ACCEPTS_DATA : 0);
        server->listener = server->accepts.listener;
        server->address = server->accepts.address;
        server->port = server->accepts.port;
    } else {
        server->listener = accepts_listen(backlog, &server->address);
        server->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
        law_require(server->port && _beginthreadex(NULL, 0, accept_all, server, 0, NULL) != 0,
                    "_beginthreadex");
    }
    law_require(_beginthreadex(NULL, 0, work, server, 0, NULL) != 0, "_beginthreadex");
}

/* The clients of a burst. */
struct burst {
    SOCKET sockets[CLIENTS];
    uint64_t start_ns[CLIENTS], reply_ns[CLIENTS]; /* until the reply; 0: none yet */
    bool sent[CLIENTS];
    int replies;
};

static void connect_all(struct burst *burst, int count, const struct sockaddr_in *address) {
    *burst = (struct burst){.replies = 0};
    for (int i = 0; i < count; i++) {
        burst->sockets[i] = law_socket();
        law_require(sockets_unblock(burst->sockets[i]), "ioctlsocket");
        burst->start_ns[i] = clock_now_ns();
        law_require(connect(burst->sockets[i], (const struct sockaddr *)address, sizeof *address) ==
                            0 ||
                        WSAGetLastError() == WSAEWOULDBLOCK,
                    "connect");
    }
}

/* Sends to clients that have their connection, and notes replies. */
static void serve_ready(struct burst *burst, int count, long left_us) {
    static const char request[ACCEPTS_DATA] = "GET /";
    struct timeval left = {0, left_us};
    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    for (int i = 0; i < count; i++)
        if (!burst->sent[i])
            FD_SET(burst->sockets[i], &writable);
        else if (burst->reply_ns[i] == 0)
            FD_SET(burst->sockets[i], &readable);
    if (select(0, &readable, &writable, NULL, &left) <= 0)
        return;
    for (int i = 0; i < count; i++) {
        char bytes[REPLY_BYTES];
        SOCKET socket = burst->sockets[i];
        if (FD_ISSET(socket, &writable))
            burst->sent[i] = send(socket, request, ACCEPTS_DATA, 0) == ACCEPTS_DATA;
        if (FD_ISSET(socket, &readable) && recv(socket, bytes, REPLY_BYTES, 0) == REPLY_BYTES) {
            burst->reply_ns[i] = clock_now_ns() - burst->start_ns[i];
            burst->replies++;
        }
    }
}

/* Returns the time until the last reply, or until the patience ends. */
static uint64_t run(struct burst *burst, int count, const struct sockaddr_in *address,
                    uint32_t patience_ms) {
    connect_all(burst, count, address);
    uint64_t deadline_ns = burst->start_ns[0] + patience_ms * 1000000ull, now_ns;
    while ((now_ns = clock_now_ns()) < deadline_ns && burst->replies < count)
        serve_ready(burst, count, (long)((deadline_ns - now_ns) / 1000 % 1000000));
    sockets_drop(burst->sockets, count);
    if (count > 1)
        clock_sleep_us(SETTLE_US); /* the server closes its ends */
    return now_ns - burst->start_ns[0];
}

static uint64_t alone_ns[REPLY_WAYS][RATIO_ROUNDS], burst_ns[REPLY_WAYS][RATIO_ROUNDS];
static uint64_t whole_ns[REPLY_WAYS][RATIO_ROUNDS];

static void visit(const struct server *server, int round) {
    static struct burst burst;
    for (int i = 0; i < ALONE; i++) {
        run(&burst, 1, &server->address, LAW_DEADLINE_MS);
        law_require(burst.replies == 1, "a client alone has no reply");
        rounds_keep(&alone_ns[server->way][round], burst.reply_ns[0]);
    }
    uint64_t took_ns = run(&burst, CLIENTS, &server->address, LAW_DEADLINE_MS);
    law_require(burst.replies == CLIENTS, "a client of a burst has no reply");
    rounds_keep(&whole_ns[server->way][round], took_ns);
    rounds_keep(&burst_ns[server->way][round], law_median(burst.reply_ns, CLIENTS));
}

static void count_failed(struct first_reply_seen *seen) {
    static struct server servers[REPLY_WAYS];
    static struct burst burst;
    for (int way = 0; way < REPLY_WAYS; way++)
        open_server(&servers[way], (enum reply_way)way, SHORT_BACKLOG);
    for (int storm = 0; storm < STORMS; storm++)
        for (int way = 0; way < REPLY_WAYS; way++) {
            run(&burst, CLIENTS, &servers[way].address, PATIENCE_MS);
            seen->failed[way] += (uint64_t)(CLIENTS - burst.replies);
        }
}

int main(int argc, char **argv) {
    law_start(argc, argv, "first_reply",
              "A client gets its first reply sooner than by an accept thread.");
    static struct server servers[REPLY_WAYS];
    struct first_reply_seen seen = {
        .clients = CLIENTS, .backlog = SHORT_BACKLOG, .asked = CLIENTS * STORMS};
    for (int way = 0; way < REPLY_WAYS; way++)
        open_server(&servers[way], (enum reply_way)way, LONG_BACKLOG);
    threads_pin(true);
    for (int turn = 0; turn < VISITS * RATIO_ROUNDS; turn++)
        for (int way = 0; way < REPLY_WAYS; way++)
            visit(&servers[way], turn / VISITS);
    count_failed(&seen);
    struct json line = law_line();
    rounds_seen(&line, "ns_alone", alone_ns, REPLY_WAYS);
    rounds_seen(&line, "ns_in_burst", burst_ns, REPLY_WAYS);
    struct judged judged[REPLY_WAYS];
    for (int way = 0; way < REPLY_WAYS; way++) {
        seen.alone[way] = ratio_of(alone_ns[way], alone_ns[REPLY_THREAD]);
        seen.burst[way] = ratio_of(burst_ns[way], burst_ns[REPLY_THREAD]);
    }
    for (int way = 0; way < REPLY_WAYS; way++) { /* law_median sorts, so it comes after */
        seen.alone_us[way] = law_median(alone_ns[way], RATIO_ROUNDS) / 1000;
        seen.burst_us[way] = law_median(burst_ns[way], RATIO_ROUNDS) / 1000;
        seen.connects[way] = CLIENTS * 1000000000ull / law_median(whole_ns[way], RATIO_ROUNDS);
    }
    for (int way = REPLY_SELECT; way < REPLY_WAYS; way++)
        judged[way - 1] = (struct judged){"", judge_first_reply(&seen, (enum reply_way)way)};
    return law_print(&line, judged, REPLY_WAYS - 1);
}

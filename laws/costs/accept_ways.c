/* What accepting costs: accept, select and accept, AcceptEx, and AcceptEx that takes the first data
 * along.
 *
 * A burst of clients connects and sends a request each; all wait in the backlog or in outstanding
 * AcceptEx operations. Then one thread serves them: accept, receive, reply. So the time is the
 * server's work alone. It includes the AcceptEx that replaces each completed one. Everything runs
 * in turn, round by round, so a drift of the machine affects all ways.
 *
 * AcceptEx is asynchronous if the call returns before there is a client. */
#include "laws/shared/accepts.h"
#include "laws/shared/rounds.h"
#include "laws/verdict/accepts.h"

enum { VISITS = 4, CLIENTS = 10, TIMED = 5, DEPTH = 16, BACKLOG = 200, REPLY_BYTES = 4 };

static SOCKET listener; /* of the ways without AcceptEx */
static struct sockaddr_in address;
static struct accepts accepts[ACCEPT_WAYS];

static bool by_accept_ex(enum accept_way way) {
    return way == WAY_ACCEPT_EX || way == WAY_ACCEPT_EX_DATA;
}

static SOCKET next_client(enum accept_way way) {
    if (by_accept_ex(way))
        return accepts_next(&accepts[way]);
    if (way == WAY_SELECT) {
        fd_set ready;
        struct timeval deadline = {LAW_DEADLINE_MS / 1000, 0};
        FD_ZERO(&ready);
        FD_SET(listener, &ready);
        law_require(select(0, &ready, NULL, NULL, &deadline) == 1, "select");
    }
    return accept(listener, NULL, NULL);
}

static SOCKET serve(enum accept_way way) {
    char request[ACCEPTS_DATA];
    SOCKET client = next_client(way);
    law_require(client != INVALID_SOCKET, "accept");
    if (way != WAY_ACCEPT_EX_DATA) /* AcceptEx has received them */
        law_require(recv(client, request, ACCEPTS_DATA, 0) == ACCEPTS_DATA, "recv");
    law_require(send(client, "HTTP", REPLY_BYTES, 0) == REPLY_BYTES, "send");
    return client;
}

/* Returns the time per connection of the fastest group. */
static uint64_t connection_ns(enum accept_way way) {
    SOCKET clients[CLIENTS], served[CLIENTS];
    uint64_t least_ns = UINT64_MAX;
    clients_connect(clients, CLIENTS, by_accept_ex(way) ? &accepts[way].address : &address,
                    ACCEPTS_DATA);
    for (int i = 0; i < CLIENTS; i += TIMED) {
        uint64_t start_ns = clock_now_ns();
        for (int j = 0; j < TIMED; j++)
            served[i + j] = serve(way);
        uint64_t took_ns = clock_now_ns() - start_ns;
        least_ns = took_ns < least_ns ? took_ns : least_ns;
    }
    for (int i = 0; i < CLIENTS; i++)
        clients_receive(clients[i], REPLY_BYTES);
    sockets_drop(clients, CLIENTS);
    sockets_drop(served, CLIENTS);
    return least_ns / TIMED + 1;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "accept_ways", "AcceptEx is asynchronous and faster than accept.");
    listener = accepts_listen(BACKLOG, &address);
    struct accept_ways_seen seen = {0};
    for (int way = WAY_ACCEPT_EX; way < ACCEPT_WAYS; way++) {
        accepts_open(&accepts[way], BACKLOG, DEPTH, way == WAY_ACCEPT_EX_DATA ? ACCEPTS_DATA : 0);
        seen.posted += accepts[way].posted;
        seen.pended += accepts[way].pended;
    }
    for (int visit = 0; visit < VISITS * RATIO_ROUNDS; visit++)
        for (int way = 0; way < ACCEPT_WAYS; way++)
            rounds_keep(&seen.ns[way][visit / VISITS], connection_ns((enum accept_way)way));
    struct json line = law_line();
    LAW_SEEN(posted)
    LAW_SEEN(pended)
    rounds_seen(&line, "ns_per_connection", seen.ns, ACCEPT_WAYS);
    struct judged judged = {"C27", judge_accept_ex_is_faster(&seen)};
    return law_print(&line, &judged, 1);
}

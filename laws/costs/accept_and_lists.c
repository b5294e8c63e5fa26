/* A web server got faster by AcceptEx instead of accept, and by lookaside lists instead of malloc.
 * How much does each contribute? Four servers have none, one or both.
 *
 * A burst of clients connects and sends a request each; all wait in the backlog or in outstanding
 * AcceptEx operations. Then one thread serves them: accept, allocate a block per connection and one
 * per request, receive, reply, give the blocks back. So the time is the server's work alone. It
 * includes the AcceptEx that replaces each completed one.
 * The program lookaside_lists measures the memory alone. */
#include "laws/shared/accepts.h"
#include "laws/shared/blocks.h"
#include "laws/shared/rounds.h"

enum { VISITS = 4, CLIENTS = 10, TIMED = 5, DEPTH = 16, BACKLOG = 200, REPLY_BYTES = 4 };

static const bool by_accept_ex[SERVER_KINDS] = {[SERVER_ACCEPT_EX] = true, [SERVER_BOTH] = true};
static const enum block_kind memory[SERVER_KINDS] = {
    [SERVER_LISTS] = BLOCKS_LIST, [SERVER_BOTH] = BLOCKS_LIST};

static SOCKET listener;
static struct sockaddr_in address;
static struct accepts accepts;

static SOCKET serve(int server) {
    SOCKET client = by_accept_ex[server] ? accepts_next(&accepts) : accept(listener, NULL, NULL);
    law_require(client != INVALID_SOCKET, "accept");
    void *connection = block_take(memory[server], NULL);
    char *request = block_take(memory[server], NULL);
    law_require(recv(client, request, ACCEPTS_DATA, 0) == ACCEPTS_DATA, "recv");
    law_require(send(client, "HTTP", REPLY_BYTES, 0) == REPLY_BYTES, "send");
    block_give(memory[server], NULL, request);
    block_give(memory[server], NULL, connection);
    return client;
}

/* Returns the time per connection of the fastest group. */
static uint64_t connection_ns(int server) {
    SOCKET clients[CLIENTS], served[CLIENTS];
    uint64_t least_ns = UINT64_MAX;
    clients_connect(clients, CLIENTS, by_accept_ex[server] ? &accepts.address : &address,
                    ACCEPTS_DATA);
    for (int i = 0; i < CLIENTS; i += TIMED) {
        uint64_t start_ns = clock_now_ns();
        for (int j = 0; j < TIMED; j++)
            served[i + j] = serve(server);
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
    law_start(argc, argv, "accept_and_lists",
              "AcceptEx and lookaside lists raise a web server's performance considerably.");
    blocks_start();
    listener = accepts_listen(BACKLOG, &address);
    accepts_open(&accepts, BACKLOG, DEPTH, 0);
    static struct accept_and_lists_seen seen;
    for (int visit = 0; visit < VISITS * RATIO_ROUNDS; visit++)
        for (int server = 0; server < SERVER_KINDS; server++)
            rounds_keep(&seen.ns[server][visit / VISITS], connection_ns(server));
    struct json line = law_line();
    rounds_seen(&line, "ns_per_connection", seen.ns, SERVER_KINDS);
    struct judged judged = {"B34", judge_accept_and_lists(&seen)};
    return law_print(&line, &judged, 1);
}

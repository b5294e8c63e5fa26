/* How many AcceptEx operations should be outstanding? Two experiments per depth.
 *
 * Burst: clients start to connect while the server is busy and takes no completion. Windows gives a
 * connection to each outstanding AcceptEx, and then fills the backlog. The others are refused, or
 * they try again later. Counts the clients that have a connection after PATIENCE_MS.
 *
 * Time: a burst that fits waits for the server. Measures the server's time per connection, in turn,
 * round by round. */
#include "laws/shared/accepts.h"
#include "laws/shared/rounds.h"
#include "laws/verdict/accepts.h"

#include "common/sockets.h"

enum {
    BURST = 64,
    QUEUED = 20,
    TIMED = 5,
    SHORT_BACKLOG = 5,
    LONG_BACKLOG = 200,
    PATIENCE_MS = 200
};

/* Returns the clients of a burst that have a connection while the server is busy. */
static uint64_t established(uint32_t depth, int backlog) {
    struct accepts accepts;
    SOCKET clients[BURST];
    accepts_open(&accepts, backlog, depth, 0);
    uint32_t count = clients_storm(clients, BURST, &accepts.address, PATIENCE_MS);
    sockets_drop(clients, BURST);
    sockets_close(accepts.listener); /* ends the outstanding operations; their memory stays */
    return count;
}

/* Returns the time per connection of the fastest group. */
static uint64_t connection_ns(struct accepts *accepts) {
    SOCKET clients[QUEUED], accepted[QUEUED];
    uint64_t least_ns = UINT64_MAX;
    clients_connect(clients, QUEUED, &accepts->address, 0);
    for (int i = 0; i < QUEUED; i += TIMED) {
        uint64_t start_ns = clock_now_ns();
        for (int j = 0; j < TIMED; j++)
            accepted[i + j] = accepts_next(accepts);
        uint64_t took_ns = clock_now_ns() - start_ns;
        least_ns = took_ns < least_ns ? took_ns : least_ns;
    }
    sockets_drop(clients, QUEUED);
    sockets_drop(accepted, QUEUED);
    return least_ns / TIMED + 1;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "accept_depth", "Two to five outstanding AcceptEx operations suffice.");
    struct accept_depth_seen seen = {
        .burst = BURST, .short_backlog = SHORT_BACKLOG, .long_backlog = LONG_BACKLOG};
    for (int i = 0; i < DEPTHS; i++)
        seen.established[i] = established(accept_depths[i], SHORT_BACKLOG);
    seen.by_backlog = established(1, LONG_BACKLOG);
    static struct accepts accepts[DEPTHS];
    for (int i = 0; i < DEPTHS; i++)
        accepts_open(&accepts[i], LONG_BACKLOG, accept_depths[i], 0);
    for (int round = 0; round < RATIO_ROUNDS; round++)
        for (int i = 0; i < DEPTHS; i++)
            seen.ns[i][round] = connection_ns(&accepts[i]);
    struct json line = law_line();
    LAW_SEEN(burst)
    LAW_SEEN(short_backlog)
    LAW_SEEN(long_backlog)
    LAW_SEEN(by_backlog)
    json_array(&line, "established");
    for (int i = 0; i < DEPTHS; i++)
        json_u64(&line, NULL, seen.established[i]);
    json_close(&line);
    rounds_seen(&line, "ns_per_connection", seen.ns, DEPTHS);
    struct judged judged = {"C28", judge_accept_depth(&seen)};
    return law_print(&line, &judged, 1);
}

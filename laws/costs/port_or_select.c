/* Why is a port faster than select? An article gives four reasons: no array of sockets, no loop to
 * find the ready one, no wait for I/O, and threads as many as one likes. Five echo servers lead from
 * one to the other; each differs from the one before in one of them:
 *
 *   1. select; builds its set again for every call, and asks about every socket after it;
 *   2. keeps the set and copies it;
 *   3. visits only the ready sockets, which select leaves in fd_array;
 *   4. a completion port with one worker thread;
 *   5. the same port with more worker threads.
 *
 * The client has ECHO_BATCH messages outstanding on successive sockets, so most sockets are idle. */
#include "laws/law.h"
#include "laws/shared/echo.h"
#include "laws/shared/rounds.h"
#include "laws/shared/threads.h"
#include "laws/verdict/ablation.h"

#include <process.h>

enum { SOCKETS = 64, VISITS = 10, BATCHES = 8 }; /* a set of Windows' select has 64 entries */

static SOCKET clients[SOCKETS], served[SOCKETS];

struct server {
    int step;
    uint32_t messages; /* to echo */
};

/* Echoes a message. Returns the bytes received. */
static uint32_t echo_one(SOCKET socket) {
    char buffer[ECHO_MESSAGE];
    int bytes = recv(socket, buffer, sizeof buffer, 0);
    law_require(bytes > 0 && send(socket, buffer, bytes, 0) == bytes, "echo");
    return (uint32_t)bytes;
}

static void build(fd_set *set) {
    FD_ZERO(set);
    for (int i = 0; i < SOCKETS; i++)
        FD_SET(served[i], set);
}

static unsigned __stdcall serve(void *argument) {
    const struct server *server = argument;
    fd_set all, ready;
    threads_pin(false);
    build(&all);
    for (uint32_t bytes = 0; bytes < server->messages * ECHO_MESSAGE;) {
        struct timeval deadline = {LAW_DEADLINE_MS / 1000, 0};
        if (server->step == STEP_REBUILDS)
            build(&ready);
        else
            ready = all;
        law_require(select(0, &ready, NULL, NULL, &deadline) > 0, "select");
        if (server->step == STEP_SELECTS) {
            for (u_int i = 0; i < ready.fd_count; i++)
                bytes += echo_one(ready.fd_array[i]);
        } else {
            for (int i = 0; i < SOCKETS; i++)
                if (FD_ISSET(served[i], &ready))
                    bytes += echo_one(served[i]);
        }
    }
    return 0;
}

static uint64_t select_ns(int step) {
    struct server server = {step, ECHO_BATCH * BATCHES};
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, serve, &server, 0, NULL);
    law_require(thread != NULL, "_beginthreadex");
    clock_sleep_us(LAW_SETTLE_US); /* it enters its wait */
    uint64_t message_ns = echo_converse_ns(clients, SOCKETS, BATCHES);
    law_wait(thread);
    CloseHandle(thread);
    return message_ns;
}

static void connect_all(void) {
    for (int i = 0; i < SOCKETS; i++) {
        SOCKET pair[2];
        BOOL yes = TRUE;
        law_pair(pair);
        for (int end = 0; end < 2; end++)
            setsockopt(pair[end], IPPROTO_TCP, TCP_NODELAY, (const char *)&yes, sizeof yes);
        clients[i] = pair[0];
        served[i] = pair[1];
    }
}

int main(int argc, char **argv) {
    law_start(argc, argv, "port_or_select",
              "A port is faster than select: no array, no search, no waiting, more threads.");
    static struct port_or_select_seen seen;
    uint32_t processors = law_processors();
    seen.sockets = SOCKETS;
    seen.workers = processors < LAW_WORKERS_MAX / 2 ? 2 * processors : LAW_WORKERS_MAX;
    connect_all();
    struct echo *echo =
        echo_open(&(struct echo_settings){.sockets = SOCKETS, .buffer_bytes = ECHO_MESSAGE});
    for (int visit = 0; visit < VISITS * RATIO_ROUNDS; visit++) {
        int round = visit / VISITS;
        for (int step = STEP_REBUILDS; step <= STEP_SELECTS; step++)
            rounds_keep(&seen.ns[step][round], select_ns(step));
        rounds_keep(&seen.ns[STEP_ONE_WORKER][round], echo_message_ns(echo, 1, BATCHES));
        rounds_keep(&seen.ns[STEP_WORKERS][round],
                    echo_message_ns(echo, (uint32_t)seen.workers, BATCHES));
    }
    struct json line = law_line();
    LAW_SEEN(sockets)
    LAW_SEEN(workers)
    rounds_seen(&line, "ns_per_message", seen.ns, STEPS);
    struct judged judged = {"D13", judge_port_or_select(&seen)};
    return law_print(&line, &judged, 1);
}

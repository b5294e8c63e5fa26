/* The baseline of tests/loadgen/bench.py on the client's side. It has the traffic of the load
 * generator's closed loop with one outstanding request per connection, and nothing else. It has no
 * clock, no check, no histogram, one epoll set and one thread.
 *
 *     bare_pingpong --port N [--connections 1] [--size 64] [--warmup-ms 500] [--duration-ms 2000]
 *
 * Prints one line "result" with the replies in the window and their CPU time. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/frame.h"
#include "common/json.h"
#include "common/option.h"
#include "common/sockets.h"

enum { EVENTS_A_WAIT = 256 };

struct connection {
    int socket;
    size_t received; /* bytes of the expected reply */
};

static uint32_t port, count = 1, size = 64, warmup_ms = 500, duration_ms = 2000;
static volatile sig_atomic_t rings; /* 1: the window has begun, 2: it is over */

static void ring(int signal) {
    (void)signal;
    rings = rings + 1;
}

static void send_request(const struct connection *connection, const char *frame, size_t length) {
    if (send(connection->socket, frame, length, MSG_NOSIGNAL) != (ssize_t)length) {
        perror("bare_pingpong: send");
        exit(EXIT_FAILURE);
    }
}

static void connect_all(int events, struct connection *connections) {
    struct sockaddr_in server;
    sockets_address("127.0.0.1", port, &server);
    for (uint32_t i = 0; i < count; i++) {
        int error = 0;
        connections[i] = (struct connection){
            .socket = sockets_connect(&(struct sockets_route){.server = server}, 5000, &error)};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        if (connections[i].socket < 0 ||
            epoll_ctl(events, EPOLL_CTL_ADD, connections[i].socket, &event) != 0) {
            fprintf(stderr, "bare_pingpong: connection %u: %s\n", (unsigned)i,
                    strerror(error ? error : errno));
            exit(EXIT_FAILURE);
        }
    }
}

/* Runs until the alarm has fired `until` times. Returns the number of complete replies. */
static uint64_t play(int events, const char *frame, size_t length, sig_atomic_t until) {
    static char buffer[FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX];
    uint64_t replies = 0;
    while (rings < until) {
        struct epoll_event ready[EVENTS_A_WAIT];
        int found = epoll_wait(events, ready, EVENTS_A_WAIT, -1);
        for (int i = 0; i < found; i++) {
            struct connection *connection = ready[i].data.ptr;
            ssize_t received = recv(connection->socket, buffer, sizeof buffer, 0);
            if (received <= 0) {
                fprintf(stderr, "bare_pingpong: the server closed a connection\n");
                exit(EXIT_FAILURE);
            }
            connection->received += (size_t)received;
            if (connection->received == length) {
                connection->received = 0;
                replies++;
                send_request(connection, frame, length);
            }
        }
    }
    return replies;
}

int main(int argc, char **argv) {
    const struct option options[] = {
        OPTION_NUMBER("port", port, 1, 65535, "port", "port of the server"),
        OPTION_NUMBER("connections", count, 1, 100000, "connections", "number of busy connections"),
        OPTION_NUMBER("size", size, 0, FRAME_PAYLOAD_MAX, "bytes",
                      "payload per request and per reply"),
        OPTION_NUMBER("warmup-ms", warmup_ms, 1, 60000, "ms", "load before the window"),
        OPTION_NUMBER("duration-ms", duration_ms, 1, 60000, "ms", "the window"),
        OPTION_END};
    const struct option *tables[] = {options, NULL};
    if (option_parse("bare_pingpong", tables, argc, argv) != OPTIONS_PARSED)
        return 2;
    size_t length = FRAME_HEADER_BYTES + size;
    char *frame = calloc(1, length);
    struct connection *connections = calloc(count, sizeof *connections);
    int events = epoll_create1(0);
    if (!frame || !connections || events < 0)
        return EXIT_FAILURE;
    struct frame_header header = {.payload_length = size, .reply_length = size};
    frame_encode(&header, frame);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    connect_all(events, connections);
    signal(SIGALRM, ring);
    struct itimerval timer = {{duration_ms / 1000, (suseconds_t)(duration_ms % 1000) * 1000},
                              {warmup_ms / 1000, (suseconds_t)(warmup_ms % 1000) * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    for (uint32_t i = 0; i < count; i++)
        send_request(&connections[i], frame, length);
    play(events, frame, length, 1);
    uint64_t begin_ns = clock_now_ns(), cpu_begin_ns = 0, cpu_end_ns = 0;
    clock_thread_cpu_ns(&cpu_begin_ns);
    uint64_t replies = play(events, frame, length, 2);
    clock_thread_cpu_ns(&cpu_end_ns);
    uint64_t window_ns = clock_now_ns() - begin_ns;
    struct json line = json_event("result");
    json_u64(&line, "requests", replies);
    json_u64(&line, "window_ns", window_ns);
    json_double(&line, "requests_per_second", (double)replies * 1e9 / (double)window_ns);
    json_u64(&line, "cpu_ns", cpu_end_ns - cpu_begin_ns);
    return json_print(&line) ? EXIT_SUCCESS : EXIT_FAILURE;
}

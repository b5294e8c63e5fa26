/* A server with known delays, to check that the load generator reports them (docs/interface.md
 * defines frames). Linux, one thread, equal request and reply lengths only.
 *
 *     target [--delays-us 1000,20000]
 *
 * Reply i of a connection is delayed by the i-th delay, in a cycle.
 * Prints "ready" with its port. "stall MS" on stdin makes it do nothing for that time, once, and
 * print "stalled". The end of stdin makes it print "end" with the number of connections, and a line
 * "stamps" for each.
 *
 * The stamps bound a client's possible measurements, by this process's own clock and without
 * tolerance. `received` is taken after the last byte of a request was read. `sent` is taken before
 * the first byte of its reply is written. So sent - received <= latency. With one outstanding
 * request, latency <= next received - previous sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/frame.h"
#include "common/json.h"
#include "common/option.h"
#include "common/sockets.h"

enum { DELAYS_MAX = 64, CONNECTIONS_MAX = 256, BUFFER_BYTES = 256 * 1024 };

struct request {
    uint64_t received_ns, sent_ns, due_ns;
    uint64_t digest; /* FNV-1a of the frame */
    uint32_t length; /* of the frame, kept until it is sent back */
    char *frame;
};

struct connection {
    int socket;
    size_t count, replied, capacity; /* requests received; of these, answered */
    struct request *requests;
    size_t filled; /* bytes in `buffer` */
    char *buffer;
};

static uint32_t delay_us[DELAYS_MAX];
static size_t delays;
static struct connection connections[CONNECTIONS_MAX];
static size_t connected;
static int events;

static void die(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

static void read_delays(const char *text) {
    for (char *end; *text && delays < DELAYS_MAX; text = *end ? end + 1 : end) {
        delay_us[delays++] = (uint32_t)strtoul(text, &end, 10);
        if (end == text || (*end && *end != ',')) {
            fprintf(stderr, "target: --delays-us: must be comma-separated numbers\n");
            exit(2);
        }
    }
}

static void watch(int socket, struct connection *connection) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(events, EPOLL_CTL_ADD, socket, &event) != 0)
        die("target: epoll_ctl");
}

static void take_connection(int listener) {
    int socket = accept(listener, NULL, NULL);
    if (socket < 0 || connected == CONNECTIONS_MAX)
        die("target: accept");
    struct connection *connection = &connections[connected++];
    connection->socket = socket;
    connection->buffer = malloc(BUFFER_BYTES);
    if (!connection->buffer)
        die("target: malloc");
    watch(socket, connection);
}

static uint64_t digest(const char *bytes, size_t count) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

static void keep_request(struct connection *connection, const char *frame, uint32_t length,
                         uint64_t now_ns) {
    if (connection->count == connection->capacity) {
        connection->capacity = connection->capacity ? 2 * connection->capacity : 1024;
        connection->requests =
            realloc(connection->requests, connection->capacity * sizeof *connection->requests);
    }
    char *copy = malloc(length);
    if (!copy || !connection->requests)
        die("target: malloc");
    memcpy(copy, frame, length);
    uint64_t delay_ns = delays ? (uint64_t)delay_us[connection->count % delays] * 1000 : 0;
    connection->requests[connection->count++] = (struct request){.received_ns = now_ns,
                                                                 .due_ns = now_ns + delay_ns,
                                                                 .digest = digest(frame, length),
                                                                 .length = length,
                                                                 .frame = copy};
}

static void receive(struct connection *connection) {
    ssize_t received = recv(connection->socket, connection->buffer + connection->filled,
                            BUFFER_BYTES - connection->filled, 0);
    uint64_t now_ns = clock_now_ns();
    if (received <= 0) { /* the client has left; its stamps remain */
        close(connection->socket);
        connection->socket = -1;
        return;
    }
    connection->filled += (size_t)received;
    size_t used = 0;
    while (connection->filled - used >= FRAME_HEADER_BYTES) {
        struct frame_header header = frame_decode(connection->buffer + used);
        uint32_t length = FRAME_HEADER_BYTES + header.payload_length;
        if (header.payload_length != header.reply_length || length > BUFFER_BYTES) {
            fprintf(stderr, "target: an unsupported frame\n");
            exit(EXIT_FAILURE);
        }
        if (connection->filled - used < length)
            break;
        keep_request(connection, connection->buffer + used, length, now_ns);
        used += length;
    }
    memmove(connection->buffer, connection->buffer + used, connection->filled - used);
    connection->filled -= used;
}

/* Sends the due replies in order. Returns when the next is due, UINT64_MAX if there is none. */
static uint64_t reply(struct connection *connection) {
    while (connection->replied < connection->count) {
        struct request *request = &connection->requests[connection->replied];
        if (clock_now_ns() < request->due_ns)
            return request->due_ns;
        request->sent_ns = clock_now_ns();
        if (connection->socket >= 0)
            send(connection->socket, request->frame, request->length, MSG_NOSIGNAL);
        free(request->frame);
        request->frame = NULL;
        connection->replied++;
    }
    return UINT64_MAX;
}

static void put_stamps(struct json *line, const struct connection *connection, const char *key,
                       size_t offset) {
    json_array(line, key);
    for (size_t i = 0; i < connection->replied; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&connection->requests[i] + offset, sizeof value);
        json_u64(line, NULL, value);
    }
    json_close(line);
}

static void print_all_stamps(void) {
    struct json end = json_event("end");
    json_u64(&end, "connections", connected);
    json_print(&end);
    for (size_t i = 0; i < connected; i++) {
        struct json line = json_event("stamps");
        put_stamps(&line, &connections[i], "received", offsetof(struct request, received_ns));
        put_stamps(&line, &connections[i], "sent", offsetof(struct request, sent_ns));
        put_stamps(&line, &connections[i], "digest", offsetof(struct request, digest));
        json_print(&line);
    }
}

/* Returns false at the end of stdin. */
static bool obey(void) {
    char text[32] = "";
    ssize_t length = read(STDIN_FILENO, text, sizeof text - 1);
    unsigned ms;
    if (length <= 0)
        return false;
    if (sscanf(text, "stall %u", &ms) == 1) {
        uint64_t begin_ns = clock_now_ns();
        clock_sleep_until_ns(begin_ns + (uint64_t)ms * 1000000);
        struct json line = json_event("stalled");
        json_u64(&line, "begin_ns", begin_ns);
        json_u64(&line, "end_ns", clock_now_ns());
        json_print(&line);
    }
    return true;
}

static int listen_anywhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, CONNECTIONS_MAX) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        die("target: listen");
    struct json line = json_event("ready");
    json_u64(&line, "port", ntohs(address.sin_port));
    json_print(&line);
    return listener;
}

int main(int argc, char **argv) {
    const char *text = "0";
    const struct option options[] = {
        OPTION_TEXT("delays-us", text, "delays of the replies, in a cycle"), OPTION_END};
    const struct option *tables[] = {options, NULL};
    json_start();
    if (option_parse("target", tables, argc, argv) != OPTIONS_PARSED)
        return 2;
    read_delays(text);
    events = epoll_create1(0);
    int listener = listen_anywhere();
    static struct connection accepting, commanded; /* only their addresses matter */
    watch(listener, &accepting);
    watch(STDIN_FILENO, &commanded);
    for (uint64_t due_ns = UINT64_MAX;;) {
        uint64_t now_ns = clock_now_ns();
        uint64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
        struct epoll_event ready[64];
        int count = epoll_wait(events, ready, 64,
                               left_ns > 1000000000 ? 1000 : (int)((left_ns + 999999) / 1000000));
        for (int i = 0; i < count; i++) {
            if (ready[i].data.ptr == &accepting)
                take_connection(listener);
            else if (ready[i].data.ptr != &commanded)
                receive(ready[i].data.ptr);
            else if (!obey()) {
                print_all_stamps();
                return EXIT_SUCCESS;
            }
        }
        due_ns = UINT64_MAX;
        for (size_t i = 0; i < connected; i++) {
            uint64_t next_ns = reply(&connections[i]);
            due_ns = next_ns < due_ns ? next_ns : due_ns;
        }
    }
}

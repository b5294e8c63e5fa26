/* The baseline of tests/loadgen/bench.py on the server's side: one thread, one epoll set, an echo
 * of all bytes. It does not parse frames: a reply is its request, byte for byte. Prints "ready"
 * with its port; ends when stdin closes. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/json.h"
#include "common/sockets.h"

enum { BUFFER_BYTES = 64 * 1024, EVENTS_A_WAIT = 256 };

static void watch(int events, int socket) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = socket};
    if (epoll_ctl(events, EPOLL_CTL_ADD, socket, &event) != 0) {
        perror("epoll_echo: epoll_ctl");
        exit(EXIT_FAILURE);
    }
}

static void take_connections(int events, int listener) {
    for (int socket; (socket = accept(listener, NULL, NULL)) >= 0;) {
        int on = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(events, socket);
    }
    if (errno != EAGAIN && errno != ECONNABORTED) {
        perror("epoll_echo: accept");
        exit(EXIT_FAILURE);
    }
}

/* Waits until the client reads, if the socket is full; the client must read. */
static void echo(int socket, char *buffer) {
    ssize_t received = recv(socket, buffer, BUFFER_BYTES, 0);
    if (received <= 0) {
        close(socket);
        return;
    }
    for (ssize_t sent = 0; sent < received;) {
        ssize_t taken = send(socket, buffer + sent, (size_t)(received - sent), MSG_NOSIGNAL);
        if (taken <= 0)
            return;
        sent += taken;
    }
}

static int listen_anywhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        perror("epoll_echo: listen");
        exit(EXIT_FAILURE);
    }
    struct json line = json_event("ready");
    json_u64(&line, "port", ntohs(address.sin_port));
    json_print(&line);
    return listener;
}

int main(void) {
    static char buffer[BUFFER_BYTES];
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    int events = epoll_create1(0), listener = listen_anywhere();
    watch(events, listener);
    watch(events, STDIN_FILENO);
    for (;;) {
        struct epoll_event ready[EVENTS_A_WAIT];
        int count = epoll_wait(events, ready, EVENTS_A_WAIT, -1);
        for (int i = 0; i < count; i++) {
            int socket = ready[i].data.fd;
            if (socket == listener)
                take_connections(events, listener);
            else if (socket == STDIN_FILENO)
                return EXIT_SUCCESS;
            else
                echo(socket, buffer);
        }
    }
}

/* The null target on Linux: one thread, one epoll set, and sockets that do not block. */
#include "loadgen/target.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BUFFER_BYTES = 64 * 1024, READY_A_WAIT = 256, ROOM_TIMEOUT_MS = 1000 };

static int epoll = -1;
static uint32_t open_connections;
static char buffer[BUFFER_BYTES];

static void unblock(int handle) {
    fcntl(handle, F_SETFL, fcntl(handle, F_GETFL) | O_NONBLOCK);
}

static bool watch(int handle) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = handle};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, handle, &event) == 0;
}

static void accept_client(int listener) {
    int handle = accept(listener, NULL, NULL), on = 1;
    if (handle < 0)
        return;
    unblock(handle);
    setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (watch(handle))
        open_connections++;
    else
        close(handle);
}

/* Echoes the received bytes. The client reads while it writes, so a wait for buffer space ends.
 * Returns false if the client has left. */
static bool echo(int handle) {
    ssize_t received = recv(handle, buffer, BUFFER_BYTES, 0);
    if (received < 0)
        return errno == EAGAIN || errno == EINTR;
    for (ssize_t done = 0; done < received;) {
        ssize_t sent = send(handle, buffer + done, (size_t)(received - done), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        struct pollfd room = {.fd = handle, .events = POLLOUT};
        if (sent < 0)
            poll(&room, 1, ROOM_TIMEOUT_MS);
        else
            done += sent;
    }
    return received > 0;
}

bool target_open(socket_handle listener) {
    unblock(listener);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll >= 0 && watch(listener);
}

void target_serve(socket_handle listener) {
    struct epoll_event events[READY_A_WAIT];
    open_connections = 0;
    for (bool begun = false; !begun || open_connections > 0;) {
        int count = epoll_wait(epoll, events, READY_A_WAIT, -1);
        for (int i = 0; i < count; i++) {
            int handle = events[i].data.fd;
            if (handle == listener) {
                accept_client(listener);
            } else if (!echo(handle)) {
                close(handle); /* leaves the set by itself */
                open_connections--;
            }
        }
        begun = begun || open_connections > 0;
    }
}

void target_close(void) {
    if (epoll >= 0)
        close(epoll);
    epoll = -1;
}

#include "loadgen/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loadgen/threads.h"

enum { BUFFER_BYTES = 64 * 1024, READY_A_WAIT = 256, SIGNAL_TIMEOUT_MS = 1000 };

struct watch; /* the watched sockets: an epoll set, or an array for WSAPoll */

struct target {
    struct watch *watch;
    socket_handle listener;
    struct sockaddr_in address;
    uint32_t open; /* connections */
    struct threads *threads;
    char buffer[BUFFER_BYTES];
};

#ifdef _WIN32

struct watch {
    ULONG count, scanned;
    WSAPOLLFD *sockets;
};

static struct watch *watch_open(uint32_t capacity) {
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch)
        watch->sockets = calloc(capacity, sizeof *watch->sockets);
    if (watch && watch->sockets)
        return watch;
    free(watch);
    return NULL;
}

static void watch_close(struct watch *watch) {
    free(watch->sockets);
    free(watch);
}

static bool watch_add(struct watch *watch, socket_handle handle) {
    watch->sockets[watch->count++] = (WSAPOLLFD){.fd = handle, .events = POLLRDNORM};
    return true;
}

static void watch_remove(struct watch *watch, socket_handle handle) {
    for (ULONG i = 0; i < watch->count; i++)
        if (watch->sockets[i].fd == handle)
            watch->sockets[i--] = watch->sockets[--watch->count];
}

static int watch_wait(struct watch *watch, socket_handle ready[READY_A_WAIT]) {
    int count = 0;
    WSAPoll(watch->sockets, watch->count, -1);
    for (ULONG i = 0; i < watch->count && count < READY_A_WAIT; i++)
        if (watch->sockets[i].revents != 0)
            ready[count++] = watch->sockets[i].fd;
    return count;
}

static bool would_block(void) {
    return WSAGetLastError() == WSAEWOULDBLOCK;
}

static void unblock(socket_handle handle) {
    u_long on = 1;
    ioctlsocket(handle, (long)FIONBIO, &on);
}

static int send_some(socket_handle handle, const char *bytes, int count) {
    return send(handle, bytes, count, 0);
}

static void await_room(socket_handle handle) {
    WSAPOLLFD room = {.fd = handle, .events = POLLWRNORM};
    WSAPoll(&room, 1, SIGNAL_TIMEOUT_MS);
}

#else

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

struct watch {
    int epoll;
    struct epoll_event events[READY_A_WAIT];
};

static struct watch *watch_open(uint32_t capacity) {
    (void)capacity;
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch && (watch->epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0)
        return watch;
    free(watch);
    return NULL;
}

static void watch_close(struct watch *watch) {
    close(watch->epoll);
    free(watch);
}

static bool watch_add(struct watch *watch, socket_handle handle) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = handle};
    return epoll_ctl(watch->epoll, EPOLL_CTL_ADD, handle, &event) == 0;
}

static void watch_remove(struct watch *watch, socket_handle handle) {
    epoll_ctl(watch->epoll, EPOLL_CTL_DEL, handle, NULL);
}

static int watch_wait(struct watch *watch, socket_handle ready[READY_A_WAIT]) {
    int count = epoll_wait(watch->epoll, watch->events, READY_A_WAIT, -1);
    for (int i = 0; i < count; i++)
        ready[i] = watch->events[i].data.fd;
    return count;
}

static bool would_block(void) {
    return errno == EAGAIN || errno == EINTR;
}

static void unblock(socket_handle handle) {
    fcntl(handle, F_SETFL, fcntl(handle, F_GETFL) | O_NONBLOCK);
}

static int send_some(socket_handle handle, const char *bytes, int count) {
    return (int)send(handle, bytes, (size_t)count, MSG_NOSIGNAL);
}

static void await_room(socket_handle handle) {
    struct pollfd room = {.fd = handle, .events = POLLOUT};
    poll(&room, 1, SIGNAL_TIMEOUT_MS);
}

#endif

static void accept_client(struct target *target) {
    socket_handle handle = accept(target->listener, NULL, NULL);
    if (handle == SOCKET_NONE)
        return;
    int on = 1;
    unblock(handle);
    setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
    if (watch_add(target->watch, handle))
        target->open++;
    else
        sockets_close(handle);
}

/* Echoes the received bytes. The client reads while it writes, so a wait for buffer space ends.
 * Returns false if the client has left. */
static bool echo(struct target *target, socket_handle handle) {
    int received = (int)recv(handle, target->buffer, BUFFER_BYTES, 0);
    if (received < 0)
        return would_block();
    for (int done = 0; done < received;) {
        int sent = send_some(handle, target->buffer + done, received - done);
        if (sent < 0 && !would_block())
            return false;
        if (sent < 0)
            await_room(handle);
        else
            done += sent;
    }
    return received > 0;
}

static void serve(void *argument) {
    struct target *target = argument;
    socket_handle ready[READY_A_WAIT];
    for (bool begun = false; !begun || target->open > 0; begun = begun || target->open > 0) {
        int count = watch_wait(target->watch, ready);
        for (int i = 0; i < count; i++) {
            if (ready[i] == target->listener) {
                accept_client(target);
            } else if (!echo(target, ready[i])) {
                watch_remove(target->watch, ready[i]);
                sockets_close(ready[i]);
                target->open--;
            }
        }
    }
}

static bool listen_here(struct target *target) {
    socklen_t length = sizeof target->address;
    if (!sockets_address("127.0.0.1", 0, &target->address))
        return false;
    target->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (target->listener == SOCKET_NONE)
        return false;
    unblock(target->listener);
    return bind(target->listener, (const struct sockaddr *)&target->address, length) == 0 &&
           listen(target->listener, SOMAXCONN) == 0 &&
           getsockname(target->listener, (struct sockaddr *)&target->address, &length) == 0 &&
           watch_add(target->watch, target->listener);
}

static void release(struct target *target) {
    if (target->listener != SOCKET_NONE)
        sockets_close(target->listener);
    if (target->watch)
        watch_close(target->watch);
    free(target);
}

struct target *target_start(uint32_t connections, struct sockaddr_in *address) {
    struct target *target = calloc(1, sizeof *target);
    if (target) {
        target->listener = SOCKET_NONE;
        /* the listener, and the connection that stops the target */
        target->watch = watch_open(connections + 2);
        if (target->watch && listen_here(target))
            target->threads = threads_start(1, serve, target, sizeof *target);
        if (target->threads) {
            *address = target->address;
            return target;
        }
        release(target);
    }
    fprintf(stderr, "loadgen: --calibrate: cannot start the null target\n");
    return NULL;
}

bool target_cpu_ns(const struct target *target, uint64_t *ns) {
    return threads_cpu_ns(target->threads, 0, ns);
}

/* Connects once: if no client ever came, this connection ends the target. */
void target_stop(struct target *target) {
    struct sockets_route route = {.server = target->address};
    int error;
    socket_handle last = sockets_connect(&route, SIGNAL_TIMEOUT_MS, &error);
    if (last != SOCKET_NONE)
        sockets_close(last);
    threads_join(target->threads);
    release(target);
}

#include "loadgen/target.h"

#include <stdio.h>
#include <stdlib.h>

#include "loadgen/threads.h"

enum { STOP_TIMEOUT_MS = 1000 };

struct target {
    socket_handle listener;
    struct sockaddr_in address;
    struct threads *threads;
};

static void serve(void *argument) {
    const struct target *target = argument;
    target_serve(target->listener);
}

static bool listen_here(struct target *target) {
    socklen_t length = sizeof target->address;
    if (!sockets_address("127.0.0.1", 0, &target->address))
        return false;
    target->listener = socket(AF_INET, SOCK_STREAM, 0);
    return target->listener != SOCKET_NONE &&
           bind(target->listener, (const struct sockaddr *)&target->address, length) == 0 &&
           listen(target->listener, SOMAXCONN) == 0 &&
           getsockname(target->listener, (struct sockaddr *)&target->address, &length) == 0;
}

static void release(struct target *target) {
    if (target->listener != SOCKET_NONE)
        sockets_close(target->listener);
    target_close();
    free(target);
}

struct target *target_start(struct sockaddr_in *address) {
    struct target *target = calloc(1, sizeof *target);
    if (target) {
        target->listener = SOCKET_NONE;
        if (listen_here(target) && target_open(target->listener))
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
    socket_handle last = sockets_connect(&route, STOP_TIMEOUT_MS, &error);
    if (last != SOCKET_NONE)
        sockets_close(last);
    threads_join(target->threads);
    release(target);
}

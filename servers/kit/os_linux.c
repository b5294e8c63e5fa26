#define _GNU_SOURCE /* for sched_getaffinity */
#include "os.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

enum { ALL_CPUS = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t flags_lock = PTHREAD_MUTEX_INITIALIZER;
static os_flag *stopping_flag;
static void (*commands)(void);

/* C11's atomics are not for this project: Windows' compilers lack them in C. Both calls are rare. */
long os_exchange(os_flag *flag, long value) {
    pthread_mutex_lock(&flags_lock);
    long former = *flag;
    *flag = value;
    pthread_mutex_unlock(&flags_lock);
    return former;
}

bool os_replace(void *volatile *pointer, void *expected, void *fresh) {
    pthread_mutex_lock(&flags_lock);
    bool same = *pointer == expected;
    if (same)
        *pointer = fresh;
    pthread_mutex_unlock(&flags_lock);
    return same;
}

void os_lock(void) {
    pthread_mutex_lock(&lock);
}

void os_unlock(void) {
    pthread_mutex_unlock(&lock);
}

/* A client that leaves makes the next send raise SIGPIPE, which would end the process. */
void os_start(void) {
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

uint32_t os_processors(void) {
    cpu_set_t *set = CPU_ALLOC(ALL_CPUS);
    if (!set)
        return 1;
    size_t bytes = CPU_ALLOC_SIZE(ALL_CPUS);
    int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 1;
    CPU_FREE(set);
    return count > 0 ? (uint32_t)count : 1;
}

uint64_t os_process_id(void) {
    return (uint64_t)getpid();
}

/* Linux decides none of the facts that Windows does (docs/interface.md). */
void os_report(struct json *line) {
    json_object(line, "system");
    json_object(line, "reasons");
    json_close(line);
    json_close(line);
}

socket_handle os_listen(const struct sockaddr_in *address, uint32_t backlog, uint32_t flags,
                        bool shared, system_error *error) {
    (void)flags;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    int share = shared ? 1 : 0;
    /* Without it the port of a stopped server stays taken for a minute. Linux still refuses a
     * second listener. */
    if (listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &share, sizeof share) == 0 &&
        bind(listener, (const struct sockaddr *)address, sizeof *address) == 0 &&
        listen(listener, (int)backlog) == 0)
        return listener;
    *error = errno;
    if (listener >= 0)
        close(listener);
    return SOCKET_NONE;
}

const char *os_extend(struct server *server, system_error *error) {
    (void)server;
    (void)error;
    return NULL;
}

static void *read_commands_in_thread(void *unused) {
    (void)unused;
    commands();
    return NULL;
}

static void on_signal(int number) {
    (void)number;
    *stopping_flag = 1; /* a handler must not wait for a lock */
}

const char *os_control(void (*read_commands)(void), os_flag *stopping, system_error *error) {
    commands = read_commands;
    stopping_flag = stopping;
    struct sigaction stop = {.sa_handler = on_signal};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    pthread_t thread;
    *error = pthread_create(&thread, NULL, read_commands_in_thread, NULL);
    if (*error != 0)
        return "pthread_create";
    pthread_detach(thread); /* it ends with the process */
    return NULL;
}

bool os_read_stdin(char *byte) {
    ssize_t count;
    do
        count = read(STDIN_FILENO, byte, 1);
    while (count < 0 && errno == EINTR);
    return count == 1;
}

bool os_has_input(socket_handle socket) {
    int available = 0;
    return ioctl(socket, FIONREAD, &available) == 0 && available > 0;
}

/* A blocked receive, send or accept then returns: the end, EPIPE or EINVAL. */
void os_cancel(socket_handle socket) {
    shutdown(socket, SHUT_RDWR);
}

bool os_is_reset(system_error error) {
    return error == ECONNRESET || error == EPIPE || error == ECONNABORTED;
}

/* The rest are errors of the new connection, which accept(2) passes on: the client is gone. */
bool os_left_early(system_error error) {
    return os_is_reset(error) || error == ENETDOWN || error == EPROTO || error == ENOPROTOOPT ||
           error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH || error == EOPNOTSUPP ||
           error == ENETUNREACH;
}

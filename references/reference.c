#include "reference.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/option.h"

#ifdef _WIN32
#include <io.h>
#include <process.h>
#define read _read
#else
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

enum { MAX_PORT = 65535 };

static void (*stop_server)(void *);
static void *stop_argument;

#ifndef _WIN32
/* Some systems allow 1,024 descriptors unless a program asks for more. */
static void allow_connections(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}
#endif

static void print_version(const struct reference *reference) {
    printf("framework=%s version=%s threads=1..%u nodelay=on", reference->framework,
           reference->version(), (unsigned)reference->max_threads);
    if (reference->backlog)
        printf(" backlog=%s", reference->backlog);
    else
        printf(" backlog=%d", abs(REFERENCE_BACKLOG));
    printf(" buffer=%d %s\n", REFERENCE_BUFFER, reference->details);
}

void reference_options(struct reference *reference, int argc, char **argv) {
    bool version = false;
    reference->host = "127.0.0.1";
    reference->port = 0;
    reference->threads = 1;
    const struct option table[] = {
        OPTION_TEXT("host", reference->host, "IPv4 address to listen on"),
        OPTION_NUMBER("port", reference->port, 0, MAX_PORT, "port",
                      "port to listen on; 0: the system chooses"),
        OPTION_NUMBER("threads", reference->threads, 1, reference->max_threads, "threads",
                      "threads that serve clients"),
        OPTION_FLAG("version", version, "print framework, version and facts, then stop"),
        OPTION_END,
    };
    const struct option *const tables[] = {table, NULL};
    enum option_outcome outcome = option_parse(reference->program, tables, argc, argv);
    if (outcome == OPTIONS_WRONG)
        exit(2);
    if (outcome == OPTIONS_HELP)
        exit(option_help(reference->program, reference->summary, tables) ? EXIT_SUCCESS
                                                                         : EXIT_FAILURE);
    if (version)
        print_version(reference);
    else {
#ifndef _WIN32
        allow_connections();
#endif
        return;
    }
    exit(EXIT_SUCCESS);
}

/* read() instead of stdio: a thread that waits in stdio holds the lock that exit() needs. */
static void wait_for_end(void) {
    char ignored[256];
    while (read(0, ignored, sizeof ignored) > 0)
        continue;
    stop_server(stop_argument);
}

#ifdef _WIN32
static unsigned __stdcall watch(void *unused) {
    (void)unused;
    wait_for_end();
    return 0;
}

static bool start_watching(void) {
    return _beginthreadex(NULL, 0, watch, NULL, 0, NULL) != 0;
}
#else
static void *watch(void *unused) {
    wait_for_end();
    return unused;
}

static bool start_watching(void) {
    pthread_t thread;
    return pthread_create(&thread, NULL, watch, NULL) == 0;
}
#endif

int reference_ready(const struct reference *reference, uint32_t port, void (*stop)(void *),
                    void *argument) {
    stop_server = stop;
    stop_argument = argument;
    if (!start_watching()) {
        reference_failed(reference, "watch stdin", "no thread for it");
        return false;
    }
    printf("ready port=%u\n", (unsigned)port);
    fflush(stdout);
    return true;
}

int reference_failed(const struct reference *reference, const char *what, const char *why) {
    fprintf(stderr, "%s: cannot %s: %s\n", reference->program, what, why);
    return EXIT_FAILURE;
}

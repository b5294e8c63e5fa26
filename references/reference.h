/* What the reference servers share, so that a file of this folder shows its framework alone: the
 * command line, the line "ready", and the end once stdin is closed.
 *
 * A reference is a plain echo server. It knows nothing of the frames of docs/interface.md. */
#ifndef IOMODELS_REFERENCE_H
#define IOMODELS_REFERENCE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that one receive may return, as in our servers (--buffer). */
enum { REFERENCE_BUFFER = 16384 };

/* The argument of listen(), as in our servers (--backlog). Windows takes a backlog above 200 only as
 * a negative number (SOMAXCONN_HINT). */
#ifdef _WIN32
enum { REFERENCE_BACKLOG = -4096 };
#else
enum { REFERENCE_BACKLOG = 4096 };
#endif

struct reference {
    const char *program;          /* reference_libuv */
    const char *framework;        /* libuv */
    const char *(*version)(void); /* of the framework; called for --version only */
    const char *backlog;          /* in words, if it is not REFERENCE_BACKLOG; or NULL */
    const char *details;          /* further words of --version, "name=value" */
    const char *summary;          /* one sentence for --help */
    uint32_t max_threads;         /* highest useful --threads */
    const char *host;             /* --host */
    uint32_t port, threads;       /* --port, --threads */
};

/* Reads the command line into host, port and threads. Ends the program after --help and --version,
 * and after a wrong option (exit code 2). */
void reference_options(struct reference *, int argc, char **argv);

/* Prints "ready port=N". From then on a thread waits for the end of stdin, and calls `stop` there.
 * Returns false after a line on stderr if there is no such thread. */
int reference_ready(const struct reference *, uint32_t port, void (*stop)(void *), void *argument);

/* Prints "PROGRAM: cannot WHAT: WHY" on stderr. Returns exit code 1. */
int reference_failed(const struct reference *, const char *what, const char *why);

#ifdef __cplusplus
}
#endif

#endif

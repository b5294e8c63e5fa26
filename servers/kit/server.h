/*
 * What a model needs to be a server, and no more: this is the one project header that servers/X.c includes.
 *
 * The kit holds what must be equal for a fair comparison: the command line, the listener, socket options, the
 * session, admission, counting, the control channel on stdin and stdout. It calls run() once and otherwise
 * only answers calls; waiting, receiving, sending, accepting and threads are the model's own.
 */
#ifndef IOMODELS_SERVER_H
#define IOMODELS_SERVER_H

#include <winsock2.h>
#include <mswsock.h>
#include <windows.h>
#include <stdlib.h>

#include "common/option.h"
#include "session.h"

enum { SERVER_TICK_MS = 100 }; /* a model asks server_stopping() at least this often */

/* AcceptEx wants 16 bytes beside each of the two addresses that it writes. */
enum { SERVER_ADDRESS_BYTES = sizeof(struct sockaddr_in) + 16 };

struct server {
    SOCKET listener; /* bound, listening, overlapped, blocking */
    LPFN_ACCEPTEX
        accept_ex;      /* of the listener; the function in mswsock.dll looks it up in each call */
    uint32_t threads;   /* --threads, if the model has it */
    uint32_t max_conns; /* --max-conns */
    uint32_t buffer;    /* --buffer: bytes */
};

/* What every model has of a connection; it lies in the model's own struct, which must not move. */
struct connection {
    SOCKET socket;
    struct session session;
    struct connection *next, *previous; /* the kit's list of open connections */
};

struct server_model {
    const char *name;                  /* of the file and of the binary */
    const char *summary;               /* one sentence */
    const char *family;                /* "blocking", "readiness" or "completion" */
    const char *limit;                 /* the limit that every report names, or NULL */
    uint32_t max_conns;                /* what the model can hold; 0: as many as the system */
    uint32_t max_threads;              /* most --threads that make sense; 1: single-threaded */
    const struct option *options;      /* the model's own, ended by a row without a name; or NULL */
    bool (*supported)(void);           /* NULL: everywhere */
    int (*run)(const struct server *); /* serves until server_stopping(); returns the exit code */
};

extern const struct server_model model; /* all that a model exports */

/* Says "ready" on stdout: call it once, when the model is set up to accept. */
void server_ready(void);

/* Whether stdin has been closed. From then on: cancel, drain, free, return from run(). */
bool server_stopping(void);

/* This thread's counters: ask once a thread. Never NULL; when memory is short, threads share a block, and
   counts that two of them make at once may get lost. */
struct stats *server_stats(void);

/* For a thread that ends before the server does: its block goes to the next thread that asks. */
void server_stats_return(struct stats *);

/* For a thread that was just started, or NULL: moves it to the processor group that is due, on systems before
   Windows 11 and Server 2022 with more than 64 processors; elsewhere the system does so, and this nothing. */
void server_spread(HANDLE thread);

/*
 * Takes in an accepted socket: counts it, opens its session, sets the options that all models' sockets have
 * (no Nagle). false: --max-conns are open already, or memory is short; it has been counted and the socket
 * closed.
 */
bool server_admit(struct connection *, SOCKET, struct stats *);

/* Closes the socket and the session of an admitted connection. No operation may be under way on it. */
void server_dismiss(struct connection *, struct stats *);

/* For stopping, to be called until no operation is left: asks the system, once a tick, to end every operation
   on the listener and on the connections early, and returns how many connections are open. An operation that
   is cancelled still completes, as ever; one that is started meanwhile is met by the next round. */
uint32_t server_cancel(void);

/* Counts why a connection was lost: reset by the peer, cancelled because the server stops, or a failure. */
void server_lost(DWORD error, struct stats *);

/* Reports on stderr that an option of the model has a value that it may not have. Returns the exit code for
 * that. */
int server_wrong_option(const char *name, uint32_t value, const char *allowed);

/* Reports on stderr that `call` failed with `error`, in the system's words. Returns EXIT_FAILURE. */
int server_error(const char *call, DWORD error);

#endif

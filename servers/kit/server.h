/* All that a model needs to be a server. This is the only project header that servers/X.c includes.
 *
 * The kit contains what must be equal for a fair comparison. That is the command line, the
 * listener, socket options, the session, admission, counting, and the control channel on stdin and
 * stdout. It calls run() once and then only answers calls. Waiting, receiving, sending, accepting
 * and threads belong to the model. */
#ifndef IOMODELS_SERVER_H
#define IOMODELS_SERVER_H

#ifdef _WIN32
#include <winsock2.h>
#include <mswsock.h>
#include <windows.h>
#else
#include <errno.h>
#include <unistd.h>
#endif
#include <stdlib.h>

#include "common/option.h"
#include "common/sockets.h"
#include "session.h"

/* The system's number of an error: of GetLastError() and WSAGetLastError(), or errno. */
#ifdef _WIN32
typedef DWORD system_error;
#else
typedef int system_error;
#endif

enum { SERVER_POLL_MS = 100 }; /* a model must call server_stopping() at least this often */

#ifdef _WIN32
/* AcceptEx requires 16 bytes beyond each of the two addresses. */
enum { SERVER_ADDRESS_BYTES = sizeof(struct sockaddr_in) + 16 };
#endif

struct server {
    socket_handle listener; /* bound, listening, blocking, on Windows overlapped */
#ifdef _WIN32
    /* the listener's; the function of mswsock.dll would look it up in each call */
    LPFN_ACCEPTEX accept_ex;
    LPFN_DISCONNECTEX disconnect_ex;
#endif
    uint32_t threads;    /* --threads, if the model has it */
    uint32_t processors; /* CPUs that this process may use */
    uint32_t max_conns;  /* --max-conns */
    uint32_t buffer;     /* --buffer, in bytes */
};

/* The kit's part of a connection. It is inside the model's struct, which must not move. */
struct connection {
    socket_handle socket;
    struct session session;
    struct connection *next, *previous; /* the kit's list of open connections */
};

struct server_model {
    const char *name;                  /* of the file and of the executable */
    const char *summary;               /* one sentence */
    const char *family;                /* "blocking", "readiness" or "completion" */
    const char *limit;                 /* the limit that every report states, or NULL */
    const char *cost;                  /* what the model pays for, in a few words */
    const char *since;                 /* the first system that has its functions */
    uint32_t max_conns;                /* the model's capacity; 0: limited by the system only */
    uint32_t max_threads;              /* highest useful --threads; 1: single-threaded */
    uint32_t default_threads;          /* 0: one per CPU */
    uint32_t socket_flags;             /* of WSASocketW, that the listener needs besides */
    const uint32_t *share_port;        /* an option: 1 if threads have listeners of their own */
    const struct option *options;      /* the model's own, ended by a row without a name; or NULL */
    bool (*supported)(void);           /* NULL: always */
    int (*run)(const struct server *); /* serves until server_stopping(); returns the exit code */
};

extern const struct server_model model; /* the only symbol that a model exports */

/* Prints "ready" on stdout. Call it once, when the model can accept. */
void server_ready(void);

/* Returns whether stdin has been closed. Then cancel, drain, free, and return from run(). */
bool server_stopping(void);

/* Returns this thread's counters; call it once per thread. Never NULL: if memory is short, threads
 * share a block and may lose counts. */
struct stats *server_stats(void);

/* Returns the block of a thread that ends before the server does, for the next thread. */
void server_stats_return(struct stats *);

#ifdef _WIN32
/* Moves a new thread to the next processor group; the thread may be NULL. It acts only before
 * Windows 11 and Server 2022, with more than 64 CPUs. Later systems spread threads themselves. */
void server_spread(HANDLE thread);

/* For a model that needs it: see system_reuses_sockets() in system.h. */
bool server_reuses_sockets(void);
#endif

/* Admits an accepted socket: counts it, opens its session, and sets the options common to all
 * models (no Nagle). Returns false if --max-conns are open or memory is short. Then it has counted
 * and closed the socket. */
bool server_admit(struct connection *, socket_handle, struct stats *);

/* Closes the socket and the session of an admitted connection, which must have no outstanding
 * operation. */
void server_dismiss(struct connection *, struct stats *);

/* The same, but leaves the socket open and returns it, for a model that uses sockets again. */
socket_handle server_release(struct connection *, struct stats *);

/* Returns an open connection, or NULL. For a model that must end each one by itself, after its
 * threads have ended. */
struct connection *server_any(void);

/* Closes the sockets of all open connections. For a model whose operations cannot be cancelled, but
 * end with their socket. The model still dismisses each connection. */
void server_close_sockets(void);

/* Call it repeatedly while stopping, until no operation is left. Once per poll interval it cancels
 * every operation on the listener and on the connections; Linux shuts the sockets down instead,
 * which wakes who waits for them. Returns the number of open connections. A cancelled operation
 * still completes; the next round cancels operations started meanwhile. */
uint32_t server_cancel(void);

/* Counts why a connection was lost: reset by the client, cancelled because the server stops, or a
 * failure. */
void server_lost(system_error error, struct stats *);

/* Counts why an accept gave no client. Returns true if the client left before: `aborted`. Returns
 * false if the server stops or lacks handles or memory; then the next accept would fail, too. */
bool server_not_accepted(system_error error, struct stats *);

/* Prints an error about the value of a model's option on stderr. Returns the exit code for that. */
int server_wrong_option(const char *name, uint32_t value, const char *allowed);

/* Prints on stderr that `call` failed, with the system's message. Returns EXIT_FAILURE. */
int server_error(const char *call, system_error error);

#endif

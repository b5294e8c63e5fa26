/* The client's side of one connection, without any I/O. It knows when requests are due, makes the
 * bytes to send, checks every received byte, and reports response times to its recorder. A backend
 * (net.h) moves the bytes, makes the connections and reads the clock.
 *
 * A client makes and compares requests and replies in pieces, from a shared pattern. So it keeps no
 * copy of either: it is a few counters, whatever the frame's size. */
#ifndef IOMODELS_CLIENT_H
#define IOMODELS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/frame.h"
#include "loadgen/amount.h"
#include "loadgen/recorder.h"
#include "loadgen/schedule.h"

#define CLIENT_NEVER UINT64_MAX

/* A connection is warm after so many replies under load. The first replies meet a server that still
 * allocates memory, and all connections send their first requests together. */
enum { CLIENT_WARM_REPLIES = 2 };

/* The load on the connections of one class. */
struct load {
    struct amount size, reply_size; /* payload bytes of a request and of its reply */
    bool reply_as_request;          /* a reply is as long as its request; reply_size is ignored */
    struct amount cpu_us, block_us; /* handler work, see common/frame.h */
    uint32_t depth;                 /* outstanding requests per connection */
    uint32_t churn;                 /* replies before a reconnect; 0: never */
    bool close_fin; /* closes replaced connections by FIN, else by RST, which leaves no TIME_WAIT */
    uint64_t seed;  /* for the amounts */
    const char *pattern; /* from load_pattern() */
    struct arrivals arrivals;
    uint64_t start_ns; /* requests are due from here to the end of the window; 0 during set-up */
};

/* Returns the random bytes that all payloads share, and the filler; the caller frees them. NULL:
 * out of memory. */
char *load_pattern(uint64_t seed);

/* Call it before any client of the load is opened. */
bool load_open_loop(const struct load *);

enum client_error {
    CLIENT_FINE,
    CLIENT_RESET,
    CLIENT_CLOSED,
    CLIENT_MISMATCH,
    CLIENT_TIMEOUT,
    CLIENT_CONNECT,
    CLIENT_OTHER,
    CLIENT_ERRORS
};
extern const char *const client_error_names[CLIENT_ERRORS];

struct client {
    const struct load *load;
    struct recorder *recorder; /* of its thread and class */
    uint32_t id;               /* makes the bytes of each connection unique */
    enum client_error error;   /* any value but CLIENT_FINE means that the connection is dead */

    uint64_t quota;    /* maximum of `begun`; 0: an idle connection */
    uint32_t cold;     /* replies until the connection is warm */
    uint64_t begun;    /* requests whose first byte has been sent */
    uint64_t answered; /* complete replies */
    uint64_t counted;  /* replies inside the window */
    uint32_t sent;     /* bytes sent of request begun - 1; 0 if no request is partly sent */
    uint32_t received; /* bytes received of reply `answered` */
    uint64_t used;     /* `begun` when the current connection was made */

    struct schedule schedule; /* the next request's, in an open loop */
    uint64_t connect_ns;      /* when the current connect began */
    /* when the server last removed an obstacle: no slot, no connection, no buffer space */
    uint64_t possible_ns;
    /* due time of the first of the current series of late sends; 0 if the last was timely */
    uint64_t late_since_ns;
    struct moments *outstanding; /* ring of `depth` outstanding requests */
};

/* Opens a client; `index` is the connection's index in its class, for the schedule. Returns false
 * if out of memory. */
bool client_open(struct client *, const struct load *, struct recorder *, uint32_t id,
                 uint32_t index);
void client_close(struct client *);

/* The first reports that a connect began, the second that the connection is established. */
void client_connecting(struct client *, uint64_t now_ns);
void client_connected(struct client *, uint64_t now_ns);

/* Reports that the kernel accepts bytes again, after it had rejected some. */
void client_unblocked(struct client *, uint64_t now_ns);

/* Returns when the client next has bytes to send: now (0), at a later time, or after a receive
 * (CLIENT_NEVER). */
uint64_t client_due_ns(const struct client *);

/* Writes the next bytes to send, at most `capacity`. Returns their number, 0 if nothing is due. */
size_t client_output(const struct client *, uint64_t now_ns, char *buffer, size_t capacity);

/* Reports that the kernel took the first `count` bytes of client_output() at `now_ns`. */
void client_sent(struct client *, size_t count, uint64_t now_ns);

/* Reports `count` bytes received by `now_ns`. Returns false and sets client->error if they are
 * wrong. */
bool client_received(struct client *, const char *bytes, size_t count, uint64_t now_ns);

/* Marks the connection as dead, unless it is already. */
void client_fail(struct client *, enum client_error);

/* Returns whether a reply is outstanding or incomplete. */
bool client_waiting(const struct client *);

/* Returns whether this connection has had its `churn` replies and a reconnect is due. */
bool client_used_up(const struct client *);

/* Returns how many requests, due from the start of the recorder's window to `end_ns`, are unsent.
 * Advances the schedule to `end_ns`. */
uint64_t client_skip_unsent(struct client *, uint64_t end_ns);

/* Returns since when the client is behind its schedule at `now_ns`. CLIENT_NEVER: it is not. */
uint64_t client_behind_since_ns(const struct client *, uint64_t now_ns);

#endif

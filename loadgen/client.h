/*
 * The client's side of one connection, without any I/O: it knows when requests are due, makes the bytes to
 * send, checks every byte that comes back, and tells its recorder how long each reply took. A backend (net.h)
 * moves the bytes, makes the connections and looks at the clock.
 *
 * Requests and replies are made and compared piece by piece from a shared pattern, so a client keeps no copy
 * of either: it is a few counters, whatever the frame's size.
 */
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

/* What the connections of one class are asked to do. */
struct load {
    struct amount size, reply_size; /* payload bytes of a request and of its reply */
    bool reply_as_request; /* a reply is as long as its request, whatever reply_size says */
    struct amount cpu_us, block_us; /* handler work, see common/frame.h */
    uint32_t depth;                 /* requests outstanding on a connection */
    uint32_t churn;                 /* replies after which a connection is made anew; 0: never */
    bool close_fin;      /* how churn closes: by FIN; else by RST, which leaves no TIME_WAIT */
    uint64_t seed;       /* of the amounts */
    const char *pattern; /* load_pattern() */
    struct arrivals arrivals;
    uint64_t start_ns,
        stop_ns; /* no request is due before, none is due from then on; 0, 0: set-up */
};

/* Random bytes that all payloads are cut from, and the filler; freed with free(). NULL: out of memory. */
char *load_pattern(uint64_t seed);

/* Before its clients are opened. */
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
    uint32_t id;               /* so that no two connections send the same bytes */
    enum client_error error;   /* once it is not CLIENT_FINE the connection is dead */

    uint64_t quota;    /* requests that may be begun, counted from the first */
    uint64_t begun;    /* requests of which at least the first byte has been sent */
    uint64_t answered; /* replies complete */
    uint64_t counted;  /* of them inside the window */
    uint32_t sent;     /* bytes sent of request number begun - 1; 0: none is half sent */
    uint32_t received; /* bytes received of reply number `answered` */
    uint64_t used;     /* `begun` when the present connection was made */

    struct schedule schedule; /* of the next request, in an open loop */
    uint64_t connect_ns;      /* when the present connect was begun */
    uint64_t
        possible_ns; /* when the server last ended a hindrance: no place, no connection, no room */
    uint64_t
        late_since_ns; /* due time of the first of the unbroken row of late sends; 0: the last was timely */
    struct moments *underway; /* ring of `depth`: the requests outstanding */
};

/* `index`: of the connection in its class, for the schedule. false: out of memory. */
bool client_open(struct client *, const struct load *, struct recorder *, uint32_t id,
                 uint32_t index);
void client_close(struct client *);

/* A connect was begun; the connection stands. */
void client_connecting(struct client *, uint64_t now_ns);
void client_connected(struct client *, uint64_t now_ns);

/* The system takes bytes again, after it had refused some. */
void client_unblocked(struct client *, uint64_t now_ns);

/* When it next has something to send: at once (0), at a time to come, or not before something is received
   (CLIENT_NEVER). */
uint64_t client_due_ns(const struct client *);

/* Writes the next bytes to send, at most `capacity`, and returns how many; 0: nothing is to be sent now. */
size_t client_output(const struct client *, uint64_t now_ns, char *buffer, size_t capacity);

/* The first `count` bytes of client_output() were handed to the system at `now_ns`, the time it was given. */
void client_sent(struct client *, size_t count, uint64_t now_ns);

/* `count` bytes were received by `now_ns`. false: they are not what they must be; client->error says so. */
bool client_received(struct client *, const char *bytes, size_t count, uint64_t now_ns);

/* Whether a reply, or the rest of one, is still to come. */
bool client_waiting(const struct client *);

/* Whether this connection has had its `churn` replies, and there is more to ask: it is time for another one.
 */
bool client_used_up(const struct client *);

/* Requests that were due from the begin of the recorder's window to `end_ns` and have not been sent; moves
 * the schedule on to that time. */
uint64_t client_skip_unsent(struct client *, uint64_t end_ns);

/* Since when it has been behind its schedule, were it now `now_ns`; CLIENT_NEVER: it is not. */
uint64_t client_behind_since_ns(const struct client *, uint64_t now_ns);

#endif

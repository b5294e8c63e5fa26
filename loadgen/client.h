/*
 * The client's side of one connection, without any I/O: it makes the bytes to send, checks every byte that
 * comes back, and tells the recorder how long each reply took. A backend (net.h) moves the bytes.
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
#include "loadgen/recorder.h"

/* What every connection is asked to do. */
struct load {
    uint32_t size, reply_size; /* payload bytes of a request and of its reply */
    uint32_t depth;            /* requests outstanding on a connection */
    uint32_t cpu_us, block_us; /* handler work, see common/frame.h */
    const char *pattern;       /* load_pattern() */
};

/* Random bytes that all payloads are cut from; freed with free(). NULL: out of memory. */
char *load_pattern(uint64_t seed);

enum client_error {
    CLIENT_FINE,
    CLIENT_RESET,
    CLIENT_CLOSED,
    CLIENT_MISMATCH,
    CLIENT_TIMEOUT,
    CLIENT_OTHER,
    CLIENT_ERRORS
};
extern const char *const client_error_names[CLIENT_ERRORS];

struct client {
    const struct load *load;
    uint32_t id;             /* so that no two connections send the same bytes */
    enum client_error error; /* once it is not CLIENT_FINE the connection is dead */

    uint64_t quota;    /* requests that may be begun, counted from the first */
    uint64_t begun;    /* requests of which at least the first byte has been sent */
    uint64_t answered; /* replies complete */
    uint32_t sent;     /* bytes sent of request number begun - 1; 0: none is half sent */
    uint32_t received; /* bytes received of reply number `answered` */
    uint64_t *sent_ns; /* ring of `depth`: when each outstanding request was handed to the system */
};

bool client_open(struct client *, const struct load *, uint32_t id); /* false: out of memory */
void client_close(struct client *);

/* Writes the next bytes to send, at most `capacity`, and returns how many; 0: nothing is to be sent now. */
size_t client_output(const struct client *, char *buffer, size_t capacity);

/* The first `count` bytes of client_output() were handed to the system at `now_ns`. */
void client_sent(struct client *, size_t count, uint64_t now_ns);

/* `count` bytes were received by `now_ns`. false: they are not what they must be; client->error says so. */
bool client_received(struct client *, const char *bytes, size_t count, uint64_t now_ns, struct recorder *);

/* Whether a reply, or the rest of one, is still to come. */
bool client_waiting(const struct client *);

#endif

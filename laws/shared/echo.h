/* An echo server on a completion port and its client, both in this process, over loopback. Settings
 * make it as wasteful as the samples of textbooks. */
#ifndef IOMODELS_SHARED_ECHO_H
#define IOMODELS_SHARED_ECHO_H

#include "laws/law.h"

enum { ECHO_MESSAGE = 1024, ECHO_BATCH = 8 };

struct echo_settings {
    uint32_t sockets, workers;
    uint32_t buffer_bytes; /* of one receive, at most ECHO_MESSAGE */
    bool allocate;         /* every receive allocates its OVERLAPPED and its buffer */
    HANDLE print;          /* a line per receive is written here, unless NULL */
};

struct echo;

/* Connects the sockets and starts a receive on each. Lives until the process ends, because Windows
 * owns the buffers of outstanding receives. */
struct echo *echo_open(const struct echo_settings *);

/* Echoes batches of ECHO_BATCH messages with `workers` worker threads, which wait on the port before
 * the clock starts. Returns the time per message of the fastest batch. */
uint64_t echo_message_ns(struct echo *, uint32_t workers, uint32_t batches);

/* The client's part alone, for other servers: sends a message on ECHO_BATCH successive sockets, and
 * receives them back. Returns the time per message of the fastest batch. */
uint64_t echo_converse_ns(const SOCKET *clients, uint32_t count, uint32_t batches);

#endif

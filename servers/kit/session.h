/* The server's side of one connection, without any I/O: plain memory and plain C.
 *
 * A model reports the results of its I/O and gets the next step; how it receives and sends is its
 * own choice:
 *
 *     struct span space = session_space(s);        receive into this
 *     next = session_received(s, bytes, stats);    SESSION_SEND, SESSION_RECEIVE or SESSION_CLOSE
 *     struct span reply = session_output(s);       send this
 *     next = session_sent(s, bytes, stats);        the same three steps
 *
 * The thread that makes these calls does the request's handler work (frame.h). Memory is two
 * buffers of --buffer bytes. Back-pressure: an unsent reply stops further requests, so a client
 * that does not read cannot make a connection grow. Replies that fit together use one send. */
#ifndef IOMODELS_SESSION_H
#define IOMODELS_SESSION_H

#include "common/frame.h"
#include "stats.h"

enum { SESSION_BUFFER_MIN = 64 }; /* bytes: a header and space for progress */

struct span {
    char *data;
    uint32_t length; /* bytes */
};

enum session_next { SESSION_RECEIVE, SESSION_SEND, SESSION_CLOSE };

enum session_phase { READ_HEADER, READ_PAYLOAD, WRITE_FILLER };

struct session {
    char *in, *out;              /* one allocation of two buffers */
    uint32_t capacity;           /* bytes of each */
    uint32_t in_begin, in_end;   /* received and not yet taken */
    uint32_t out_begin, out_end; /* to be sent */
    enum session_phase phase;    /* of the current request */
    struct frame_header request; /* valid after its header */
    uint32_t taken, made; /* bytes taken of the request's payload, bytes made of the reply's */
    uint32_t replies;     /* complete replies in `out` */
    bool broken;          /* an invalid header arrived; earlier requests still get replies */
};

/* Returns false, with nothing to close, if out of memory. */
bool session_open(struct session *, uint32_t buffer_bytes);
void session_close(struct session *);

struct span session_space(struct session *); /* valid after SESSION_RECEIVE, then never empty */
struct span session_output(const struct session *); /* valid after SESSION_SEND, then never empty */

/* Reports `bytes` received into session_space(); 0 is the client's half-close. */
enum session_next session_received(struct session *, uint32_t bytes, struct stats *);

/* Reports that the first `bytes` bytes of session_output() were sent. */
enum session_next session_sent(struct session *, uint32_t bytes, struct stats *);

#endif

/*
 * The server's side of one connection, without any I/O: plain memory and plain C.
 *
 * A model says what its I/O brought and is told what to do next; how it receives and sends is its own affair:
 *
 *     struct span space = session_space(s);             receive into this
 *     next = session_received(s, bytes, stats);         SESSION_SEND, SESSION_RECEIVE or SESSION_CLOSE
 *     struct span reply = session_output(s);            send this
 *     next = session_sent(s, bytes, stats);             the same three answers
 *
 * The request's handler work (frame.h) is done in the thread that makes these calls. Memory is two buffers of
 * --buffer bytes: while a reply is unsent no further request is taken, so a peer that does not read cannot
 * make a connection grow. Replies that fit together leave in one send.
 */
#ifndef IOMODELS_SESSION_H
#define IOMODELS_SESSION_H

#include "common/frame.h"
#include "stats.h"

enum { SESSION_BUFFER_MIN = 64 }; /* bytes: a header, and room to get on */

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
    enum session_phase phase;    /* of the request at hand */
    struct frame_header request; /* once its header is complete */
    uint32_t taken, made; /* bytes of the request's payload taken, of the reply's payload made */
    uint32_t replies;     /* whole replies in `out` */
    bool broken;          /* an invalid header has come; what is before it is still answered */
};

/* false: out of memory, nothing to close. */
bool session_open(struct session *, uint32_t buffer_bytes);
void session_close(struct session *);

struct span session_space(struct session *); /* valid after SESSION_RECEIVE, never empty then */
struct span session_output(const struct session *); /* valid after SESSION_SEND, never empty then */

/* `bytes` were received into session_space(); 0: the peer has ended its side. */
enum session_next session_received(struct session *, uint32_t bytes, struct stats *);

/* The first `bytes` bytes of session_output() were sent. */
enum session_next session_sent(struct session *, uint32_t bytes, struct stats *);

#endif

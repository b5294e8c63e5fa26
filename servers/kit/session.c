#include "session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

bool session_open(struct session *session, uint32_t buffer_bytes) {
    assert(buffer_bytes >= SESSION_BUFFER_MIN);
    *session = (struct session){.in = malloc((size_t)buffer_bytes * 2), .capacity = buffer_bytes};
    session->out = session->in ? session->in + buffer_bytes : NULL;
    return session->in != NULL;
}

void session_close(struct session *session) {
    free(session->in);
    *session = (struct session){0};
}

/* Takes the next request's header if it is complete, and begins its reply. Returns false if it
 * cannot yet. */
static bool begin_request(struct session *session, struct stats *stats) {
    if (session->broken || session->in_end - session->in_begin < FRAME_HEADER_BYTES)
        return false;
    struct frame_header request = frame_decode(session->in + session->in_begin);
    if (!frame_valid(&request)) {
        session->broken = true;
        stats->protocol_errors++;
        return false;
    }
    /* Complete replies must not wait for the work of a later request. */
    bool has_work = request.cpu_us > 0 || request.block_us > 0;
    if (session->capacity - session->out_end < FRAME_HEADER_BYTES ||
        (has_work && session->out_end > 0))
        return false;
    struct frame_header reply = frame_reply(request);
    frame_encode(&reply, session->out + session->out_end);
    session->in_begin += FRAME_HEADER_BYTES;
    session->out_end += FRAME_HEADER_BYTES;
    session->request = request;
    session->taken = session->made = 0;
    session->phase = READ_PAYLOAD;
    return true;
}

/* Moves payload from the receive to the send buffer; does the handler work after the last byte.
 * Returns false if it cannot yet. */
static bool take_payload(struct session *session) {
    uint32_t count = smaller(session->in_end - session->in_begin,
                             session->request.payload_length - session->taken);
    uint32_t echoed = smaller(count, session->request.reply_length - session->made);
    uint32_t room = session->capacity - session->out_end;
    if (echoed > room)
        count = echoed = room;
    memcpy(session->out + session->out_end, session->in + session->in_begin, echoed);
    session->in_begin += count;
    session->out_end += echoed;
    session->taken += count;
    session->made += echoed;
    if (session->taken < session->request.payload_length)
        return false;
    if (session->request.cpu_us > 0)
        clock_spin_us(session->request.cpu_us);
    if (session->request.block_us > 0)
        clock_sleep_us(session->request.block_us);
    session->phase = WRITE_FILLER;
    return true;
}

/* Writes the reply's bytes beyond the request's payload and ends the request. Returns false if it
 * cannot yet. */
static bool write_filler(struct session *session, struct stats *stats) {
    uint32_t count = smaller(session->request.reply_length - session->made,
                             session->capacity - session->out_end);
    frame_fill(session->out + session->out_end, count, session->made);
    session->out_end += count;
    session->made += count;
    if (session->made < session->request.reply_length)
        return false;
    stats->requests++;
    /* 0: a short reply may be sent before its long request is complete */
    session->replies += session->out_end > 0;
    session->phase = READ_HEADER;
    return true;
}

static enum session_next advance(struct session *session, struct stats *stats) {
    bool going = true;
    while (going) {
        switch (session->phase) {
        case READ_HEADER:
            going = begin_request(session, stats);
            break;
        case READ_PAYLOAD:
            going = take_payload(session);
            break;
        case WRITE_FILLER:
            going = write_filler(session, stats);
            break;
        }
    }
    if (session->replies > 0 || session->out_end == session->capacity)
        return SESSION_SEND;
    return session->broken ? SESSION_CLOSE : SESSION_RECEIVE;
}

struct span session_space(struct session *session) {
    /* less than a header: all other bytes are taken */
    uint32_t held = session->in_end - session->in_begin;
    if (session->in_begin > 0)
        memmove(session->in, session->in + session->in_begin, held);
    session->in_begin = 0;
    session->in_end = held;
    return (struct span){session->in + held, session->capacity - held};
}

struct span session_output(const struct session *session) {
    return (struct span){session->out + session->out_begin, session->out_end - session->out_begin};
}

enum session_next session_received(struct session *session, uint32_t bytes, struct stats *stats) {
    assert(bytes <= session->capacity - session->in_end);
    if (bytes == 0) {
        if (session->phase != READ_HEADER || session->in_end > session->in_begin)
            stats->truncated++;
        return SESSION_CLOSE;
    }
    stats->receives++;
    stats->bytes_received += bytes;
    session->in_end += bytes;
    return advance(session, stats);
}

enum session_next session_sent(struct session *session, uint32_t bytes, struct stats *stats) {
    uint32_t offered = session->out_end - session->out_begin;
    assert(bytes <= offered);
    stats->sends++;
    stats->bytes_sent += bytes;
    stats->partial_sends += bytes < offered;
    session->out_begin += bytes;
    if (bytes < offered)
        return SESSION_SEND;
    session->out_begin = session->out_end = session->replies = 0;
    return advance(session, stats);
}

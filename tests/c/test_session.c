/* The session against a second, simpler implementation of the protocol, under every segmentation of
 * both directions. */
#include "check.h"
#include "session.h"

#include <string.h>

enum { STREAM_MAX = 1 << 16 };

struct stream {
    char bytes[STREAM_MAX];
    size_t length;
};

static void add_request(struct stream *stream, uint32_t payload, uint32_t reply,
                        uint32_t sequence) {
    struct frame_header header = {payload, reply, 0, 0, sequence, 0};
    frame_encode(&header, stream->bytes + stream->length);
    stream->length += FRAME_HEADER_BYTES;
    for (uint32_t i = 0; i < payload; i++)
        stream->bytes[stream->length++] = (char)(unsigned char)(sequence * 31 + i * 7);
}

/* Makes the expected replies to the complete frames of `in`. Returns where the first incomplete or
 * invalid frame begins. */
static size_t expected_replies(const struct stream *in, struct stream *out) {
    size_t at = 0;
    out->length = 0;
    while (in->length - at >= FRAME_HEADER_BYTES) {
        struct frame_header header = frame_decode(in->bytes + at);
        if (!frame_valid(&header) || in->length - at - FRAME_HEADER_BYTES < header.payload_length)
            break;
        struct frame_header reply = frame_reply(header);
        frame_encode(&reply, out->bytes + out->length);
        out->length += FRAME_HEADER_BYTES;
        for (uint32_t i = 0; i < header.reply_length; i++) {
            char filler = (char)(unsigned char)i;
            out->bytes[out->length++] =
                i < header.payload_length ? in->bytes[at + FRAME_HEADER_BYTES + i] : filler;
        }
        at += FRAME_HEADER_BYTES + header.payload_length;
    }
    return at;
}

/* Feeds `in` in pieces of at most `in_step` bytes, takes replies of at most `out_step`. Returns the
 * last answer. */
static enum session_next converse(const struct stream *in, struct stream *out, uint32_t buffer,
                                  uint32_t in_step, uint32_t out_step, struct stats *stats) {
    struct session session;
    CHECK(session_open(&session, buffer));
    enum session_next next = SESSION_RECEIVE;
    size_t given = 0;
    out->length = 0;
    while (next == SESSION_SEND || (next == SESSION_RECEIVE && given < in->length)) {
        if (next == SESSION_RECEIVE) {
            struct span space = session_space(&session);
            CHECK(space.length > 0 && space.length <= buffer);
            size_t step = in->length - given;
            step = step < in_step ? step : in_step;
            step = step < space.length ? step : space.length;
            memcpy(space.data, in->bytes + given, step);
            given += step;
            next = session_received(&session, (uint32_t)step, stats);
        } else {
            struct span output = session_output(&session);
            CHECK(output.length > 0 && output.length <= buffer);
            uint32_t step = output.length < out_step ? output.length : out_step;
            memcpy(out->bytes + out->length, output.data, step);
            out->length += step;
            next = session_sent(&session, step, stats);
        }
    }
    if (next == SESSION_RECEIVE)
        next = session_received(&session, 0, stats);
    session_close(&session);
    return next;
}

static void check_everywhere(const struct stream *in, uint64_t requests, uint64_t errors,
                             uint64_t truncated) {
    static struct stream expected, got;
    static const uint32_t buffers[] = {SESSION_BUFFER_MIN, 100, 1000, 16384};
    static const uint32_t steps[] = {1, 7, 24, 4096, STREAM_MAX};
    expected_replies(in, &expected);
    for (size_t b = 0; b < 4; b++) {
        for (size_t i = 0; i < 25; i++) {
            struct stats stats = {0};
            CHECK(converse(in, &got, buffers[b], steps[i / 5], steps[i % 5], &stats) ==
                  SESSION_CLOSE);
            CHECK(got.length >= expected.length &&
                  memcmp(got.bytes, expected.bytes, expected.length) == 0);
            CHECK(stats.bytes_sent == got.length && stats.requests == requests);
            CHECK(stats.protocol_errors == errors && stats.truncated == truncated);
            /* else part of the reply to the truncated frame may be sent */
            if (truncated == 0)
                CHECK(got.length == expected.length);
        }
    }
}

static void replies_are_exact(void) {
    static struct stream in;
    in.length = 0;
    for (uint32_t i = 0; i < 20; i++) {
        add_request(&in, i, i, i);
        add_request(&in, 300 + i, 300 + i, UINT32_MAX - i);
        add_request(&in, i * 3, 200, i);
        add_request(&in, 200, i, i);
        add_request(&in, 0, i * 40, i);
    }
    check_everywhere(&in, 100, 0, 0);
}

static void bad_headers_end_the_connection_after_the_replies_before_them(void) {
    static const struct frame_header wrong[] = {
        {FRAME_PAYLOAD_MAX + 1, 0, 0, 0, 0, 0},
        {0, FRAME_PAYLOAD_MAX + 1, 0, 0, 0, 0},
        {0, 0, FRAME_WORK_MAX_US + 1, 0, 0, 0},
        {0, 0, 0, FRAME_WORK_MAX_US + 1, 0, 0},
        {0, 0, 0, 0, 0, 1},
        {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, 0, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        static struct stream in;
        in.length = 0;
        add_request(&in, 50, 50, 1);
        add_request(&in, 5, 500, 2);
        frame_encode(&wrong[i], in.bytes + in.length);
        in.length += FRAME_HEADER_BYTES;
        add_request(&in, 1, 1, 3); /* never reached */
        check_everywhere(&in, 2, 1, 0);
    }
}

static void an_end_inside_a_frame_is_counted(void) {
    static struct stream whole, in;
    whole.length = 0;
    add_request(&whole, 40, 40, 1);
    size_t first = whole.length;
    add_request(&whole, 30, 60, 2);
    for (size_t cut = first + 1; cut < whole.length; cut++) {
        in = whole;
        in.length = cut;
        check_everywhere(&in, 1, 0, 1);
    }
}

/* Complete replies are sent before a later request's work begins. */
static void work_does_not_hold_back_earlier_replies(void) {
    struct session session;
    struct stats stats = {0};
    CHECK(session_open(&session, 1000));
    struct span space = session_space(&session);
    struct frame_header plain = {0, 0, 0, 0, 1, 0}, heavy = {0, 0, 2000, 1000, 2, 0};
    frame_encode(&plain, space.data);
    frame_encode(&heavy, space.data + FRAME_HEADER_BYTES);
    frame_encode(&plain, space.data + 2 * FRAME_HEADER_BYTES);
    CHECK(session_received(&session, 3 * FRAME_HEADER_BYTES, &stats) == SESSION_SEND);
    CHECK(session_output(&session).length == FRAME_HEADER_BYTES && stats.requests == 1);
    CHECK(session_sent(&session, FRAME_HEADER_BYTES, &stats) == SESSION_SEND);
    CHECK(session_output(&session).length == 2 * FRAME_HEADER_BYTES && stats.requests == 3);
    CHECK(session_sent(&session, FRAME_HEADER_BYTES, &stats) == SESSION_SEND);
    CHECK(session_sent(&session, FRAME_HEADER_BYTES, &stats) == SESSION_RECEIVE);
    CHECK(stats.sends == 3 && stats.partial_sends == 1);
    session_close(&session);
}

/* However the request arrives, a reply that fits the buffer is offered only when complete. */
static void a_reply_leaves_in_one_piece(void) {
    static struct stream in;
    struct session session;
    struct stats stats = {0};
    in.length = 0;
    add_request(&in, 40, 90, 1);
    CHECK(session_open(&session, 128));
    for (size_t i = 0; i < in.length; i++) {
        *session_space(&session).data = in.bytes[i];
        bool last = i + 1 == in.length;
        CHECK(session_received(&session, 1, &stats) == (last ? SESSION_SEND : SESSION_RECEIVE));
    }
    CHECK(session_output(&session).length == FRAME_HEADER_BYTES + 90);
    session_close(&session);
}

int main(void) {
    replies_are_exact();
    a_reply_leaves_in_one_piece();
    bad_headers_end_the_connection_after_the_replies_before_them();
    an_end_inside_a_frame_is_counted();
    work_does_not_hold_back_earlier_replies();
    return 0;
}
